"""Where a cell lives, so well described that another process can tell whether it has ended.

A pid alone proves nothing: it may be another process's by now, and means nothing on another host.
So a presence names the running kernel and its namespaces, the pid and the process's start time.
Several cells of one process (a city in one process) are told apart by a serial number, which
ends with the cell.
"""

from __future__ import annotations

import functools
import itertools
import os
import select
from typing import NamedTuple

from jacquemart.runtime.model.clock import Clock, SystemClock

_serials = itertools.count(1)
_here: set[int] = set()


class Presence(NamedTuple):
    """One cell in one process. Plain values, so that it travels and is journalled."""

    host: str = ""
    """Kernel, namespaces and address: what two cells have in common if one can see the other."""
    pid: int = 0
    started: int = 0
    """Of the process: clock ticks since the host's start."""
    serial: int = 0
    """Of the cell in its process."""

    def text(self) -> str:
        """Return it as one word, for a journal."""
        return f"{self.host}#{self.pid}.{self.started}.{self.serial}"


NOWHERE = Presence()


def enter(address: str, clock: Clock) -> Presence:
    """Return the presence of a new cell of this process; ``leave`` ends it.

    ``address`` is what its host is reached at: cells that are reached at different ones are
    taken to be on different hosts. Whoever lives by another ``clock`` than the machine's is in
    no process that the machine knows.
    """
    serial = next(_serials)
    _here.add(serial)
    pid = os.getpid()
    started = (_started(pid) or 0) if isinstance(clock, SystemClock) else 0
    return Presence(host_of(address, clock), pid, started, serial)


def host_of(address: str, clock: Clock) -> str:
    """Return what names a cell's host: those who have it in common see each other's processes,
    reach each other's UNIX sockets, and live by one boot-time clock."""
    return f"{_kernel() if isinstance(clock, SystemClock) else 'virtual'}/{address}"


def leave(presence: Presence) -> None:
    """Take note that a cell of this process touches nothing any more; idempotent."""
    _here.discard(presence.serial)


def parse(text: str) -> Presence:
    """Return what ``text`` wrote; ``NOWHERE`` for anything else."""
    host, _, rest = text.rpartition("#")
    numbers = rest.split(".")
    if not host or len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
        return NOWHERE
    pid, started, serial = map(int, numbers)
    return Presence(host, pid, started, serial)


def ended(mine: Presence, other: Presence) -> bool | None:
    """Return whether another cell has ended for certain; None: it cannot be seen from here."""
    if other.host != mine.host or not other.pid:
        return None
    if other.pid == mine.pid and other.started == mine.started:
        return other.serial not in _here
    return process_ended(other.pid, other.started)


def process_ended(pid: int, started: int) -> bool | None:
    """Return whether that very process is gone, with all its threads; None: nobody can tell."""
    if not started:
        return None
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except OSError:  # a kernel without pidfds; a zombie may still have dying threads, so wait
        return _started(pid) != started
    try:
        if _started(pid) != started:  # read after the open: it is what the descriptor means
            return True
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        return bool(poller.poll(0))
    finally:
        os.close(fd)


def _started(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The name stands in parentheses and may hold anything, parentheses too.
            return int(file.read().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


@functools.cache
def _kernel() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    spaces = [os.stat(f"/proc/self/ns/{name}").st_ino for name in ("pid", "net")]
    return f"{boot}/{spaces[0]}/{spaces[1]}"
