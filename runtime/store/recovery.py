"""From the files of a journal to its state: what is there, whether it can be trusted, what was cut.

Reads only. It starts at the newest snapshot that is whole and follows the chain from there, so
its time is that of the records since the last snapshot.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from jacquemart.runtime.model.record import Record
from jacquemart.runtime.store import snapshots
from jacquemart.runtime.store.format import START, Broken, Tip, blob, read_chain
from jacquemart.runtime.store.judgement import Found, Verdict, judge
from jacquemart.runtime.store.mark import Mark
from jacquemart.runtime.store.snapshots import NOTHING, Damaged, Snapshot

log = logging.getLogger("jacquemart.journal")

#: Up to this size the structure of the whole file is looked at, too.
CHECKED_BYTES = 256 * 1024 * 1024


@dataclass(slots=True)
class Recovered:
    """What the files of a journal hold."""

    journal: bytes = b""
    zone: str = ""
    epoch: int = 0
    """Of the last owner, as far as database and watermark know."""
    in_file: int = 0
    """The same as the database alone says; a new owner compares it before it takes over."""
    snapshot: Snapshot = NOTHING
    records: list[Record] = field(default_factory=list)
    """Those after the snapshot that can be trusted."""
    tip: Tip = START
    verdict: Verdict = field(default_factory=Verdict)
    notes: list[str] = field(default_factory=list)
    """What an operator should know."""


def recover(connection: sqlite3.Connection, mark: Mark | None) -> Recovered:
    """Read a journal; its ``verdict`` says what to think of it.

    Raises:
        sqlite3.OperationalError: the disk cannot be read, or is busy; try again.
    """
    found = Recovered()
    try:
        _read_owner(connection, found)
        structure = _structure(connection)
        broken, at_mark, begin = _follow(connection, found, mark.tip.sequence if mark else 0)
        if structure:
            found.verdict = Verdict(f"the structure of the database is damaged: {structure}")
            return found
    except sqlite3.OperationalError as error:
        if not _means_damage(error):
            raise
        found.verdict = Verdict(f"the database cannot be read: {error}")
        return found
    except (sqlite3.Error, MemoryError, TypeError, ValueError, OverflowError) as error:
        found.verdict = Verdict(f"the database cannot be read: {error}")
        return found
    found.verdict = judge(Found(found.journal, found.tip, broken, at_mark, begin), mark)
    if found.verdict.cut:
        found.notes.append(f"cut behind record {found.tip.sequence}, never acknowledged: {broken}")
    return found


def _read_owner(connection: sqlite3.Connection, found: Recovered) -> None:
    journal, zone = connection.execute("SELECT id, zone FROM journal").fetchone() or (b"", "")
    found.journal, found.zone = blob(journal), str(zone)
    row = connection.execute("SELECT epoch FROM owner").fetchone()
    if row is None:
        raise ValueError("it has no owner's row")
    found.epoch = found.in_file = int(row[0])


def _structure(connection: sqlite3.Connection) -> str:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    if pages * size > CHECKED_BYTES:
        return ""
    row = connection.execute("PRAGMA quick_check(1)").fetchone()
    said = str(row[0]) if row else "no answer"
    return "" if said == "ok" else said


def _newest_whole(connection: sqlite3.Connection, found: Recovered) -> Snapshot:
    numbers = snapshots.whole(connection)
    for upto in numbers:
        try:
            return snapshots.load(connection, upto)
        except Damaged as error:
            found.notes.append(f"{error}; the one before is used")
    return NOTHING


def _follow(
    connection: sqlite3.Connection, found: Recovered, marked: int
) -> tuple[str, bytes | None, int]:
    """Follow the chain; return what is broken, the hash at the watermark, and the first number."""
    found.snapshot = snapshot = _newest_whole(connection, found)
    upto = snapshot.tip.sequence
    first = connection.execute(
        "SELECT max(first) FROM batch WHERE first <= ?", (upto + 1,)
    ).fetchone()[0]
    tip = found.tip = snapshot.tip
    if first is not None and first <= upto:
        tip = snapshots.before(connection, first)  # in the middle of a row: from its beginning
    begin = tip.sequence if tip.sequence == upto else upto
    at_mark = tip.digest if tip.sequence == marked else None
    rows = connection.execute(
        "SELECT first, last, digest, body FROM batch WHERE first >= ? ORDER BY first",
        (tip.sequence + 1,),
    )
    for first, last, digest, body in rows:
        try:
            if first != tip.sequence + 1:
                raise Broken(tip.sequence + 1, f"missing; the next one is {first}")
            links = read_chain(tip, blob(body))
            if not links or links[-1].record.sequence != last or links[-1].digest != digest:
                raise Broken(first, f"the commit of {first} to {last} is not what was written")
            if first <= upto <= last and links[upto - first].digest != snapshot.tip.digest:
                raise Broken(first, f"it is not the record that snapshot {upto} was made of")
        except (Broken, TypeError) as error:
            return str(error), at_mark, begin
        if first <= marked <= last:
            at_mark = links[marked - first].digest
        tip = found.tip = Tip(last, links[-1].digest)
        found.records += [link.record for link in links if link.record.sequence > upto]
    if found.tip.sequence < upto:  # the row that the snapshot's last record is in is cut short
        return f"record {upto} is missing", at_mark, begin
    return "", at_mark, begin


def _means_damage(error: sqlite3.OperationalError) -> bool:
    """Tell a damaged file (a column that is gone, say) from a disk that has a bad moment."""
    return getattr(error, "sqlite_errorname", "") in ("SQLITE_ERROR", "")


def unfinished_frames(wal: Path, known: int) -> int:
    """Return how many frames of a commit that never ended stand in a write-ahead log.

    Args:
        wal: the log; SQLite has just read it.
        known: how many frames SQLite takes for whole.
    """
    try:
        with open(wal, "rb") as file:
            header = file.read(32)
            size = int.from_bytes(header[8:12], "big")
            salts, count = header[16:24], 0
            while len(header) == 32 and size:
                file.seek(32 + (known + count) * (size + 24))
                frame = file.read(24)
                if len(frame) < 16 or frame[8:16] != salts:
                    break
                count += 1
            return count
    except OSError:
        return 0
