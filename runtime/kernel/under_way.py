"""Commands that a cell's actors have under way: a bounded number, each with one end. Pure.

A cell has room for so many, and one actor for a part of them, so that whoever sends without end
takes the room of no other. The last tenth is for life safety alone. More is refused as BUSY. Who is
under way is kept natively (``native.under_way``), since each command enters and leaves.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

from jacquemart.native import under_way
from jacquemart.runtime.model.claim import LIFE_SAFETY

Actor = TypeVar("Actor", bound=Hashable)
Item = TypeVar("Item", bound=Hashable)

#: Commands under way of a cell, and of one of its actors.
MOST = 10_000
MOST_OF_ONE = 2_000
#: Of either, so much is for everybody; the rest for life safety alone.
COMMON_SHARE = 0.9


class UnderWay(under_way.UnderWay[Actor, Item]):
    """The commands of one cell's actors that have no end yet."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        """Have none."""
        super().__init__(most, most_of_one, COMMON_SHARE, LIFE_SAFETY)
