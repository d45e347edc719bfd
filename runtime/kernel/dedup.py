"""One execution for each (principal, id): the window of commands already seen.

The same identity with the same content gives the same outcome; with another content it is
refused. The window is bounded by number; the oldest *finished* entries leave first, an entry
still running never does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class _Entry(Generic[Result]):
    content: Hashable
    result: Result | None = None
    waiters: list[Callable[[Result], object]] = field(default_factory=list)


class DedupWindow(Generic[Result]):
    """Bounded memory of commands and their results."""

    def __init__(self, capacity: int = 100_000) -> None:
        """Remember at most ``capacity`` finished commands."""
        self._capacity = capacity
        self._running: dict[Key, _Entry[Result]] = {}
        self._finished: OrderedDict[Key, _Entry[Result]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._running) + len(self._finished)

    def begin(self, key: Key, content: Hashable) -> tuple[Seen, Result | None]:
        """Look a command up and, if it is new, remember that it runs."""
        entry = self._running.get(key)
        if entry is not None:
            return (Seen.RUNNING if entry.content == content else Seen.CONFLICT), None
        entry = self._finished.get(key)
        if entry is not None:
            if entry.content != content:
                return Seen.CONFLICT, None
            return Seen.FINISHED, entry.result
        self._running[key] = _Entry(content)
        return Seen.NEW, None

    def wait(self, key: Key, waiter: Callable[[Result], object]) -> None:
        """Have a repeated command answered when the running one ends."""
        self._running[key].waiters.append(waiter)

    def finish(self, key: Key, result: Result) -> list[Callable[[Result], object]]:
        """Store the result; return who waits for it."""
        entry = self._running.pop(key, None)
        if entry is None:
            return []
        entry.result = result
        waiters, entry.waiters = entry.waiters, []
        self._finished[key] = entry
        while len(self._finished) > self._capacity:
            self._finished.popitem(last=False)
        return waiters

    def forget(self, key: Key) -> list[Callable[[Result], object]]:
        """Forget a command that was refused before anything could happen; return who waits."""
        entry = self._running.pop(key, None)
        return entry.waiters if entry is not None else []
