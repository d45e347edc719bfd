"""Reads planned: points become blocks, refused blocks become smaller ones and holes. No I/O.

*Theory.* Most of a read's cost is the request, not its size, so neighbours are read together,
across small gaps. But a device refuses a whole block (exception 2, or 3, or even 1) if one
place in it does not exist, or if the block is longer than it likes. Then the block is cut until
the culprit stands alone.

*Rules.*

1. A block never exceeds its span, never crosses a gap longer than allowed, and covers all of
   its points.
2. A refused block of one place is a hole: it leaves the plan, and is looked at again only now
   and then. No block crosses a hole.
3. When holes were found, what is left of the block is joined again around them; when none was
   found, the device dislikes the block's length or a gap, and the pieces stay. Joining again
   always follows a loss of points, so it ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import NamedTuple, cast

from jacquemart.drivers.modbus.address import BIT_TABLES, RegisterAddress, Table, describe
from jacquemart.drivers.modbus.codec import BitDecoder, Field, RegisterDecoder
from jacquemart.drivers.modbus.options import Reach
from jacquemart.drivers.modbus.wire import data_size, read_request
from jacquemart.runtime.model.field import Bad
from jacquemart.runtime.model.quality import Quality

_NEVER_READ = Bad(Quality.BAD_NEVER_READ)


class Member(NamedTuple):
    """One point of a read: its position in the result, and its address."""

    position: int
    address: RegisterAddress


class Block:
    """Some members read in one request; compiled for many reads."""

    __slots__ = (
        "_decoder", "_positions", "_slice", "count", "members", "request", "size", "start",
        "table", "unit",
    )  # fmt: skip

    def __init__(self, members: Sequence[Member]) -> None:
        """Compile for members of one unit and table, sorted by address, at least one."""
        first = members[0].address
        self.members = tuple(members)
        self.unit = first.unit
        self.table = first.table
        self.start = first.address
        self.count = max([member.address.end for member in members]) - self.start
        self.request = read_request(self.table, self.start, self.count)
        self.size = data_size(self.table, self.count)
        self._decoder: BitDecoder | RegisterDecoder
        if self.table in BIT_TABLES:
            self._decoder = BitDecoder([m.address.address - self.start for m in members])
        else:
            fields = [
                Field(2 * (m.address.address - self.start), m.address.encoding, m.address.bit)
                for m in members
            ]
            self._decoder = RegisterDecoder(fields, self.size)
        self._positions = tuple(member.position for member in members)
        low = self._positions[0]
        dense = self._positions == tuple(range(low, low + len(members)))
        self._slice = slice(low, low + len(members)) if dense else None

    @property
    def text(self) -> str:
        """Return the block as shown to people: ``unit 2, holding 0..53``."""
        return describe(self.unit, self.table, self.start, self.count)

    def store(self, data: bytes, out: list[float | Bad]) -> None:
        """Decode an answer of ``size`` bytes into the result of the read."""
        decoder = self._decoder
        numbers = decoder(data)
        values = cast("list[float | Bad]", numbers)
        for at in decoder.floats:
            number = numbers[at]
            if not isfinite(number):
                text = self.members[at].address.text
                values[at] = Bad(Quality.BAD_VALUE, f"{text}: {number} is not a number")
        if self._slice is not None:
            out[self._slice] = values
        else:
            for position, value in zip(self._positions, values, strict=True):
                out[position] = value

    def mark(self, bad: Bad, out: list[float | Bad]) -> None:
        """Put one Bad in the place of every value."""
        for position in self._positions:
            out[position] = bad

    def split(self) -> tuple[Block, Block] | None:
        """Return two smaller blocks, cut at the longest gap nearest to the middle.

        None if all members are at the same place.
        """
        members = self.members
        best: tuple[int, int] | None = None
        cut = 0
        end = members[0].address.end
        for at in range(1, len(members)):
            address = members[at].address
            before = members[at - 1].address
            if (address.address, address.count) != (before.address, before.count):
                merit = (max(0, address.address - end), -abs(2 * at - len(members)))
                if best is None or merit > best:
                    best, cut = merit, at
            end = max(end, address.end)
        if best is None:
            return None
        return Block(members[:cut]), Block(members[cut:])


def coalesce(members: Iterable[Member], reach: Reach, holes: Sequence[Block] = ()) -> list[Block]:
    """Return blocks that cover members of one unit and table, in order of address.

    Args:
        members: in any order.
        reach: how far a block may reach.
        holes: blocks of the same unit and table that no block may cross.
    """
    blocks: list[Block] = []
    group: list[Member] = []
    barriers = sorted([hole.start for hole in holes])
    gap, span = reach
    first = end = 0
    for member in sorted(members, key=_by_address):
        address = member.address
        start = address.address
        new_end = start + address.count
        if group and (
            start - end > gap
            or max(end, new_end) - first > span
            or (barriers and _crosses(barriers, end, start))
        ):
            blocks.append(Block(group))
            group = []
        if not group:
            first = end = start
        group.append(member)
        end = max(end, new_end)
    if group:
        blocks.append(Block(group))
    return blocks


def _by_address(member: Member) -> tuple[int, int, int]:
    address = member.address
    return (address.address, address.count, address.bit)


def _crosses(barriers: Sequence[int], end: int, start: int) -> bool:
    at = bisect_left(barriers, end)
    return at < len(barriers) and barriers[at] < start


#: First blocks of plans already made: cabinets of one type have the same registers, and share
#: these. Blocks never change; a plan that learns of a hole makes new ones for itself. The
#: addresses are kept so that their ids stay their own.
_PLANNED: dict[tuple[int, ...], tuple[Sequence[RegisterAddress], tuple[Block, ...]]] = {}
_MOST_PLANNED = 10_000


def _first_blocks(
    addresses: tuple[RegisterAddress, ...], reaches: Mapping[Table, Reach]
) -> tuple[Block, ...]:
    limits = [part for table in sorted(reaches) for part in reaches[table]]
    key = (*limits, *map(id, addresses))
    planned = _PLANNED.get(key)
    if planned is not None:
        return planned[1]
    groups: dict[tuple[int, Table], list[Member]] = {}
    for position, address in enumerate(addresses):
        groups.setdefault((address.unit, address.table), []).append(Member(position, address))
    blocks: list[Block] = []
    for (_, table), members in groups.items():
        blocks.extend(coalesce(members, reaches[table]))
    if len(_PLANNED) >= _MOST_PLANNED:
        _PLANNED.clear()
    _PLANNED[key] = (addresses, tuple(blocks))
    return _PLANNED[key][1]


class ReadPlan:
    """The blocks of one read, and the holes that earlier reads found."""

    __slots__ = ("_blank", "_polls", "_reaches", "_retry_polls", "blocks", "holes")

    def __init__(
        self,
        addresses: Sequence[RegisterAddress],
        reaches: Mapping[Table, Reach],
        hole_retry_polls: int,
    ) -> None:
        """Plan a read.

        Args:
            addresses: in the order of the result.
            reaches: how far a block of each table may reach.
            hole_retry_polls: polls between two looks at a hole, from 1.
        """
        self._reaches = reaches
        self._retry_polls = hole_retry_polls
        self._polls = 0
        self._blank: list[float | Bad] = [_NEVER_READ] * len(addresses)
        self.blocks: list[Block] = list(_first_blocks(tuple(addresses), reaches))
        self.holes: list[Block] = []

    def units(self) -> dict[int, Block]:
        """Return each unit of the plan with one of its blocks."""
        return {block.unit: block for block in reversed(self.blocks)}

    def blank(self) -> list[float | Bad]:
        """Return a result with nothing read: a Bad everywhere, with its reason at a hole."""
        return self._blank.copy()

    def next_hole(self) -> Block | None:
        """Count one poll; return a hole to look at again, if its turn has come."""
        self._polls += 1
        if not self.holes or self._polls < self._retry_polls:
            return None
        self._polls = 0
        hole = self.holes.pop(0)
        self.holes.append(hole)
        return hole

    def replace(self, block: Block, pieces: Sequence[Block], holes: dict[Block, Bad]) -> None:
        """Put what was learnt about a refused block in its place.

        Args:
            block: one of ``blocks``.
            pieces: the smaller blocks that were not refused.
            holes: the refused ones of one place each, with what to say of them.
        """
        for hole, bad in holes.items():
            self.holes.append(hole)
            hole.mark(bad, self._blank)
        kept = list(pieces)
        if holes:
            members = [member for piece in pieces for member in piece.members]
            kept = self._joined(block.unit, block.table, members)
        at = self.blocks.index(block)
        self.blocks[at : at + 1] = kept

    def filled(self, hole: Block) -> None:
        """Take a hole that answered back into the plan, joined with its neighbours."""
        self.holes.remove(hole)
        hole.mark(_NEVER_READ, self._blank)
        same = [b for b in self.blocks if (b.unit, b.table) == (hole.unit, hole.table)]
        members = [member for piece in (*same, hole) for member in piece.members]
        others = [b for b in self.blocks if (b.unit, b.table) != (hole.unit, hole.table)]
        self.blocks = others + self._joined(hole.unit, hole.table, members)

    def _joined(self, unit: int, table: Table, members: Iterable[Member]) -> list[Block]:
        near = [hole for hole in self.holes if (hole.unit, hole.table) == (unit, table)]
        return coalesce(members, self._reaches[table], near)
