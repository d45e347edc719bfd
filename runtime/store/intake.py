"""What waits for the disk: numbered in the order of the calls, and bounded. Thread-safe."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.store.format import Parcel
from jacquemart.runtime.store.journal import Done
from jacquemart.runtime.store.settings import StoreSettings


class Append(NamedTuple):
    """The records of one call."""

    parcel: Parcel
    size: int
    """Bytes of the bodies."""
    done: Done


class Task(NamedTuple):
    """A snapshot to be written."""

    state: bytes
    upto: int
    wall_ns: int


class Work(NamedTuple):
    """What the writer takes at once."""

    appends: list[Append]
    task: Task | None
    closing: bool


class Intake:
    """Between the loop, which appends, and the writer, which takes."""

    def __init__(self, settings: StoreSettings, last: int) -> None:
        """Begin behind a record."""
        self.fault: JournalError | None = None
        self._settings = settings
        self._last = last
        """The last number that was given."""
        self._waiting: deque[Append] = deque()
        self._records = 0
        """That wait or are being written; the same for ``_bytes``."""
        self._bytes = 0
        self._task: Task | None = None
        self._closing = False
        self._lock = threading.Lock()
        self._bell = threading.Lock()
        """Shut while there is nothing to do; the writer waits for it to be opened."""
        self._bell.acquire()

    def put(
        self, bodies: list[tuple[int, bytes]], size: int, wall_ns: int, done: Done
    ) -> int | JournalError:
        """Take an append, and return the number of its last record, or why it is refused."""
        limits = self._settings
        with self._lock:
            if self.fault is not None:
                return self.fault
            if self._closing:
                return JournalError("the journal is closed")
            if (
                self._records + len(bodies) > limits.waiting_records
                or self._bytes + size > limits.waiting_bytes
            ):
                return JournalError(
                    f"{self._records} records wait for the disk, which is too slow for them"
                )
            first = self._last + 1
            self._last += len(bodies)
            self._records += len(bodies)
            self._bytes += size
            self._waiting.append(Append(Parcel(first, wall_ns, bodies), size, done))
            if len(self._waiting) == 1:
                self._ring()
            return self._last

    def request(self, task: Task) -> None:
        """Ask for a snapshot; it takes the place of one that was not begun."""
        with self._lock:
            self._task = task
            self._ring()

    def take(
        self, wait_s: float | None, *, appends: bool = True,
        first: Callable[[], object] = lambda: None,
    ) -> Work:  # fmt: skip
        """Return what there is to do, which may be nothing after ``wait_s``; None waits for work.

        Without ``appends`` only the end is waited for: nothing can be written. ``first`` is called
        when all is ready for the wait: whoever is woken by it finds the interpreter free.
        """
        if not appends:
            first()
            return self._wait_for_the_end(wait_s)
        work = self._next()
        first()
        if not (work.appends or work.task or work.closing):
            self._bell.acquire(timeout=-1 if wait_s is None else wait_s)
            work = self._next()
        return work

    def _next(self) -> Work:
        limits = self._settings
        taken: list[Append] = []
        records = size = 0
        with self._lock:
            self._bell.acquire(blocking=False)  # what was rung for is seen now
            while self._waiting and records < limits.batch_records and size < limits.waiting_bytes:
                append = self._waiting.popleft()
                taken.append(append)
                records += len(append.parcel.bodies)
                size += append.size
            task, self._task = self._task, None
            return Work(taken, task, self._closing)

    def _wait_for_the_end(self, wait_s: float | None) -> Work:
        until_s = None if wait_s is None else time.monotonic() + wait_s
        while not self._closing:
            left_s = -1 if until_s is None else until_s - time.monotonic()
            if until_s is not None and left_s <= 0:
                break
            self._bell.acquire(timeout=left_s)
        return Work([], None, self._closing)

    def _ring(self) -> None:
        """Have the writer look; who rings holds the lock."""
        if self._bell.locked():
            self._bell.release()

    def settle(self, appends: list[Append]) -> None:
        """Count no longer what is on disk, or was refused."""
        with self._lock:
            for append in appends:
                self._records -= len(append.parcel.bodies)
                self._bytes -= append.size

    def stop(self, fault: JournalError) -> list[Append]:
        """Accept nothing from now on; return what waited and is not to be written."""
        with self._lock:
            self.fault = fault
            refused = list(self._waiting)
            self._waiting.clear()
            return refused

    def go_on(self, last: int) -> None:
        """Accept again; the next record has the number after ``last``."""
        with self._lock:
            self.fault = None
            self._last = last

    def close(self) -> None:
        """Accept nothing more, and let the writer end when all that waits is written."""
        with self._lock:
            self._closing = True
            self._ring()
