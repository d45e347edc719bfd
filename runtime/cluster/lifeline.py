"""What the warden listens to: its starter, signals, and the end of processes."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable, Collection
from types import FrameType

from jacquemart.runtime.cluster import processes

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Lifeline:
    """Waits for the first thing that happens. For the main thread."""

    def __init__(self, stdin_fd: int, starter: processes.ProcessId | None) -> None:
        """Listen to the starter: to the pipe that it holds open, and to its end.

        The pipe alone is not enough: a process that the starter forked may hold it open too.

        Args:
            stdin_fd: the reading end of the starter's pipe.
            starter: who started the warden; None: only the pipe is watched.
        """
        self.ending = ""
        """Why the city shall end; empty: it shall not."""
        self._poller = select.poll()
        self._actions: dict[int, Callable[[], None]] = {}
        self._watched: dict[str, int] = {}
        self._ended: list[str] = []
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        self._listen(self._woken, self._drain)
        self._stdin = stdin_fd
        self._listen(stdin_fd, self._read)
        self.take_signals()
        if starter is not None:
            self._watch_starter(starter)

    def take_signals(self) -> None:
        """Let SIGTERM and SIGINT end the city in order; Ray takes them away when it starts."""
        for number in _SIGNALS:
            signal.signal(number, self._signalled)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def watch(self, name: str, pid: int, at_once: Callable[[], None] | None = None) -> bool:
        """Watch a process under a name; return False if there is none to watch.

        ``at_once`` is called in the moment in which its end is seen, before anything else.
        """
        self.forget(name)
        try:
            fd = processes.open_pidfd(pid)
        except OSError:
            return True  # no pidfds here: late answers will tell
        if fd is None:
            return False
        self._watched[name] = fd

        def gone() -> None:
            if at_once is not None:
                at_once()
            self._ended.append(name)

        self._listen(fd, gone)
        return True

    def forget(self, name: str) -> None:
        """Watch no longer."""
        fd = self._watched.pop(name, None)
        if fd is not None:
            self._poller.unregister(fd)
            del self._actions[fd]
            os.close(fd)
        if name in self._ended:
            self._ended.remove(name)

    def wait(self, timeout_s: float, also: Collection[int] = ()) -> list[str]:
        """Wait for something to happen; return the names of the processes that have ended.

        ``also``: file descriptors that somebody will read after this.
        """
        for fd in also:
            self._poller.register(fd, select.POLLIN)
        try:
            for fd, _ in self._poller.poll(max(0.0, timeout_s) * 1_000):
                action = self._actions.get(fd)
                if action is not None:
                    action()
        finally:
            for fd in also:
                self._poller.unregister(fd)
        ended, self._ended = self._ended, []
        for name in ended:
            self.forget(name)
        return ended

    def wake(self) -> None:
        """Let ``wait`` return; from any thread."""
        with contextlib.suppress(BlockingIOError):  # full: it is about to wake anyway
            os.write(self._wake, b"\0")

    def _listen(self, fd: int, action: Callable[[], None]) -> None:
        self._actions[fd] = action
        self._poller.register(fd, select.POLLIN)

    def _watch_starter(self, starter: processes.ProcessId) -> None:
        # Opened first, checked second: what it stands for cannot change in between.
        try:
            fd = processes.open_pidfd(starter.pid)
        except OSError:
            return
        if fd is None or not starter.alive:
            self.ending = "the starter has ended"
        if fd is not None:
            self._listen(fd, lambda: self._end("the starter has ended", fd))

    def _read(self) -> None:
        # Its end, and whatever is said on it, mean the same.
        os.read(self._stdin, 4096)
        self._end("the starter let go", self._stdin)

    def _end(self, reason: str, fd: int) -> None:
        self.ending = self.ending or reason
        self._poller.unregister(fd)
        del self._actions[fd]

    def _signalled(self, number: int, _: FrameType | None) -> None:
        self.ending = self.ending or signal.Signals(number).name

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 4096)
