"""Who waits for somebody that cannot be reached: in order, for a bounded time, in bounded memory.

Pure. Those who wait for the same place leave in the order in which they came first, whenever
they began to wait. Each has its own time until which it waits.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from typing import Generic, TypeVar

T = TypeVar("T")


class WaitingRoom(Generic[T]):
    """Items that wait, by place."""

    def __init__(self, most: int, most_bytes: int) -> None:
        """Be empty.

        Args:
            most: items that may wait at a time.
            most_bytes: of all of them together.
        """
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._next = 0
        self.rows: dict[str, list[int]] = {}
        """By place, tickets in their order: when the item came, above its number. To be read."""
        self._items: dict[int, tuple[T, str, int]] = {}
        """By ticket: who waits, where, and how many bytes it takes."""
        self._until: list[tuple[int, int]] = []
        """A heap of (until when, ticket); tickets that have left are passed over."""

    def __len__(self) -> int:
        return len(self._items)

    @property
    def places(self) -> list[str]:
        """Return for whom somebody waits."""
        return list(self.rows)

    def holds(self, place: str) -> bool:
        """Return whether somebody waits for a place."""
        return place in self.rows

    def add(
        self, place: str, item: T, came_ns: int, until_ns: int, size: int, *, must: bool = False
    ) -> bool:
        """Let an item wait; False: there is no room, and it does not.

        Args:
            place: for whom.
            item: who.
            came_ns: when it came first; its place in the row.
            until_ns: how long it waits; see ``overdue``.
            size: bytes that it takes.
            must: let it in however many there are.
        """
        full = len(self._items) >= self._most or self._bytes + size > self._most_bytes
        if full and not must:
            return False
        self._next += 1
        ticket = (came_ns << 64) | self._next
        self._items[ticket] = (item, place, size)
        self._bytes += size
        insort(self.rows.setdefault(place, []), ticket)
        heapq.heappush(self._until, (until_ns, ticket))
        return True

    def first(self, place: str) -> T | None:
        """Return who is the first of a place; None: nobody waits there."""
        row = self.rows.get(place)
        return self._items[row[0]][0] if row else None

    def leave(self, place: str) -> None:
        """Let the first of a place go."""
        self._remove(self.rows[place][0])

    def overdue(self, now_ns: int) -> list[T]:
        """Let those go whose time is over, and return them, the longest overdue first."""
        found: list[T] = []
        while self._until and (self._until[0][1] not in self._items or self._until[0][0] <= now_ns):
            _, ticket = heapq.heappop(self._until)
            if ticket in self._items:
                found.append(self._items[ticket][0])
                self._remove(ticket)
        return found

    def _remove(self, ticket: int) -> None:
        _, place, size = self._items.pop(ticket)
        self._bytes -= size
        row = self.rows[place]
        del row[bisect_left(row, ticket)]
        if not row:
            del self.rows[place]
