"""Plain parts of bulk commands on one link: those that wait, are being sent, wait for proof."""

from __future__ import annotations

from collections.abc import Iterator

from jacquemart.native.parts import Parts
from jacquemart.runtime.actor.ticket import END_AFTER_DEADLINE_NS


class PartQueue:
    """No I/O. What leaves the columns is in the queue of writes from then on."""

    def __init__(self) -> None:
        """Start empty."""
        self.waiting: list[Parts] = []
        """By priority, and then as they came."""
        self.in_hand: Parts | None = None
        """Handed to the driver, which has not come back yet."""
        self.proving: list[Parts] = []

    def __len__(self) -> int:
        return sum(parts.live for parts in self.waiting)

    def __iter__(self) -> Iterator[Parts]:
        """Return all of them, as they are now."""
        in_hand = () if self.in_hand is None else (self.in_hand,)
        return iter([*self.waiting, *in_hand, *self.proving])

    def add(self, parts: Parts) -> None:
        """Queue some, before those of lower priority."""
        at = len(self.waiting)
        while at and self.waiting[at - 1].priority > parts.priority:
            at -= 1
        self.waiting.insert(at, parts)

    def first(self) -> Parts | None:
        """Return those that are to be sent next; None: there are none."""
        while self.waiting and not self.waiting[0].live:
            del self.waiting[0]
        return self.waiting[0] if self.waiting else None

    def sent(self) -> None:
        """Take note that the first ones are handed to the driver."""
        self.in_hand = self.waiting.pop(0)

    def prove(self, parts: Parts) -> None:
        """Have those proven that were sent and acknowledged."""
        self.in_hand = None
        if parts.live:
            self.proving.append(parts)

    def returned(self) -> None:
        """Take note that the driver has come back, and nothing is in the columns any more."""
        self.in_hand = None

    def tidy(self) -> None:
        """Forget those of which nothing is left to prove."""
        self.proving = [parts for parts in self.proving if parts.live]

    def limit_ns(self) -> int:
        """Return when the next ones must end; 0 if there are none."""
        return min((_limit_of(parts) for parts in self if parts.live), default=0)

    def late(self, now_ns: int) -> list[Parts]:
        """Return those whose time is over, wherever they are."""
        return [parts for parts in self if parts.live and now_ns >= _limit_of(parts)]


def _limit_of(parts: Parts) -> int:
    """Return when parts must have an end, as each of their writes would."""
    if not parts.dispatched_ns:
        return parts.deadline_ns
    return parts.until_ns or parts.deadline_ns + END_AFTER_DEADLINE_NS
