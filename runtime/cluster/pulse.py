"""Heartbeats of the cells on the warden's host: two counters a cell, in a file of sixteen bytes.

One says that the process runs: a plain thread stamps it, whatever the cell does. The other says
that its loop turns. A process that is stopped (or a host that stalls) moves neither; a handler
that holds the loop stops only the second. No heartbeat travels through Ray, and none costs
anything: a stamp is a store into shared memory, a look is a read of it.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

#: How often the process stamps: a freeze is to be known within a second.
PROCESS_PERIOD_S = 0.1
#: How often the loop is asked: twice as often as the warden looks at its answers.
LOOP_PERIOD_S = 0.5
_COUNTS = struct.Struct("<QQ")


class Pulse:
    """One cell's counters, as the warden sees them."""

    def __init__(self, path: Path, *, again: bool = False) -> None:
        """Make the file; it belongs to one incarnation.

        Args:
            path: where.
            again: it was made by the previous image of this warden.
        """
        self.path = path
        flags = os.O_RDWR | os.O_CLOEXEC | (0 if again else os.O_CREAT | os.O_EXCL)
        fd = os.open(path, flags, 0o600)
        try:
            os.ftruncate(fd, _COUNTS.size)
            self._memory: mmap.mmap | None = mmap.mmap(fd, _COUNTS.size, prot=mmap.PROT_READ)
        finally:
            os.close(fd)
        self._last = 0

    def process(self) -> int:
        """Return how often the process has stamped."""
        return self._counts()[0]

    def moved(self) -> bool:
        """Return whether the loop has answered since the last look."""
        count = self._counts()[1]
        moved = count != self._last
        self._last = count
        return moved

    def close(self) -> None:
        """Remove the file; idempotent."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
            self.path.unlink(missing_ok=True)

    def _counts(self) -> tuple[int, int]:
        if self._memory is None:
            return 0, 0
        process, loop = _COUNTS.unpack_from(self._memory)
        return process, loop


class Beat:
    """The cell's side: stamps for as long as the process, and its loop, are alive."""

    def __init__(self, path: str) -> None:
        """Begin to stamp for the process at once.

        Raises:
            OSError: there is no such file; the warden makes it.
        """
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._memory = mmap.mmap(fd, _COUNTS.size)
        finally:
            os.close(fd)
        self._words = memoryview(self._memory).cast("Q")
        self._quiet = threading.Event()
        self._run(self._stamp_process, "pulse")

    def follow(self, alive: Callable[[], object]) -> None:
        """Stamp for the loop, too, each time that ``alive`` returns.

        An ``alive`` that raises or hangs makes the warden miss a beat, which is its purpose.
        """
        self._run(lambda: self._stamp_loop(alive), "pulse-loop")

    def stop(self) -> None:
        """Stamp no more for the loop; the process stamps until its end."""
        self._quiet.set()

    @staticmethod
    def _run(work: Callable[[], None], name: str) -> None:
        threading.Thread(target=work, name=name, daemon=True).start()

    def _stamp_process(self) -> None:
        pause = threading.Event()
        while True:
            self._words[0] += 1
            pause.wait(PROCESS_PERIOD_S)

    def _stamp_loop(self, alive: Callable[[], object]) -> None:
        while not self._quiet.wait(LOOP_PERIOD_S):
            try:
                alive()
            except Exception:  # noqa: BLE001 - a beat that is missed says it
                continue
            self._words[1] += 1
