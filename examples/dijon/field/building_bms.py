"""The controller of a building, with its intrusion panel and what it hears of the fire panel.

Unit 1 of its address; see ``building_registers`` for the map. It computes when it is asked, and
what is asked for every few seconds (the signals) costs a few sums.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

from field.building_climate import Climate
from field.building_doors import draw_doors
from field.building_panel import DISARMED, PanelZone
from field.building_registers import (
    ARM_AT,
    BOILER_AT,
    DETECTORS,
    DOORS,
    FAN_AT,
    FIRE_DISABLEMENT_BIT,
    FIRE_FAULT_BIT,
    FIRE_ZONES,
    FLOW_AT,
    INHIBIT_AT,
    ISOLATE_AT,
    LIMITS,
    LOCK_AT,
    MEASURES,
    MEASURES_COUNT,
    ORDERS,
    ORDERS_COUNT,
    SETPOINT_AT,
    SIGNALS,
    SIGNALS_COUNT,
    ZONES,
    bits,
)
from field.modbus import (
    GATEWAY_NO_PATH,
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    READ_HOLDING,
    READ_INPUT,
    Refusal,
    answer,
    exception,
)
from field.registers import CONTROLLER_UNITS, Block, read_block

_SIGNALS = struct.Struct(f">{SIGNALS_COUNT}H")
_WORD = struct.Struct(">H")


class BuildingController:
    """Everything behind the address of one building.

    Attributes:
        fire: fire zones in alarm, as bits.
        fire_fault: the fire system is faulty.
        fire_disablement: a part of it is switched off.
        writes: registers written so far.
    """

    lamps: Sequence[object] = ()
    """A station notes unclear writes to lamps; there are none here."""

    def __init__(self, id: str, *, seed: str, exit_s: float, entry_s: float, now: float) -> None:
        """Draw the building as it stands when the day begins: warm, and nobody armed anything."""
        rng = random.Random(seed)
        self.id = id
        self.climate = Climate(rng, now)
        self.doors = draw_doors(rng, now)
        self.zones = [PanelZone(exit_s, entry_s) for _ in range(ZONES)]
        self.fire = 0
        self.fire_fault = False
        self.fire_disablement = False
        self.writes = 0
        self._orders = bytearray(2 * ORDERS_COUNT)
        self._signals = bytearray(_SIGNALS.size)
        self._measures = bytearray(2 * MEASURES_COUNT)
        self._tables = {
            READ_INPUT: (
                Block(SIGNALS, SIGNALS_COUNT, self._signals, self._read_signals),
                Block(MEASURES, MEASURES_COUNT, self._measures, self._read_measures),
            ),
            READ_HOLDING: (Block(ORDERS, ORDERS_COUNT, self._orders, self._read_orders),),
        }
        climate = self.climate
        first = [round(10 * at) for at in (*climate.wanted, *climate.flows)]
        first += [*map(int, (*climate.boilers, *climate.fans))]
        first += [int(door.wanted_locked) for door in self.doors]
        for register, value in enumerate(first):
            _WORD.pack_into(self._orders, 2 * register, value)

    def answer(self, unit_id: int, pdu: bytes, now: float) -> bytes:
        """Return the reply to a request PDU for a unit."""
        if unit_id not in CONTROLLER_UNITS:
            return exception(pdu[0], GATEWAY_NO_PATH)
        return answer(self, pdu, now)

    def read_registers(self, function: int, address: int, count: int, now: float) -> bytes:
        """Return orders (function 3), or signals and measures (4)."""
        return read_block(self._tables[function], address, count, now)

    def write_registers(self, address: int, values: Sequence[int], now: float) -> None:
        """Take orders: all of them, or none and a refusal."""
        if address < ORDERS or address + len(values) > ORDERS + ORDERS_COUNT:
            raise Refusal(ILLEGAL_ADDRESS)
        for register, value in enumerate(values, address - ORDERS):
            low, high = LIMITS[register]
            if not low <= value <= high:
                raise Refusal(ILLEGAL_VALUE)
        self.climate.advance(now)
        for register, value in enumerate(values, address - ORDERS):
            _WORD.pack_into(self._orders, 2 * register, value)
            self._obey(register, value, now)
            self.writes += 1

    def read_bits(self, function: int, address: int, count: int, now: float) -> Sequence[bool]:
        """Refuse: it has no bits of their own."""
        raise Refusal(ILLEGAL_ADDRESS)

    def write_coils(self, address: int, values: Sequence[bool], now: float) -> None:
        """Refuse: it has no coils."""
        raise Refusal(ILLEGAL_ADDRESS)

    def power_back(self, now: float) -> None:
        """Come back after a power failure: plants stand still until they are ordered anew."""
        self.climate.advance(now)
        self.climate.boilers = [False] * len(self.climate.boilers)
        self.climate.fans = [False] * len(self.climate.fans)

    def _obey(self, register: int, value: int, now: float) -> None:
        climate = self.climate
        if register < FLOW_AT:
            climate.wanted[register - SETPOINT_AT] = value / 10.0
        elif register < BOILER_AT:
            climate.flows[register - FLOW_AT] = value / 10.0
        elif register < FAN_AT:
            climate.boilers[register - BOILER_AT] = bool(value)
        elif register < LOCK_AT:
            climate.fans[register - FAN_AT] = bool(value)
        elif register < ARM_AT:
            self.doors[register - LOCK_AT].wanted_locked = bool(value)
        elif register < INHIBIT_AT:
            self.zones[register - ARM_AT].order(now, arm=bool(value))
        elif register < ISOLATE_AT:
            self.zones[register - INHIBIT_AT].inhibited = value
        else:
            self.zones[register - ISOLATE_AT].isolated = value

    def advance(self, now: float) -> None:
        """Let doors and panel do what their time has come for."""
        first = self.zones[0]
        for zone in self.zones:
            zone.advance(now)
        passable = first.state == DISARMED
        for door in self.doors:
            if door.advance(now, passable=passable, released=bool(self.fire)):
                first.activate(now, 0)

    def _read_signals(self, now: float) -> None:
        self.advance(now)
        doors, zones, climate = self.doors, self.zones, self.climate
        fire = self.fire | self.fire_fault << FIRE_FAULT_BIT
        _SIGNALS.pack_into(
            self._signals,
            0,
            bits(door.standing_open for door in doors),
            bits(door.bolt for door in doors),
            fire | self.fire_disablement << FIRE_DISABLEMENT_BIT,
            *[zone.open_bits(now) for zone in zones],
            bits([z.tamper for z in zones] + [z.fault for z in zones] + [z.taken for z in zones]),
            *[zone.state for zone in zones],
            *[zone.inhibited for zone in zones],
            *[zone.isolated for zone in zones],
            bits((*climate.boilers, *climate.fans)),
        )

    def _read_measures(self, now: float) -> None:
        self.climate.advance(now)
        self._measures[:] = self.climate.words()

    def _read_orders(self, now: float) -> None:
        """Show what the panel made of its orders: disarming ends inhibitions by itself."""
        for n, zone in enumerate(self.zones):
            _WORD.pack_into(self._orders, 2 * (ARM_AT + n), int(zone.taken))
            _WORD.pack_into(self._orders, 2 * (INHIBIT_AT + n), zone.inhibited)


COUNTS = {"fire": FIRE_ZONES, "door": DOORS, "zone": ZONES, "detector": DETECTORS}
"""How many of each a building has."""
