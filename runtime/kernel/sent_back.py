"""Commands that a device cell has sent back because it came too early for them: whose turn is it?

*Theory.* A cell that waits for its lease sends commands back (MOVED), and whoever sent them sends
them again. Between two commands the lease comes: the older is on its way back, the newer is here.
If that were taken, the older would be executed after it.

So a **journalled** command that was sent back keeps its place: what comes later for its device is
sent back as well, until it has come again. Its zone sends it again every few milliseconds, the
oldest first, unless it is cancelled or late: so it is not waited for when its deadline is over, or
when it was not heard of for longer than what was sent right behind it can be under way (a
connection that says nothing is given up before).

A **volatile** one is sent again by whom it came from, or by nobody; nothing waits for it. If a
newer one for the same point was taken meanwhile, it is overtaken when it comes again; but not one
of life safety by a weaker one.

Pure: times are boot-time ns that the caller gives. It keeps nothing for devices of which nothing
was sent back.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from enum import Enum
from typing import NamedTuple

from jacquemart.runtime.kernel.dedup import Key
from jacquemart.runtime.model.claim import LIFE_SAFETY

#: A command that was sent back is waited for so long after it was last heard of.
PATIENCE_NS = 5_000_000_000


class Turn(Enum):
    """What to do with a command."""

    TAKE = "take"
    BACK = "send it back"
    OVERTAKEN = "end it as superseded"


class _Place(NamedTuple):
    """What is known of a command that was sent back."""

    until_ns: int
    point: str
    volatile: bool
    priority: int
    overtaken: bool = False


class SentBack:
    """Which commands are to come again, for each device."""

    def __init__(self) -> None:
        """Have sent nothing back."""
        self._places: dict[Hashable, dict[Key, _Place]] = {}
        self._tidied_ns = 0

    def __bool__(self) -> bool:
        """Whether anything may come again."""
        return bool(self._places)

    @property
    def places(self) -> Collection[Hashable]:
        """The devices of which something may come again; one and the same all the time."""
        return self._places

    def back(
        self, device: Hashable, key: Key, point: str, deadline_ns: int, now: int,
        *, volatile: bool, priority: int = 8,
    ) -> None:  # fmt: skip
        """Take note that a command is sent back; one that is known keeps its place."""
        if now - self._tidied_ns > PATIENCE_NS:  # not each time: thousands may be sent back at once
            self._tidied_ns = now
            self._forget_late(now)
        places = self._places.setdefault(device, {})
        until = min(deadline_ns, now + PATIENCE_NS)
        known = places.get(key)
        fresh = _Place(until, point, volatile, priority)
        places[key] = known._replace(until_ns=until) if known else fresh

    def turn(
        self, device: Hashable, key: Key, point: str, now: int,
        *, volatile: bool, priority: int = 8,
    ) -> Turn:  # fmt: skip
        """Return whether a command may be taken now that the device may be commanded.

        What is BACK is sent back with :meth:`back`; what is not, is known here no more.

        Args:
            device: whose command it is.
            key: of the command.
            point: that it sets; empty: it is another command.
            now: boot-time ns.
            volatile: whether no journal has it.
            priority: 1 (highest) to 16.
        """
        places = self._places.get(device)
        if places is None:
            return Turn.TAKE
        for known in [known for known, place in places.items() if place.until_ns <= now]:
            del places[known]
        mine = places.get(key)
        if not volatile:
            first = next((known for known, place in places.items() if not place.volatile), key)
            if first != key:
                return Turn.BACK
        elif point and (mine is None or not mine.overtaken):
            for known, place in places.items():
                if known == key:
                    break  # those after it came later
                weaker = place.priority <= LIFE_SAFETY < priority
                if place.volatile and place.point == point and not weaker:
                    places[known] = place._replace(overtaken=True)
        places.pop(key, None)
        if not places:
            del self._places[device]
        return Turn.OVERTAKEN if mine is not None and mine.overtaken else Turn.TAKE

    def _forget_late(self, now: int) -> None:
        """Drop what will not come any more: its deadline is over."""
        for device in list(self._places):
            places = self._places[device]
            for key in [key for key, place in places.items() if place.until_ns <= now]:
                del places[key]
            if not places:
                del self._places[device]
