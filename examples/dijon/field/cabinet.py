"""One lighting cabinet: a contactor, a meter, a door, and the lamps behind the contactor."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from field.lamp import STANDBY_W, Lamp
from field.modbus import (
    GATEWAY_NO_ANSWER,
    GATEWAY_NO_PATH,
    ILLEGAL_ADDRESS,
    READ_COILS,
    READ_DISCRETE,
    READ_INPUT,
    Refusal,
    Unit,
    answer,
    exception,
)
from field.registers import (
    COIL_CONTACTOR,
    CONTROLLER_UNITS,
    DISCRETE_CONTACTOR,
    LAMPS_UNIT,
    METER,
    Block,
    read_block,
)
from field.segment import LampSegment

CONTACTOR_LAG_S = 0.1
"""From the command to the contactor's auxiliary contact."""
POWER_FACTOR = 0.95
_METER = struct.Struct(">HHII")


class Cabinet:
    """Unit 1 is this controller, unit 2 the lamps; see ``registers`` for the map."""

    def __init__(self, id: str, lamps: Sequence[Lamp], *, voltage: float, now: float) -> None:
        """Start with the contactor closed, the door shut, and the lamps as they are."""
        self.id = id
        self.segment = LampSegment(lamps, now)
        self.closed = True
        self.commanded = True
        self.door_open = False
        self.contactor_writes = 0
        self._throws_at: float | None = None
        self._voltage = voltage
        self._powered_s = 0.0
        self._powered_since = now
        self._meter = bytearray(_METER.size)
        self._blocks = (Block(METER, _METER.size // 2, self._meter, self._read_meter),)

    @property
    def lamps(self) -> Sequence[Lamp]:
        """Return the lamps, in the order of their registers."""
        return self.segment.lamps

    def answer(self, unit_id: int, pdu: bytes, now: float) -> bytes:
        """Return the reply to a request PDU for a unit."""
        self.advance(now)
        try:
            unit = self._unit(unit_id)
        except Refusal as refusal:
            return exception(pdu[0], refusal.code)
        return answer(unit, pdu, now)

    def advance(self, now: float) -> None:
        """Let the contactor do what it was told, if its time has come."""
        if self._throws_at is None or now < self._throws_at:
            return
        at, self._throws_at = self._throws_at, None
        if self.closed == self.commanded:
            return
        self.closed = self.commanded
        if self.closed:
            self._powered_since = at
            self.segment.restore(at)
        else:
            self._powered_s += at - self._powered_since
            self.segment.cut(at)

    def power_w(self, now: float) -> float:
        """Return what the lamps take now."""
        if not self.closed:
            return 0.0
        return len(self.lamps) * STANDBY_W + self.segment.power_w(now)

    def energy_wh(self, now: float) -> float:
        """Return what the lamps took so far."""
        powered_s = self._powered_s + (now - self._powered_since if self.closed else 0.0)
        standby = len(self.lamps) * STANDBY_W * powered_s / 3600.0
        return standby + self.segment.energy_wh(now)

    def read_bits(self, function: int, address: int, count: int, now: float) -> Sequence[bool]:
        """Return the commanded contactor, or contactor and door as they are."""
        if function == READ_COILS:
            return self._some((self.commanded,), address - COIL_CONTACTOR, count)
        if function == READ_DISCRETE:
            return self._some((self.closed, self.door_open), address - DISCRETE_CONTACTOR, count)
        raise Refusal(ILLEGAL_ADDRESS)

    def read_registers(self, function: int, address: int, count: int, now: float) -> bytes:
        """Return the meter."""
        if function != READ_INPUT:
            raise Refusal(ILLEGAL_ADDRESS)
        return read_block(self._blocks, address, count, now)

    def write_coils(self, address: int, values: Sequence[bool], now: float) -> None:
        """Command the contactor."""
        if address != COIL_CONTACTOR or len(values) != 1:
            raise Refusal(ILLEGAL_ADDRESS)
        self.commanded = values[0]
        self.contactor_writes += 1
        self._throws_at = now + CONTACTOR_LAG_S

    def write_registers(self, address: int, values: Sequence[int], now: float) -> None:
        """Refuse: the controller has no holding registers."""
        raise Refusal(ILLEGAL_ADDRESS)

    def _unit(self, unit_id: int) -> Unit:
        if unit_id == LAMPS_UNIT:
            if not self.closed:
                raise Refusal(GATEWAY_NO_ANSWER)
            return self.segment
        if unit_id in CONTROLLER_UNITS:
            return self
        raise Refusal(GATEWAY_NO_PATH)

    def _read_meter(self, now: float) -> None:
        power_w = self.power_w(now)
        amperes = power_w / (self._voltage * POWER_FACTOR)
        _METER.pack_into(
            self._meter,
            0,
            round(self._voltage * 10.0),
            round(amperes * 100.0),
            round(power_w),
            int(self.energy_wh(now)) & 0xFFFF_FFFF,
        )

    @staticmethod
    def _some(bits: Sequence[bool], first: int, count: int) -> Sequence[bool]:
        if first < 0 or first + count > len(bits):
            raise Refusal(ILLEGAL_ADDRESS)
        return bits[first : first + count]
