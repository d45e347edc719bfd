"""Who owns a journal on this host: a lock that ends with its process, whatever happens to it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from jacquemart.runtime.model.errors import JournalError, JournalFenced

_TURN_S = 0.01


class OwnerLock:
    """An exclusive ``flock`` on a file of its own beside the journal; held until ``close``.

    It is a file of its own, since SQLite's locks on its files end when any descriptor of them is
    closed. The file stays: to remove it would let two owners lock two files of one name.
    """

    def __init__(self, path: Path, wait_s: float) -> None:
        """Take the lock, for which its owner may take a moment to let go.

        Raises:
            JournalFenced: another process owns the journal and goes on.
            JournalError: the file cannot be made.
        """
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"cannot be opened: {error.strerror}", where=str(path)) from error
        give_up = time.monotonic() + wait_s
        while not self._taken():
            if time.monotonic() >= give_up:
                owner = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
                self.close()
                raise JournalFenced(
                    f"the journal is owned by process {owner}, which runs",
                    where=str(path),
                    advice="stop it, or look at the journal with `jacquemart journal show`",
                )
            time.sleep(_TURN_S)
        with contextlib.suppress(OSError):  # only for the message above
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let the next owner in; idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
