"""Processes, seen through ``/proc`` and pidfds: identity, end, families, and ending them for sure.

A bare pid proves nothing: it may belong to another process by now. A process is meant by its pid
together with its start time; a session's members by the session id, which the kernel does not
hand out again while one member lives.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process: its pid and its start time in clock ticks since boot."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Return whether this very process still runs; a zombie does not."""
        stat = read_stat(self.pid)
        return stat is not None and stat.started == self.started and stat.state not in "ZX"


@dataclass(frozen=True, slots=True)
class Stat:
    """The part of ``/proc/<pid>/stat`` that is needed here."""

    pid: int
    name: str
    state: str
    parent: int
    session: int
    started: int


def read_stat(pid: int) -> Stat | None:
    """Return what the kernel says of a process, or None if there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may hold anything, parentheses too.
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    name = head.partition("(")[2]
    return Stat(pid, name, fields[0], int(fields[1]), int(fields[3]), int(fields[19]))


def command_line(pid: int) -> list[str]:
    """Return how a process was started; empty if there is none, or it says nothing."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return [part.decode(errors="replace") for part in file.read().split(b"\0")[:-1]]
    except OSError:
        return []


def wants_to_run(pid: int) -> bool:
    """Return whether a thread of a process is running, or ready to run and not let."""
    try:
        threads = [int(entry.name) for entry in os.scandir(f"/proc/{pid}/task")]
    except OSError:
        return False
    states = (read_stat(thread) for thread in threads)
    return any(stat is not None and stat.state == "R" for stat in states)


def stopped(pid: int) -> bool:
    """Return whether a process is stopped by a signal (SIGSTOP) or a debugger."""
    stat = read_stat(pid)
    return stat is not None and stat.state in "Tt"


def identify(pid: int) -> ProcessId | None:
    """Return the identity of the process that has this pid now, or None."""
    stat = read_stat(pid)
    return ProcessId(pid, stat.started) if stat else None


def host_id() -> str:
    """Return what two processes have in common if a pid means the same to both."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    spaces = [os.stat(f"/proc/self/ns/{name}").st_ino for name in ("pid", "net")]
    return f"{boot}/{spaces[0]}/{spaces[1]}"


def all_processes() -> Iterator[Stat]:
    """Yield every process that can be seen."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            stat = read_stat(int(entry.name))
            if stat is not None:
                yield stat


def descendants(pid: int) -> list[int]:
    """Return the pids of all descendants of a process that are not zombies."""
    children: dict[int, list[Stat]] = {}
    for stat in all_processes():
        children.setdefault(stat.parent, []).append(stat)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for stat in children.get(waiting.pop(), ()):
            waiting.append(stat.pid)
            if stat.state not in "ZX":
                found.append(stat.pid)
    return found


def session_members(leader: ProcessId) -> list[int]:
    """Return the pids of the session that a process leads or led, zombies excepted.

    Empty if the pid of the leader belongs to another process by now: that one may lead a
    session of its own.
    """
    holder = read_stat(leader.pid)
    if holder is not None and holder.started != leader.started:
        return []
    return [
        stat.pid
        for stat in all_processes()
        if stat.session == leader.pid and stat.state not in "ZX" and stat.started >= leader.started
    ]


def open_pidfd(pid: int) -> int | None:
    """Return a file descriptor that is readable once the process has ended; None: no process.

    Raises:
        OSError: the kernel (before 5.3) or its seccomp filter has no pidfds.
    """
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def wait_ended(pids: Iterable[int], timeout_s: float) -> set[int]:
    """Wait until the processes have ended, children or not; return those that have not."""
    fds: dict[int, int] = {}
    poller = select.poll()
    try:
        for pid in set(pids):
            fd = open_pidfd(pid)
            if fd is not None:
                fds[fd] = pid
                poller.register(fd, select.POLLIN)
        deadline = time.monotonic() + timeout_s
        while fds:
            left = deadline - time.monotonic()
            for fd, _ in poller.poll(max(0.0, left) * 1_000):
                poller.unregister(fd)
                os.close(fd)
                del fds[fd]
            if left <= 0:
                break
        return set(fds.values())
    finally:
        for fd in fds:
            os.close(fd)


def kill(pids: Iterable[int], timeout_s: float) -> set[int]:
    """Kill processes and wait for their end; return those that are still there."""
    pids = set(pids)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return wait_ended(pids, timeout_s)


def reap(keep: Collection[int] = ()) -> None:
    """Let the dead children of this process go, those excepted that somebody else waits for."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitid(os.P_ALL, 0, flags)) is not None and found.si_pid not in keep:
            os.waitpid(found.si_pid, os.WNOHANG)


def adopt_orphans() -> bool:
    """Make orphaned descendants children of this process, so that none of them gets lost."""
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        return bool(prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False
