"""Repairing a journal from a copy of its records.

What can be trusted of the journal is kept, what is missing is taken from the copy, and the hashes
of all of it must lead to the watermark: records that are not this journal's are refused, however
plausible they look. The result is a new file; the damaged ones stay beside it under other names.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from jacquemart.runtime.model.errors import JournalCorrupt, JournalError
from jacquemart.runtime.model.record import Record
from jacquemart.runtime.store import mark, schema, snapshots
from jacquemart.runtime.store.copies import sync_file, sync_folder
from jacquemart.runtime.store.database import Database
from jacquemart.runtime.store.folder import journal_path, lock_path, mark_path
from jacquemart.runtime.store.format import HEADER, START, Tip, pack_body
from jacquemart.runtime.store.lock import OwnerLock
from jacquemart.runtime.store.mark import Mark, MarkFile
from jacquemart.runtime.store.recovery import Recovered
from jacquemart.runtime.store.settings import DEFAULTS
from jacquemart.runtime.store.snapshots import NOTHING, Snapshot
from jacquemart.runtime.store.verify import Report, verify_journal

_ROW_RECORDS = 256


def repair_journal(
    folder: Path,
    zone: str,
    records: Iterable[Record],
    *,
    base: Snapshot = NOTHING,
    accept_loss: bool = False,
    most_format: int = 0,
) -> Report:
    """Repair a journal that nobody has open; return what it holds then. Blocks.

    Args:
        folder: the state folder.
        zone: the zone's id.
        records: of a copy, in any order; those that the journal has itself must be the same.
        base: a snapshot of the copy, with its hash: the records then need to begin only behind
            it. Used if the journal's own records end before it.
        accept_loss: go on without what neither has. Acknowledged commands may be lost then.
        most_format: the newest format to be written; 0: the newest that there is.

    Raises:
        JournalCorrupt: the copy is not of this journal, or not all that is missing is in it;
            nothing was changed. JournalFenced: the journal is in use. JournalError: the disk.
    """
    path = journal_path(folder, zone)
    lock = OwnerLock(lock_path(path), DEFAULTS.lock_s)
    try:
        database = Database(path, DEFAULTS)
        try:
            found, marked = database.open(), mark.read(mark_path(path))
        finally:
            database.close()
        if base.tip.sequence > found.tip.sequence:
            found.snapshot, found.tip, found.records = base, base.tip, []
        line = _joined(path, found, records)
        tip, rows = _chained(found.snapshot.tip, line)
        _compare(path, tip, rows, marked, accept_loss)
        journal = found.journal or (marked.journal if marked else b"")
        if not journal:
            raise JournalCorrupt("nothing is left of it", where=str(path), advice="restore it")
        epoch = max(found.epoch, marked.epoch if marked else 0, *(r.epoch for r in line[-1:]), 1)
        fresh = path.with_name(path.name + ".repaired")
        _build(fresh, found.snapshot, rows, (journal, zone, epoch), most_format)
        _put_in_place(path, fresh, Mark(journal, epoch, tip))
    except schema.ERRORS as error:
        raise schema.typed(error, path, "cannot be repaired") from error
    finally:
        lock.close()
    return verify_journal(path)


def _joined(path: Path, found: Recovered, records: Iterable[Record]) -> list[Record]:
    """Return the journal's own records and those of the copy that follow on them.

    Raises:
        JournalCorrupt: the two differ where they overlap.
    """
    line = list(found.records)
    own = {record.sequence: record for record in line}
    behind: dict[int, Record] = {}
    for record in records:
        mine = own.get(record.sequence)
        if mine is not None and _frame(mine) != _frame(record):
            raise JournalCorrupt(
                f"record {record.sequence} of the copy is another one: it is not a copy of this "
                "journal",
                where=str(path),
            )
        if record.sequence > found.tip.sequence:
            behind[record.sequence] = record
    sequence = found.tip.sequence
    while (record := behind.get(sequence + 1)) is not None:  # type: ignore[assignment]
        line.append(record)
        sequence += 1
    return line


def _frame(record: Record) -> bytes:
    body = pack_body(record.body)
    return HEADER.pack(*record[:3], int(record.kind), len(body)) + body


Row = tuple[int, int, int, bytes, bytes]


def _chained(tip: Tip, line: Sequence[Record]) -> tuple[Tip, list[tuple[Row, dict[int, bytes]]]]:
    """Return where records lead to, and the rows to write for them, with the hash of each."""
    rows = []
    for begin in range(0, len(line), _ROW_RECORDS):
        digests: dict[int, bytes] = {}
        written = []
        for record in line[begin : begin + _ROW_RECORDS]:
            frame = _frame(record)
            tip = Tip(record.sequence, sha256(tip.digest + frame).digest())
            digests[record.sequence] = tip.digest
            written.append(frame)
        first = line[begin]
        row = (first.sequence, tip.sequence, first.wall_ns, tip.digest, b"".join(written))
        rows.append((row, digests))
    return tip, rows


def _compare(
    path: Path,
    tip: Tip,
    rows: list[tuple[Row, dict[int, bytes]]],
    marked: Mark | None,
    accept_loss: bool,
) -> None:
    """Hold what would be written against the watermark.

    Raises:
        JournalCorrupt: it does not lead there.
    """
    where = str(path)
    if marked is None:
        if not accept_loss:
            raise JournalCorrupt(
                "its watermark is lost: nobody can tell whether this is all", where=where,
                advice="compare the last records yourself, then repair it with --accept-loss",
            )  # fmt: skip
        return
    wanted = marked.tip
    if wanted.sequence > tip.sequence:
        if not accept_loss:
            raise JournalCorrupt(
                f"records {tip.sequence + 1} to {wanted.sequence} are in no copy", where=where,
                advice="find a newer copy, or go on without them with --accept-loss",
            )  # fmt: skip
        return
    for _, digests in rows:
        if digests.get(wanted.sequence, wanted.digest) != wanted.digest:
            raise JournalCorrupt(
                f"the records do not lead to record {wanted.sequence} as it was acknowledged: "
                "this is not a copy of this journal",
                where=where,
            )


def _build(
    path: Path,
    snapshot: Snapshot,
    rows: list[tuple[Row, dict[int, bytes]]],
    about: tuple[bytes, str, int],
    most_format: int,
) -> None:
    """Write a new database."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    journal, zone, epoch = about
    db = sqlite3.connect(path, isolation_level=None)
    try:
        schema.migrate(db, path, most=most_format)
        db.execute("BEGIN")
        db.execute("INSERT INTO journal VALUES (?, ?)", (journal, zone))
        db.execute("UPDATE owner SET epoch = ?", (epoch,))
        tip, wall_ns, state = snapshot
        if tip.sequence:
            db.execute("UPDATE anchor SET sequence = ?, digest = ?", tip)
            seal = snapshots.seal(tip, wall_ns, state)
            db.execute("INSERT INTO part VALUES (?, 0, ?)", (tip.sequence, state))
            db.execute(
                "INSERT INTO snapshot VALUES (?, ?, ?, 1, ?)",
                (tip.sequence, wall_ns, tip.digest, seal),
            )
        db.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?)", [row for row, _ in rows])
        db.execute("COMMIT")
    finally:
        db.close()
    sync_file(path)


def _put_in_place(path: Path, fresh: Path, marked: Mark) -> None:
    """Let the new file take the old one's place; a crash in between leaves the old one."""
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    if path.exists():
        os.link(path, kept)
    for left in ("-wal", "-shm"):
        path.with_name(path.name + left).unlink(missing_ok=True)
    fresh.replace(path)
    written = MarkFile(mark_path(path), marked.journal, marked.epoch)
    try:
        written.write(marked.tip)
    finally:
        written.close()
    sync_folder(path.parent)


def copy_of(source: Path) -> tuple[list[Record], Snapshot]:
    """Return the records of a backup, and its newest snapshot that they all stand behind.

    Raises:
        JournalError: it cannot be read.
    """
    from jacquemart.runtime.store.reader import JournalReader

    with JournalReader(source) as journal:
        facts, anchor = journal.facts(), journal.anchor()
        records = [record for record, _ in journal.links(anchor.sequence)]
        base = NOTHING
        if anchor != START:
            if not facts.snapshots:
                raise JournalError("has neither its beginning nor a snapshot", where=str(source))
            base = journal.snapshot(facts.snapshots[0])
    return records, base
