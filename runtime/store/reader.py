"""Reading a journal without owning it: of a city that runs, of one that crashed, of a backup.

Nothing is changed, and an owner who writes is kept from nothing: a reader only makes its log a
little longer, for as long as it looks at one moment.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import quote

from jacquemart.runtime.model.errors import JournalCorrupt, JournalError, JournalTooNew, UsageError
from jacquemart.runtime.store import mark, schema, snapshots
from jacquemart.runtime.store.folder import SUFFIX, journals_in, lock_path, mark_path, zone_of
from jacquemart.runtime.store.format import Broken, Link, Row, Tip, blob, read_chain, read_rows
from jacquemart.runtime.store.snapshots import Damaged, Snapshot

_ROWS = 128
#: A record, in whatever form, and its hash; the first thing of a record is its number.
T = TypeVar("T", bound=tuple[tuple[Any, ...], bytes])


class Facts(NamedTuple):
    """What a journal says of itself."""

    zone: str
    journal: bytes
    format: int
    epoch: int
    first: int
    """The number of the oldest record that is kept; 0: there is none."""
    last: int
    snapshots: tuple[int, ...]
    """Which records they were made of, up to which number; newest first."""
    bytes: int
    owner: int
    """Pid of the process that has it open to write; 0: nobody."""


class JournalReader:
    """A journal, open to be read. A context manager."""

    def __init__(self, path: Path) -> None:
        """Open the database of a journal.

        Raises:
            JournalError: it cannot be read; its kinds say whether it is damaged or too new.
        """
        self.path = path
        if not path.is_file():
            raise JournalError("there is no such journal", where=str(path))
        self.mark = mark.read(mark_path(path))
        """The watermark as it was before anything else was read."""
        self.owner = owner_of(path)
        with self._typed():
            self._db = self._connect()
        try:
            with self._typed():
                self.format = schema.format_of(self._db)
            if not 0 < self.format <= len(schema.MIGRATIONS):
                kind = JournalTooNew if self.format else JournalCorrupt
                raise kind(f"has format {self.format}, which is not known", where=str(path))
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        log = self.path.with_name(self.path.name + "-wal")
        if self.owner or log.exists():
            return schema.connect(self.path, write=False)
        # Nobody writes it: nothing is made beside it, and a disk that is read-only will do.
        return sqlite3.connect(
            f"file:{quote(str(self.path))}?mode=ro&immutable=1", uri=True, isolation_level=None
        )

    @contextlib.contextmanager
    def moment(self) -> Iterator[None]:
        """See the journal as it is now until the end of the block, whatever its owner does."""
        with self._typed():
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            with contextlib.suppress(*schema.ERRORS):
                self._db.execute("COMMIT")

    def facts(self) -> Facts:
        """Return what the journal says of itself."""
        with self._typed():
            journal, zone = self._db.execute("SELECT id, zone FROM journal").fetchone() or (b"", "")
            epoch = self._db.execute("SELECT epoch FROM owner").fetchone()[0]
            first, last = self._db.execute("SELECT min(first), max(last) FROM batch").fetchone()
            kept = tuple(snapshots.whole(self._db))
        return Facts(
            zone or zone_of(self.path), blob(journal), self.format, int(epoch), first or 0,
            last or (kept[0] if kept else 0), kept, self.path.stat().st_size, self.owner,
        )  # fmt: skip

    def anchor(self) -> Tip:
        """Return the place of the chain before the oldest record that is kept."""
        with self._typed():
            first = self._db.execute("SELECT min(first) FROM batch").fetchone()[0]
            if first is not None:
                return snapshots.before(self._db, first)
            sequence, digest = self._db.execute("SELECT sequence, digest FROM anchor").fetchone()
            return Tip(int(sequence), blob(digest))

    def snapshot(self, upto: int) -> Snapshot:
        """Return a snapshot.

        Raises:
            JournalCorrupt: it is not what was written.
        """
        with self._typed():
            return snapshots.load(self._db, upto)

    def place_of(self, sequence: int) -> Tip:
        """Return the place of a record in the chain.

        Raises:
            JournalCorrupt: it is not kept, or damaged.
        """
        with self._typed():
            return snapshots.place_of(self._db, sequence)

    def links(self, after: int = 0) -> Iterator[Link]:
        """Yield the records behind number ``after`` that are kept, and their hashes, in order.

        They are read piece by piece, so this may take its time outside of a ``moment``.

        Raises:
            JournalCorrupt: what follows is not what was written.
            JournalError: older records went while they were read; begin again.
        """
        return (link for link in self._read(after, read_chain) if link.record.sequence > after)

    def rows(self, after: int = 0) -> Iterator[Row]:
        """Yield the same records as they are on disk, their bodies packed; for who copies them.

        Raises:
            JournalCorrupt, JournalError: as of ``links``.
        """
        return (row for row, _ in self._read(after, read_rows) if row[0] > after)

    def _read(self, after: int, read: Callable[[Tip, bytes], Sequence[T]]) -> Iterator[T]:
        """Yield what ``read`` makes of each commit from that with record ``after + 1`` on."""
        with self._typed():
            row = self._db.execute(
                "SELECT max(first) FROM batch WHERE first <= ?", (after + 1,)
            ).fetchone()
            tip = self.anchor() if row[0] is None else snapshots.before(self._db, row[0])
        while True:
            with self._typed():
                rows = self._db.execute(
                    "SELECT first, last, digest, body FROM batch WHERE first > ?"
                    " ORDER BY first LIMIT ?",
                    (tip.sequence, _ROWS),
                ).fetchall()
            if not rows:
                return
            if self.owner and tip.sequence < rows[0][0] - 1 == self.anchor().sequence:
                raise JournalError("records went while they were read", where=str(self.path))
            for first, last, digest, body in rows:
                with self._typed():
                    if first != tip.sequence + 1:
                        raise Broken(tip.sequence + 1, f"missing; the next one is {first}")
                    found = read(tip, blob(body))
                    if not found or found[-1][0][0] != last or found[-1][1] != digest:
                        raise Broken(first, f"commit {first} to {last} is not what was written")
                tip = Tip(last, blob(digest))
                yield from found

    def structure(self) -> list[str]:
        """Return what SQLite finds wrong with the structure of the file."""
        with self._typed():
            rows = self._db.execute("PRAGMA quick_check(20)").fetchall()
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def copy_to(self, target: Path) -> None:
        """Copy the database as it is at one moment, also while it is being written."""
        with self._typed():
            copy = sqlite3.connect(target, isolation_level=None)
            try:
                self._db.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # else its log would stay beside it
            finally:
                copy.close()

    def close(self) -> None:
        """Close it; idempotent."""
        with contextlib.suppress(AttributeError):
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            yield
        except schema.ERRORS as error:
            raise schema.typed(error, self.path, "cannot be read") from error
        except (Broken, Damaged, MemoryError, TypeError, ValueError, OverflowError) as error:
            raise JournalCorrupt(str(error), where=str(self.path), advice=schema.REPAIR) from error


def owner_of(path: Path) -> int:
    """Return the pid of the process that has a journal open to write; 0: nobody."""
    try:
        fd = os.open(lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        told = os.pread(fd, 32, 0).strip()
        return int(told) if told.isdigit() else -1
    else:
        return 0
    finally:
        os.close(fd)


def find(path: Path) -> list[Path]:
    """Return the databases that a path means: one journal, or all of a folder.

    Raises:
        UsageError: there is none.
    """
    if path.is_dir():
        found = journals_in(path)
        # A watermark without its database is a journal, too: one that is lost.
        marks = sorted(path.glob(f"*{SUFFIX}.mark"))
        found += [one for mark in marks if (one := mark.with_suffix("")) not in found]
        if found:
            return sorted(found)
        raise UsageError("there is no journal in this folder", where=str(path))
    if path.is_file() and path.name.endswith(SUFFIX):
        return [path]
    raise UsageError(
        "there is no journal",
        where=str(path),
        advice=f"name a state folder, or a file in it that ends in {SUFFIX}",
    )
