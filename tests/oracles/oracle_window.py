"""The window of commands in plain Python: what ``native.window`` must equal.

The same identity with the same content gives the same outcome; with another content it is
refused. The window is bounded by number; the oldest *finished* entries leave first, an entry
still running never does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from jacquemart.runtime.kernel.dedup import Key, Seen

Result = TypeVar("Result")


class _Running(Generic[Result]):
    __slots__ = ("content", "waiters")

    def __init__(self, content: Hashable) -> None:
        self.content = content
        self.waiters: list[Callable[[Result], object]] | None = None


class OracleWindow(Generic[Result]):
    """Bounded memory of commands and their results."""

    def __init__(self, capacity: int = 100_000) -> None:
        """Remember at most ``capacity`` finished commands."""
        self._capacity = capacity
        self._running: dict[Key, _Running[Result]] = {}
        self._finished: OrderedDict[Key, tuple[Hashable, Result, int]] = OrderedDict()
        self.forgotten_ns = 0
        """Nothing that finished after that has been forgotten; 0: nothing at all."""

    def __len__(self) -> int:
        return len(self._running) + len(self._finished)

    @property
    def running(self) -> int:
        """Return how many commands have begun and have no result yet."""
        return len(self._running)

    def begin(self, key: Key, content: Hashable) -> tuple[Seen, Result | None]:
        """Look a command up and, if it is new, remember that it runs."""
        running = self._running.get(key)
        if running is not None:
            return (Seen.RUNNING if running.content == content else Seen.CONFLICT), None
        finished = self._finished.get(key)
        if finished is not None:
            if finished[0] != content:
                return Seen.CONFLICT, None
            return Seen.FINISHED, finished[1]
        self._running[key] = _Running(content)
        return Seen.NEW, None

    def peek(self, key: Key) -> tuple[Seen, Result | None]:
        """Look a command up, whatever its content; remember nothing."""
        if key in self._running:
            return Seen.RUNNING, None
        finished = self._finished.get(key)
        return (Seen.FINISHED, finished[1]) if finished is not None else (Seen.NEW, None)

    def content_of(self, key: Key) -> Hashable | None:
        """Return the content of a command that runs or has ended; None: it is not known."""
        running = self._running.get(key)
        if running is not None:
            return running.content
        finished = self._finished.get(key)
        return finished[0] if finished is not None else None

    def wait(self, key: Key, waiter: Callable[[Result], object]) -> None:
        """Have a repeated command answered when the running one ends."""
        running = self._running[key]
        if running.waiters is None:
            running.waiters = []
        running.waiters.append(waiter)

    def finish(self, key: Key, result: Result, now_ns: int = 0) -> list[Callable[[Result], object]]:
        """Store the result, which came at ``now_ns``; return who waits for it."""
        running = self._running.pop(key, None)
        if running is None:
            return []
        self._finished[key] = (running.content, result, now_ns)
        while len(self._finished) > self._capacity:
            _, (_, _, finished_ns) = self._finished.popitem(last=False)
            self.forgotten_ns = max(self.forgotten_ns, finished_ns)
        return running.waiters or []

    def shorten(self, key: Key, result: Result) -> None:
        """Put a smaller result in place of the one that a finished command has."""
        finished = self._finished.get(key)
        if finished is not None:
            self._finished[key] = (finished[0], result, finished[2])

    def forget(self, key: Key) -> list[Callable[[Result], object]]:
        """Forget a command that was refused before anything could happen; return who waits."""
        running = self._running.pop(key, None)
        return (running.waiters or []) if running is not None else []
