"""The SQLite file and the watermark of one journal, open for their owner. Blocks; of one thread.

Every transaction compares the owner's epoch in the file with ours, so that whoever was replaced
learns it at its next write and changes nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from jacquemart.native.committer import Committer, SqlError
from jacquemart.runtime.model.errors import JournalCorrupt, JournalError, JournalFenced
from jacquemart.runtime.store import mark, recovery, schema, snapshots
from jacquemart.runtime.store.folder import mark_path
from jacquemart.runtime.store.format import Tip
from jacquemart.runtime.store.judgement import Verdict
from jacquemart.runtime.store.mark import Mark, MarkFile
from jacquemart.runtime.store.recovery import Recovered
from jacquemart.runtime.store.settings import StoreSettings
from jacquemart.runtime.store.snapshots import Damaged

log = logging.getLogger("jacquemart.journal")

_APPEND = "INSERT INTO batch SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT epoch FROM owner) = ?6"
_ZEROS = bytes(256 * 1024)
_NO_MARK = "its watermark cannot be written"


class Database:
    """The files of a journal. All methods raise JournalError and its kinds, typed by cause."""

    def __init__(self, path: Path, settings: StoreSettings) -> None:
        """Remember where; ``open`` opens."""
        self.path = path
        self.wal = path.with_name(path.name + "-wal")
        self.epoch = 0
        """Of the owner; 0: nobody owns it yet."""
        self.journal = b""
        self._settings = settings
        self._connection: sqlite3.Connection | None = None
        self._committer: Committer | None = None
        self._mark: MarkFile | None = None

    # Opening ---------------------------------------------------------------------------------

    def open(self, *, alone: bool = False) -> Recovered:
        """Open the database of a journal that exists, or of none; read it, and judge it.

        With ``alone`` it can be read though nothing can be written; see ``schema.connect``.
        """
        with self._typed("cannot be opened"):
            found = mark.read(mark_path(self.path))
        try:
            recovered = self._read(found, alone)
        except JournalCorrupt as error:
            recovered = Recovered(verdict=Verdict(error.message))
        if found is not None:
            recovered.epoch = max(recovered.epoch, found.epoch)
        if recovered.verdict.corrupt:
            self._keep_evidence()
        self.journal = recovered.journal
        return recovered

    def _read(self, found: Mark | None, alone: bool) -> Recovered:
        acknowledged = found.tip.sequence if found else 0
        if acknowledged and not self.path.exists():
            return Recovered(verdict=Verdict("its database is gone"))
        with self._typed("cannot be opened"):
            self._connection = connection = schema.connect(self.path, write=True, alone=alone)
            if acknowledged and not schema.format_of(connection):
                return Recovered(verdict=Verdict("its database is empty"))
            schema.migrate(connection, self.path, most=self._settings.most_format)
            recovered = recovery.recover(connection, found)
        if not recovered.verdict.corrupt and not alone:
            frames = recovery.unfinished_frames(self.wal, self.checkpoint())
            if frames:
                recovered.notes.append(f"a commit of {frames} pages, never acknowledged, was cut")
        return recovered

    def _keep_evidence(self) -> None:
        """Copy the log before SQLite throws away what it takes for torn: it may be all there is."""
        with contextlib.suppress(OSError):
            if self.wal.stat().st_size:
                shutil.copyfile(self.wal, self.path.with_name(f"{self.wal.name}.damaged"))

    def claim(self, recovered: Recovered, epoch: int, zone: str, journal: bytes) -> None:
        """Become the owner: compare the epoch with what was read, and set it.

        A journal that is new gets its zone and its id. What was never acknowledged is removed.

        Raises:
            JournalFenced: somebody else became the owner in between.
        """
        before, last = recovered.in_file, recovered.tip.sequence
        with self._typed("cannot be taken over"), self._transaction() as db:
            taken = db.execute("UPDATE owner SET epoch = ? WHERE epoch = ?", (epoch, before))
            if taken.rowcount != 1:
                raise self._fenced()
            if not recovered.journal:
                db.execute("INSERT INTO journal VALUES (?, ?)", (journal, zone))
            if recovered.verdict.cut:
                db.execute("DELETE FROM batch WHERE last > ?", (last,))
        self.epoch, self.journal = epoch, recovered.journal or journal
        self.write_mark(recovered.tip)
        self._sync_folder()

    # Writing ---------------------------------------------------------------------------------

    def append(self, first: int, tip: Tip, wall_ns: int, body: bytes) -> None:
        """Have records on disk, and the watermark behind them."""
        row = (first, tip.sequence, wall_ns, tip.digest, body, self.epoch)
        committer, mark = self._writing()
        if committer is None:
            with self._typed("cannot be written"):
                if self._db.execute(_APPEND, row).rowcount != 1:
                    raise self._fenced()
            self.write_mark(tip)
            return
        slot, place = mark.next(tip)
        try:
            done = committer.commit(row, mark.fd, slot, place)
        except SqlError as error:
            raise schema.typed(error, self.path, "cannot be written") from error
        except OSError as error:
            mark.tried()
            raise schema.typed(error, self.path, _NO_MARK) from error
        if not done:
            raise self._fenced()
        mark.tried()

    def _writing(self) -> tuple[Committer | None, MarkFile]:
        """Return what writes rows, if this Python has it, and the watermark; opened if need be."""
        if self._mark is None:
            with self._typed(_NO_MARK):
                self._mark = MarkFile(mark_path(self.path), self.journal, self.epoch)
        if self._committer is None and self._connection is not None:
            with self._typed("cannot be opened"):
                self._committer = schema.committer(self.path, _APPEND)
        return self._committer, self._mark

    def write_mark(self, tip: Tip) -> None:
        """Have the watermark on disk."""
        with self._typed(_NO_MARK):
            if self._mark is None:
                self._mark = MarkFile(mark_path(self.path), self.journal, self.epoch)
            self._mark.write(tip)

    def probe(self) -> None:
        """Find out whether one can write."""
        self.transact(lambda db: db.execute("UPDATE owner SET probes = probes + 1"))

    def committed(self, sequence: int) -> bool:
        """Return whether a record may be in the database; True if that cannot be said."""
        try:
            found = self._db.execute("SELECT max(last) FROM batch").fetchone()[0]
        except (sqlite3.Error, JournalError):
            return True
        return (found or 0) >= sequence

    def transact(self, change: Callable[[sqlite3.Connection], object]) -> None:
        """Change something in a transaction of its own."""
        with self._typed("cannot be written"), self._transaction() as db:
            if db.execute("SELECT epoch FROM owner").fetchone()[0] != self.epoch:
                raise self._fenced()
            change(db)

    def snapshot(self, state: bytes, upto: int, wall_ns: int) -> Iterator[None]:
        """Write a snapshot in steps; see ``snapshots.steps``."""
        steps = snapshots.steps(
            self.transact, self._db, state, upto, wall_ns, self._settings, self._reader
        )
        try:
            with self._typed("a snapshot cannot be written"):
                yield from steps
        except Damaged as error:
            raise JournalError(str(error), where=str(self.path)) from error

    def _reader(self) -> sqlite3.Connection:
        return schema.connect(self.path, write=False)

    def checkpoint(self, *, whole: bool = False) -> int:
        """Move what can be moved from the log to the database; return the log's pages.

        Args:
            whole: everything, with nothing left in the log.

        Raises:
            JournalError: likewise; ``whole`` also if a reader was in the way.
        """
        with self._typed("its log cannot be moved into the database"):
            kind = "TRUNCATE" if whole else "PASSIVE"
            busy, pages, _ = self._db.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()
            if busy and whole:
                raise JournalError("a reader keeps the log from ending", where=str(self.path))
            return max(0, int(pages))

    def stretch(self) -> None:
        """Make the log as long as it may get: SQLite overwrites what stands behind its frames.

        To write where a file has blocks already costs a third of what it costs to make it longer.
        """
        with contextlib.suppress(OSError), open(self.wal, "r+b") as file:
            place = file.seek(0, os.SEEK_END)
            if place == 0 and self._settings.wal_bytes:
                return  # the header is SQLite's to write
            while place < self._settings.wal_bytes:
                place += file.write(_ZEROS)
            file.flush()
            os.fsync(file.fileno())

    # Closing ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the files; idempotent, and never raises."""
        if self._committer is not None:  # first: who closes last moves the log to the database
            self._committer.close()
            self._committer = None
        if self._connection is not None:
            with contextlib.suppress(*schema.ERRORS):
                self._connection.close()
            self._connection = None
        if self._mark is not None:
            self._mark.close()
            self._mark = None

    def forget_cached(self) -> None:
        """Have the next reads come from the disk, after an error of it; not while it is open.

        After a failed ``fsync`` the kernel may hold pages for clean that never reached the disk.
        """
        for path in (self.path, self.wal, mark_path(self.path)):
            with contextlib.suppress(OSError), open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    # -----------------------------------------------------------------------------------------

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise JournalError("is not open", where=str(self.path))
        return self._connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _typed(self, doing: str) -> Iterator[None]:
        try:
            yield
        except schema.ERRORS as error:
            raise schema.typed(error, self.path, doing) from error

    def _fenced(self) -> JournalFenced:
        return JournalFenced("another owner has taken the journal over", where=str(self.path))

    def _sync_folder(self) -> None:
        with self._typed("its folder cannot be written"):
            fd = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
