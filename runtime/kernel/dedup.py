"""One execution for each (principal, id): the window of commands already seen.

The same identity with the same content gives the same outcome; with another content it is
refused. The window is bounded by number; the oldest *finished* entries leave first, an entry
still running never does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from enum import Enum
from typing import Generic, TypeVar

Result = TypeVar("Result")
Key = tuple[str, bytes]


class Seen(Enum):
    """What the window says of a command."""

    NEW = "new"
    RUNNING = "running"
    FINISHED = "finished"
    CONFLICT = "conflict"


class _Running(Generic[Result]):
    __slots__ = ("content", "waiters")

    def __init__(self, content: Hashable) -> None:
        self.content = content
        self.waiters: list[Callable[[Result], object]] | None = None


class DedupWindow(Generic[Result]):
    """Bounded memory of commands and their results."""

    def __init__(self, capacity: int = 100_000) -> None:
        """Remember at most ``capacity`` finished commands."""
        self._capacity = capacity
        self._running: dict[Key, _Running[Result]] = {}
        self._finished: OrderedDict[Key, tuple[Hashable, Result]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._running) + len(self._finished)

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

    def wait(self, key: Key, waiter: Callable[[Result], object]) -> None:
        """Have a repeated command answered when the running one ends."""
        running = self._running[key]
        if running.waiters is None:
            running.waiters = []
        running.waiters.append(waiter)

    def finish(self, key: Key, result: Result) -> list[Callable[[Result], object]]:
        """Store the result; return who waits for it."""
        running = self._running.pop(key, None)
        if running is None:
            return []
        self._finished[key] = (running.content, result)
        while len(self._finished) > self._capacity:
            self._finished.popitem(last=False)
        return running.waiters or []

    def forget(self, key: Key) -> list[Callable[[Result], object]]:
        """Forget a command that was refused before anything could happen; return who waits."""
        running = self._running.pop(key, None)
        return (running.waiters or []) if running is not None else []
