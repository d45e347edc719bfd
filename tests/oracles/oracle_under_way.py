"""The commands under way in plain Python: what ``native.under_way`` must equal.

A cell has room for so many, and one actor for a part of them, so that whoever sends without end
takes the room of no other. The last tenth is for life safety alone. More is refused as BUSY.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from jacquemart.runtime.model.claim import LIFE_SAFETY

Actor = TypeVar("Actor", bound=Hashable)
Item = TypeVar("Item", bound=Hashable)

#: Commands under way of a cell, and of one of its actors.
MOST = 10_000
MOST_OF_ONE = 2_000
#: Of either, so much is for everybody; the rest for life safety alone.
COMMON_SHARE = 0.9


class OracleUnderWay(Generic[Actor, Item]):
    """The commands of one cell's actors that have no end yet."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        """Have none."""
        self._most = most
        self._most_of_one = most_of_one
        self._of: dict[Actor, dict[Item, None]] = {}
        self._count = 0
        self.refused = 0
        """For want of room."""

    def __len__(self) -> int:
        return self._count

    def enter(self, actor: Actor, item: Item, priority: int) -> str:
        """Have a command under way; return why not, or an empty text.

        Args:
            actor: whose.
            item: which.
            priority: 1 to 16; 1 and 2 may use what is kept for them.
        """
        share = 1.0 if priority <= LIFE_SAFETY else COMMON_SHARE
        own = self._of.get(actor)
        if own is not None and len(own) >= self._most_of_one * share:
            self.refused += 1
            return f"{len(own)} commands of it are under way already"
        if self._count >= self._most * share:
            self.refused += 1
            return f"{self._count} commands of its cell's actors are under way already"
        if own is None:
            own = self._of[actor] = {}
        own[item] = None
        self._count += 1
        return ""

    def leave(self, actor: Actor, item: Item) -> bool:
        """Take note of a command's end; False: it has had one, and this is none."""
        own = self._of.get(actor)
        if own is None or item not in own:
            return False
        del own[item]
        self._count -= 1
        if not own:
            del self._of[actor]
        return True

    def of(self, actor: Actor) -> list[Item]:
        """Return the commands of an actor that have no end, in the order of their coming."""
        return list(self._of.get(actor, ()))
