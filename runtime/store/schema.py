"""The SQLite file of a journal: its tables, its versions, and how it is opened."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from jacquemart.native.committer import AVAILABLE, Committer, SqlError
from jacquemart.runtime.model.errors import (
    JournalCorrupt,
    JournalError,
    JournalFull,
    JournalTooNew,
)

#: Says in the file's header that this is a journal: "JQJR".
APPLICATION_ID = 0x4A514A52

_FORMAT_1 = """
CREATE TABLE journal (
    id BLOB NOT NULL,            -- 16 bytes, the watermark has them too
    zone TEXT NOT NULL
);
CREATE TABLE owner (
    epoch INTEGER NOT NULL,      -- compared in every transaction
    probes INTEGER NOT NULL      -- counts the writes that only looked whether one can write
);
CREATE TABLE anchor (            -- the place of the chain before the first row of batch
    sequence INTEGER NOT NULL,
    digest BLOB NOT NULL
);
CREATE TABLE batch (             -- the records of one commit, see format.py
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    wall_ns INTEGER NOT NULL,
    digest BLOB NOT NULL,        -- of record `last`
    body BLOB NOT NULL
);
CREATE TABLE snapshot (
    upto INTEGER PRIMARY KEY,    -- what the records up to this one make
    wall_ns INTEGER NOT NULL,
    digest BLOB NOT NULL,        -- of record `upto`
    parts INTEGER NOT NULL,      -- 0 while it is being written
    hash BLOB NOT NULL           -- see snapshots.py
);
CREATE TABLE part (
    upto INTEGER NOT NULL,
    number INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (upto, number)
) WITHOUT ROWID;
INSERT INTO owner VALUES (0, 0);
INSERT INTO anchor VALUES (0, zeroblob(32));
"""

#: What helps where acknowledged records are lost or altered.
REPAIR = "repair it from a copy: `jacquemart journal repair`; docs/guides/journal.md"
_MAKE_ROOM = "make room; acceptance resumes by itself"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: What may pass: errors of the disk, of rights and of neighbours. Everything else that SQLite
#: may say of statements that are known to be right means that the file is not what it was.
_TRANSIENT = (
    "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_READONLY", "SQLITE_CANTOPEN",
    "SQLITE_PERM", "SQLITE_NOMEM", "SQLITE_PROTOCOL", "SQLITE_AUTH", "SQLITE_INTERRUPT",
)  # fmt: skip
#: Their codes, and that of a full disk, as SQLite numbers them: the last byte of an extended one.
_NAMES = {getattr(sqlite3, name): name for name in (*_TRANSIENT, "SQLITE_FULL")}

#: Others are waited for so long.
BUSY_S = 5.0
#: What every connection of ours keeps to.
_ALL = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON"
#: What one that writes keeps to. The mode of the log is the file's, and stands in it.
_WRITERS = "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY"
_COMMITTER = f"{_ALL}; {_WRITERS}"

#: ``MIGRATIONS[n]`` makes a file of format n + 1 from one of format n. Never changed once it was
#: released; see tests/golden/journal.
MIGRATIONS: tuple[str, ...] = (_FORMAT_1,)


def connect(path: Path, *, write: bool, alone: bool = False) -> sqlite3.Connection:
    """Open a database; with ``write`` it is made if there is none.

    With ``alone`` nobody else can have it open, and it can be read though nothing can be written:
    the index of the log, which several processes share through a file, is then in memory.

    Raises:
        sqlite3.Error, UnicodeDecodeError: it cannot be opened.
    """
    if write:
        with contextlib.suppress(OSError):  # for this user only; what SQLite makes is as this is
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    mode = "rw" if write else "ro"
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for pragma in _statements(_ALL):
            connection.execute(pragma)
        if alone:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if write:
            connection.execute("PRAGMA journal_mode = WAL")
            for pragma in _statements(_WRITERS):
                connection.execute(pragma)
    except BaseException:
        connection.close()
        raise
    return connection


def committer(path: Path, sql: str) -> Committer | None:
    """Return what does one statement on a database that exists; None: this Python shows no way.

    Raises:
        SqlError: it cannot be opened.
    """
    if not AVAILABLE:
        return None
    return Committer(f"file:{quote(str(path))}?mode=rw", _COMMITTER, sql, int(BUSY_S * 1e3))


def format_of(connection: sqlite3.Connection) -> int:
    """Return the format of a file; 0: it has none yet."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(
    connection: sqlite3.Connection,
    path: Path,
    migrations: Sequence[str] = MIGRATIONS,
    most: int = 0,
) -> None:
    """Bring a file to the format of this version, in one transaction a step.

    Args:
        connection: opened for writing.
        path: its file.
        migrations: of this version.
        most: the newest format to be made, so that an older version can go on with it; 0: the
            newest that there is. A file that has a newer one already keeps it.

    Raises:
        JournalTooNew: it is of a later format. sqlite3.Error: it cannot be written.
    """
    found = format_of(connection)
    if found > len(migrations):
        raise JournalTooNew(
            f"the journal has format {found}; this version knows up to {len(migrations)}",
            where=str(path),
            advice="run the version that wrote it, or a later one",
        )
    for number in range(found, min(most or len(migrations), len(migrations))):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _statements(migrations[number]):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _statements(script: str) -> list[str]:
    """Return the statements of a script; none of ours has a semicolon inside."""
    return [one for one in script.split(";") if one.strip()]


#: What reading and writing may raise. Python cannot decode what SQLite says of some damage.
ERRORS = (sqlite3.Error, SqlError, OSError, UnicodeDecodeError)


def typed(error: Exception, path: Path, doing: str) -> JournalError:
    """Return what an error of SQLite or of the disk means for a journal."""
    where = str(path)
    if isinstance(error, OSError):
        if error.errno in _NO_ROOM:
            return JournalFull(f"{doing}: {error.strerror}", where=where, advice=_MAKE_ROOM)
        return JournalError(f"{doing}: {error.strerror or error}", where=where)
    name = getattr(error, "sqlite_errorname", "")
    if isinstance(error, SqlError):
        name = _NAMES.get(error.code & 0xFF, f"SQLite's error {error.code}")
    if name == "SQLITE_FULL":
        return JournalFull(f"{doing}: the disk is full", where=where, advice=_MAKE_ROOM)
    if name.startswith(_TRANSIENT):
        return JournalError(f"{doing}: {error} ({name})", where=where)
    return JournalCorrupt(f"{doing}: {error} ({name or 'damaged'})", where=where, advice=REPAIR)
