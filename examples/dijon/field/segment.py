"""Unit 2 of a cabinet: its lamps as Modbus sees them.

The register images are kept as bytes, and only lamps that are on their way to a new level are
computed again when somebody reads: a calm city is answered by slicing.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from field.lamp import Condition, Lamp
from field.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, READ_HOLDING, READ_INPUT, Refusal
from field.registers import BURNT, FAULT_BIT, FULL, LEVELS, POWERS, SETPOINTS, Block, read_block

_WORD = struct.Struct(">H")
_WORDS = struct.Struct(">HH")


class Steady(NamedTuple):
    """What the lamps took up to a time after which none of them changes."""

    at: float
    energy_wh: float
    power_w: float


class LampSegment:
    """The lamps behind the contactor of one cabinet."""

    def __init__(self, lamps: Sequence[Lamp], now: float) -> None:
        """Show the lamps as they are now."""
        count = len(lamps)
        self.lamps = lamps
        self._moving: set[int] = set(range(count))
        self._steady: Steady | None = None
        self._setpoints = bytearray(2 * count)
        self._levels = bytearray(4 * count)
        self._powers = bytearray(2 * count)
        self._burnt = bytearray(4 * count)
        self._tables = {
            READ_HOLDING: (Block(SETPOINTS, count, self._setpoints),),
            READ_INPUT: (
                Block(LEVELS, 2 * count, self._levels, self._refresh),
                Block(POWERS, count, self._powers, self._refresh),
                Block(BURNT, 2 * count, self._burnt, self._refresh_burnt),
            ),
        }
        self._refresh(now)

    def read_registers(self, function: int, address: int, count: int, now: float) -> bytes:
        """Return setpoints (function 3), or levels, status, power, burning time (4)."""
        return read_block(self._tables[function], address, count, now)

    def write_registers(self, address: int, values: Sequence[int], now: float) -> None:
        """Write setpoints, in 0.1 percent."""
        first = address - SETPOINTS
        if first < 0 or first + len(values) > len(self.lamps):
            raise Refusal(ILLEGAL_ADDRESS)
        if max(values) > FULL:
            raise Refusal(ILLEGAL_VALUE)
        for index, value in enumerate(values, first):
            _WORD.pack_into(self._setpoints, 2 * index, value)
            self.lamps[index].command(now, value / 10.0)
            self._moving.add(index)
        self._steady = None

    def read_bits(self, function: int, address: int, count: int, now: float) -> Sequence[bool]:
        """Refuse: lamp nodes have no bits of their own."""
        raise Refusal(ILLEGAL_ADDRESS)

    def write_coils(self, address: int, values: Sequence[bool], now: float) -> None:
        """Refuse: lamp nodes have no coils."""
        raise Refusal(ILLEGAL_ADDRESS)

    def cut(self, now: float) -> None:
        """Take the power from all lamps."""
        for lamp in self.lamps:
            lamp.cut(now)
        self._stir()

    def restore(self, now: float) -> None:
        """Give the power back to all lamps."""
        for lamp in self.lamps:
            lamp.restore(now)
        self._stir()

    def become(self, index: int, now: float, condition: Condition) -> None:
        """Break or repair one lamp."""
        self.lamps[index].become(now, condition)
        self._moving.add(index)
        self._steady = None

    def power_w(self, now: float) -> float:
        """Return what the lamps take for their light now."""
        return self._taken(now).power_w

    def energy_wh(self, now: float) -> float:
        """Return what the lamps took for their light so far."""
        taken = self._taken(now)
        return taken.energy_wh + taken.power_w * (now - taken.at) / 3600.0

    def _taken(self, now: float) -> Steady:
        if self._steady is not None:
            return self._steady
        self._refresh(now)
        taken = Steady(
            now,
            sum(lamp.energy_wh(now) for lamp in self.lamps),
            sum(lamp.rated_w * lamp.level_at(now) / 100.0 for lamp in self.lamps),
        )
        if not self._moving:
            self._steady = taken
        return taken

    def _stir(self) -> None:
        self._moving.update(range(len(self.lamps)))
        self._steady = None

    def _refresh(self, now: float) -> None:
        if not self._moving:
            return
        for index in tuple(self._moving):
            lamp = self.lamps[index]
            level = round(lamp.shown_at(now) * 10.0)
            status = FAULT_BIT if lamp.condition == "dead" else 0
            _WORDS.pack_into(self._levels, 4 * index, level, status)
            _WORD.pack_into(self._powers, 2 * index, round(lamp.power_at(now) * 10.0))
            if lamp.settled(now):
                self._moving.discard(index)

    def _refresh_burnt(self, now: float) -> None:
        for index, lamp in enumerate(self.lamps):
            burnt = int(lamp.burnt_h(now) * 1000.0) & 0xFFFF_FFFF
            _WORDS.pack_into(self._burnt, 4 * index, burnt & 0xFFFF, burnt >> 16)
