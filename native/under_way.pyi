"""Typed stub of what is under way."""

from collections.abc import Hashable
from typing import Generic, TypeVar

_Actor = TypeVar("_Actor", bound=Hashable)
_Item = TypeVar("_Item", bound=Hashable)

class UnderWay(Generic[_Actor, _Item]):
    """The commands of one cell's actors that have no end yet.

    A cell has room for so many, and one actor for a part of them.
    """

    def __init__(self, most: int, most_of_one: int, common: float, life_safety: int) -> None:
        """Have none.

        Args:
            most: of a cell.
            most_of_one: of one of its actors.
            common: so much of either is for everybody, 0 to 1; the rest is kept.
            life_safety: for priorities up to this one.
        """
    def __len__(self) -> int: ...
    @property
    def refused(self) -> int:
        """How many found no room."""
    def enter(self, actor: _Actor, item: _Item, priority: int) -> str:
        """Have a command under way; return why not, or an empty text.

        Args:
            actor: whose.
            item: which.
            priority: 1 to 16.
        """
    def leave(self, actor: _Actor, item: _Item) -> bool:
        """Take note of a command's end; False: it has had one, and this is none."""
    def of(self, actor: _Actor) -> list[_Item]:
        """Return the commands of an actor that have no end, in the order of their coming."""
