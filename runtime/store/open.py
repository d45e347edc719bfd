"""Opening a zone's journal: read what is there, become its owner, and go on writing."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from jacquemart.runtime.model.errors import JournalCorrupt, JournalError, JournalFenced
from jacquemart.runtime.model.record import Record, RecordKind
from jacquemart.runtime.store import schema
from jacquemart.runtime.store.database import Database
from jacquemart.runtime.store.folder import journal_path, lock_path
from jacquemart.runtime.store.format import Parcel, Tip, chain, pack_body
from jacquemart.runtime.store.intake import Intake
from jacquemart.runtime.store.journal import Opened
from jacquemart.runtime.store.lock import OwnerLock
from jacquemart.runtime.store.recovery import Recovered
from jacquemart.runtime.store.settings import DEFAULTS, StoreSettings
from jacquemart.runtime.store.sqlite_journal import SqliteJournal
from jacquemart.runtime.store.writer import Writer

log = logging.getLogger("jacquemart.journal")


def open_journal(
    folder: Path,
    zone: str,
    *,
    post: Callable[[Callable[[], object]], object],
    wall_ns: Callable[[], int],
    boot_id: str,
    boot_ns: Callable[[], int],
    version: str,
    settings: StoreSettings = DEFAULTS,
    new_id: Callable[[], bytes] = lambda: secrets.token_bytes(16),
) -> Opened:
    """Open the journal of a zone, or make it; blocks as long as the disk does.

    If acknowledged records are lost or altered, the journal opens with its ``fault`` set to a
    JournalCorrupt, without an OPENED record and with those records that can be trusted: it can be
    read, and takes nothing. Close it, ``repair_journal`` it from a copy, and open it again. If
    the disk is full, it opens likewise; acceptance then resumes by itself.

    Args:
        folder: the city's state folder; made if needed, for this user only.
        zone: the zone's id.
        post: has the loop call something soon, from any thread (``loop.call_soon_threadsafe``).
        wall_ns: POSIX ns.
        boot_id: of the host, for the OPENED record.
        boot_ns: ns on the boot-time clock.
        version: of this software.
        settings: limits and times.
        new_id: identifies a new journal, 16 bytes; a seam for tests.

    Raises:
        JournalFenced: another process owns the journal.
        JournalTooNew: a later version has written it.
        JournalError: the disk; nothing was changed, try again.
    """
    _make(folder)
    path = journal_path(folder, zone)
    lock = OwnerLock(lock_path(path), settings.lock_s)
    database = Database(path, settings)

    def take_over(recovered: Recovered) -> Tip:
        epoch = max(recovered.epoch + 1, wall_ns() // 1_000_000)
        database.claim(recovered, epoch, zone, recovered.journal or new_id())
        now = wall_ns()
        facts = {"epoch": epoch, "boot_id": boot_id, "boot_ns": boot_ns(), "wall_ns": now,
                 "version": version}  # fmt: skip
        first = recovered.tip.sequence + 1
        tip, body = chain(
            recovered.tip, epoch, [Parcel(first, now, [(RecordKind.OPENED, pack_body(facts))])]
        )
        database.append(first, tip, now, body)
        opened.append(Record(first, epoch, now, RecordKind.OPENED, facts))
        return tip

    opened: list[Record] = []
    writer = None
    try:
        recovered = database.open()
        for note in recovered.notes:
            log.warning("%s: %s", path, note)
        if recovered.zone not in ("", zone):
            raise JournalError(f"is the journal of zone {recovered.zone!r}", where=str(path))
        intake = Intake(settings, recovered.tip.sequence)
        if recovered.verdict.corrupt:
            database.close()
            intake.stop(_corrupt(path, recovered.verdict.corrupt))
        else:
            writer = Writer(database, intake, settings, recovered.tip, post=post)
            try:
                writer.begin(take_over(recovered))
            except JournalFenced:
                raise
            except JournalError as error:
                if not recovered.tip.sequence:
                    raise  # a new journal: there is nothing that one could go on with
                writer.begin_later(take_over, error)
    except BaseException:
        database.close()
        lock.close()
        raise
    journal = SqliteJournal(
        zone, database, lock, intake, writer, settings, post=post, wall_ns=wall_ns
    )
    return Opened(journal, recovered.snapshot.state, [*recovered.records, *opened])


def _corrupt(path: Path, why: str) -> JournalCorrupt:
    error = JournalCorrupt(why, where=str(path), advice=schema.REPAIR)
    log.error("nothing is accepted: %s", error)
    return error


def _make(folder: Path) -> None:
    """Make a state folder for this user only; one that is there must not be open to others.

    Raises:
        JournalError: it cannot be made, or somebody else could change what is in it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid != os.getuid():
            raise JournalError("the state folder belongs to another user", where=str(folder))
        if found.st_mode & 0o022:
            raise JournalError(
                "other users may write into the state folder",
                where=str(folder),
                advice=f"chmod 700 {folder}, or choose another one",
            )
    except OSError as error:
        raise schema.typed(error, folder, "the state folder cannot be made") from error
