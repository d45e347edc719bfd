"""The committer in plain Python: what ``native.committer`` does, with the interpreter lock."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence


class CommitterTwin:
    """One statement on a database, and a file behind it."""

    def __init__(self, uri: str, setup: str, sql: str, busy_ms: int) -> None:
        self._connection = sqlite3.connect(
            uri, uri=True, timeout=busy_ms / 1e3, isolation_level=None
        )
        self._connection.executescript(setup)
        self._sql = sql

    def commit(self, values: Sequence[int | bytes], fd: int, mark: bytes, place: int) -> bool:
        """Do the statement; if it has changed a row, write the mark."""
        if self._connection.execute(self._sql, values).rowcount < 1:
            return False
        os.pwrite(fd, mark, place)
        return True

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
