"""Heartbeats of the cells on the warden's host: a counter a cell, in a file of eight bytes.

No heartbeat travels through Ray, and none costs anything: the cell's writer stamps after its loop
has answered, the warden looks once a second. Cells on other hosts are asked through Ray.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

#: Twice as often as the warden looks, so that no phase between the two looks like a miss.
PERIOD_S = 0.5
_COUNT = struct.Struct("<Q")


class Pulse:
    """One cell's counter, as the warden sees it."""

    def __init__(self, path: Path) -> None:
        """Make the file; it belongs to one incarnation."""
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._last = 0

    def moved(self) -> bool:
        """Return whether the cell has stamped since the last look."""
        content = os.pread(self._fd, _COUNT.size, 0)
        count = _COUNT.unpack(content)[0] if len(content) == _COUNT.size else 0
        moved = count != self._last
        self._last = count
        return moved

    def close(self) -> None:
        """Remove the file; idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self.path.unlink(missing_ok=True)


def beat(path: str, alive: Callable[[], object], stop: threading.Event) -> None:
    """Stamp twice a second for as long as ``alive`` returns; runs in a thread of the cell.

    An ``alive`` that raises or hangs makes the warden miss a beat, which is its purpose.
    """
    count = 0
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        while not stop.wait(PERIOD_S):
            with contextlib.suppress(Exception):
                alive()
                count += 1
                os.pwrite(fd, _COUNT.pack(count), 0)
    finally:
        os.close(fd)
