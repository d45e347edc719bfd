"""Typed stub of the committer."""

from collections.abc import Sequence
from typing import Final, final

AVAILABLE: Final[bool]
"""Whether SQLite's own interface was found. Without, there is no ``Committer``: a Python whose
``sqlite3`` is built in, or shows nothing of its library."""

class SqlError(Exception):
    """SQLite refused something. ``args``: what it says; ``code``: its extended result code."""

    code: int
    def __init__(self, message: str, code: int) -> None: ...

@final
class Committer:
    """One prepared statement on a database of its own connection, and a file behind it.

    One thread at a time; every call blocks as long as the disk does, without the interpreter lock.
    """

    def __init__(self, uri: str, setup: str, sql: str, busy_ms: int) -> None:
        """Open a database that exists, do ``setup``, and prepare ``sql``.

        Args:
            uri: ``file:...``; opened for reading and writing.
            setup: statements, done once.
            sql: one statement; its ``?1 …`` get what ``commit`` is given.
            busy_ms: how long to wait for the locks of others, from 0.

        Raises:
            SqlError: it cannot be opened or prepared; nothing was changed, try again.
            RuntimeError: not ``AVAILABLE``.
        """
    def commit(self, values: Sequence[int | bytes], fd: int, mark: bytes, place: int) -> bool:
        """Do the statement; if it has changed a row, write ``mark`` at ``place`` of a file.

        Returns False, and writes no mark, if it has changed no row. Both are on disk when it
        returns, if the database syncs its commits and ``fd`` was opened with ``O_DSYNC``.

        Args:
            values: as many as the statement has places; whole numbers of 64 bits, or bytes.
            fd, mark, place: where the mark belongs, in bytes from the start of the file.

        Raises:
            SqlError: the row may be there or not; no mark was written.
            OSError: the row is there, and the mark may be or not.
            TypeError, ValueError, OverflowError: the caller's bug; nothing was done.
        """
    def close(self) -> None:
        """Close the connection; idempotent."""
