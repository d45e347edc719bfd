"""Writes planned: neighbours go into one request, and only what was asked is written. No I/O.

*Rules.*

1. A block has no gap: a place that nobody asked to write is never written.
2. Two writes to overlapping places stay in their order, in different blocks; other writes of
   one call have no order among each other.
3. A pulse is always alone, so that no other write's refusal can send it again.
4. Functions that a unit says it does not have (exception 1) are left out from then on, as long
   as there is another one for the purpose.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from jacquemart.drivers.modbus.address import WRITABLE_TABLES, RegisterAddress, describe
from jacquemart.drivers.modbus.codec import Unfit, encode, encode_bit
from jacquemart.drivers.modbus.wire import (
    MAX_WRITE_COILS,
    MAX_WRITE_REGISTERS,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
    write_coil,
    write_coils,
    write_register,
    write_registers,
)

Lacking = Collection[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class RawWrite:
    """One write, encoded: its position in the call, its place, and its bytes on the wire.

    ``raw`` holds the registers of a holding value, or one byte (0 or 1) of a coil.
    """

    position: int
    address: RegisterAddress
    raw: bytes


@dataclass(frozen=True, slots=True)
class WriteBlock:
    """Neighbouring writes of one request, in order of address."""

    writes: tuple[RawWrite, ...]
    request: bytes

    @property
    def unit(self) -> int:
        """Return the unit, 1 to 255."""
        return self.writes[0].address.unit

    @property
    def function(self) -> int:
        """Return the function code: 5, 6, 15 or 16."""
        return self.request[0]

    @property
    def text(self) -> str:
        """Return the block as shown to people: ``unit 2, holding 0..53``."""
        first = self.writes[0].address
        count = self.writes[-1].address.end - first.address
        return describe(first.unit, first.table, first.address, count)


def raw_write(position: int, address: RegisterAddress, value: float) -> RawWrite:
    """Encode one write.

    Raises:
        Unfit: the place cannot be written, or the value does not fit it; nothing was sent.
    """
    if address.table not in WRITABLE_TABLES or address.bit >= 0:
        raise Unfit(f"{address.text} can only be read")
    if address.table == "coil":
        return RawWrite(position, address, bytes((encode_bit(value),)))
    return RawWrite(position, address, encode(address.encoding, value))


def plan_writes(
    writes: Iterable[RawWrite], *, multiple: bool = True, lacking: Lacking = ()
) -> list[WriteBlock]:
    """Return the requests for some writes.

    Args:
        writes: in the order of the call.
        multiple: whether neighbours may share a request.
        lacking: (unit, function code) that units said they do not have.
    """
    blocks: list[WriteBlock] = []
    for wave in _waves(writes):
        groups: dict[tuple[int, str, int], list[RawWrite]] = {}
        for write in wave:
            address = write.address
            alone = write.position if address.pulse or not multiple else -1
            groups.setdefault((address.unit, address.table, alone), []).append(write)
        for group in groups.values():
            blocks.extend(_neighbours(sorted(group, key=_start), lacking))
    return blocks


def halves(block: WriteBlock, lacking: Lacking = ()) -> list[WriteBlock]:
    """Return two smaller blocks of a refused one; nothing if it is a single write."""
    writes = block.writes
    middle = len(writes) // 2
    if not middle:
        return []
    return [_block(part, lacking) for part in (writes[:middle], writes[middle:])]


def alternatives(block: WriteBlock, lacking: Lacking) -> list[WriteBlock]:
    """Return requests for those writes of a block that the unit has another function for.

    Args:
        block: a block whose function the unit does not have.
        lacking: what the unit is known not to have, ``block.function`` included.
    """
    others = [_block((write,), lacking) for write in block.writes]
    return [other for other in others if (other.unit, other.function) not in lacking]


def _start(write: RawWrite) -> int:
    return write.address.address


def _waves(writes: Iterable[RawWrite]) -> list[list[RawWrite]]:
    """Deal writes out so that none overlaps another of its wave, in order."""
    waves: list[list[RawWrite]] = []
    depth: dict[tuple[int, str, int], int] = {}
    for write in writes:
        address = write.address
        places = [
            (address.unit, address.table, place) for place in range(address.address, address.end)
        ]
        wave = max(depth.get(place, 0) for place in places)
        for place in places:
            depth[place] = wave + 1
        if wave == len(waves):
            waves.append([])
        waves[wave].append(write)
    return waves


def _neighbours(writes: Sequence[RawWrite], lacking: Lacking) -> list[WriteBlock]:
    blocks: list[WriteBlock] = []
    run: list[RawWrite] = []
    for write in writes:
        address = write.address
        if run and not _extends(run, address, lacking):
            blocks.append(_block(tuple(run), lacking))
            run = []
        run.append(write)
    if run:
        blocks.append(_block(tuple(run), lacking))
    return blocks


def _extends(run: Sequence[RawWrite], address: RegisterAddress, lacking: Lacking) -> bool:
    first, last = run[0].address, run[-1].address
    coil = address.table == "coil"
    limit = MAX_WRITE_COILS if coil else MAX_WRITE_REGISTERS
    function = WRITE_COILS if coil else WRITE_REGISTERS
    return (
        address.address == last.end
        and address.end - first.address <= limit
        and (address.unit, function) not in lacking
    )


def _block(writes: tuple[RawWrite, ...], lacking: Lacking) -> WriteBlock:
    first = writes[0].address
    raw = b"".join(write.raw for write in writes)
    if first.table == "coil":
        if _single(first.unit, WRITE_COIL, WRITE_COILS, len(raw) == 1, lacking):
            return WriteBlock(writes, write_coil(first.address, bool(raw[0])))
        return WriteBlock(writes, write_coils(first.address, [bool(state) for state in raw]))
    if _single(first.unit, WRITE_REGISTER, WRITE_REGISTERS, len(raw) == 2, lacking):
        return WriteBlock(writes, write_register(first.address, raw))
    return WriteBlock(writes, write_registers(first.address, raw))


def _single(unit: int, one: int, many: int, possible: bool, lacking: Lacking) -> bool:
    return possible and ((unit, one) not in lacking or (unit, many) in lacking)
