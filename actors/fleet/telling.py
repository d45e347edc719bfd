"""How a vehicle tells brokers of signal priority where it is.

It tells each new position once, five times a second at most, and at once when it is off duty. One
that stands is told anew while its feed speaks: a broker that hears nothing takes its requests back.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from jacquemart.actors.priority.messages import OLDEST_MS, POSITION, Position
from jacquemart.actors.priority.request import VehicleType
from jacquemart.runtime.model.ids import valid_id
from jacquemart.runtime.model.outcome import Outcome, Reason
from jacquemart.runtime.model.quality import Quality

if TYPE_CHECKING:
    from jacquemart.actors.fleet.vehicle import Vehicle

#: Positions that come faster are left out.
LEAST_MS: Final = 200
#: How often it is looked whether the feed has said the same place again.
AGAIN_S: Final = 2.0
#: A position is worth nothing later.
WITHIN_S: Final = 2.0
#: Brokers that one template may name.
MOST_BROKERS: Final = 8
#: What was decided of it that is remembered, for ``why``.
REMEMBERED: Final = 5
_NO_BROKER: Final = (Reason.UNKNOWN_DEVICE, Reason.UNKNOWN_COMMAND)
_TYPES: Final = ("bus", "tram", "emergency")


def check_options(options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
    """Return what is wrong with the options of a template of vehicles."""
    wrong: list[tuple[str, Any, str]] = []
    for key, found in options.items():
        if key == "broker":
            names = found if isinstance(found, list) else [found]
            sound = all(isinstance(one, str) and valid_id(one) for one in names)
            if not sound or not 1 <= len(names) <= MOST_BROKERS:
                wrong.append((key, found, f"the id of a broker, or a list of 1 to {MOST_BROKERS}"))
        elif key == "asks_as":
            if found not in _TYPES:
                wrong.append((key, found, ", ".join(_TYPES)))
        else:
            wrong.append((key, found, "broker, asks_as"))
    return wrong


class Telling:
    """What one vehicle tells its brokers."""

    __slots__ = (
        "_brokers", "_duty", "_last_ms", "_missing", "_said", "_slots", "_source_ns", "_type",
        "_vehicle",
    )  # fmt: skip

    def __init__(self, vehicle: Vehicle, type: VehicleType) -> None:
        """Tell of a vehicle that asks as ``type``, unless its template says otherwise."""
        options = vehicle.template.options
        brokers = options.get("broker", ())
        self._brokers: tuple[str, ...] = (brokers,) if isinstance(brokers, str) else tuple(brokers)
        self._vehicle = vehicle
        self._type = VehicleType(options.get("asks_as", type))
        self._duty = False
        self._source_ns = 0
        self._last_ms = -LEAST_MS
        self._missing: set[str] = set()
        self._said: deque[tuple[int, str]] = deque(maxlen=REMEMBERED)
        index, base = vehicle.template.point_index, vehicle.base
        names = ("latitude", "longitude", "speed", "heading", "line", "trip", "delay", "load",
                 "door")  # fmt: skip
        self._slots = tuple(base + at if (at := index(name)) >= 0 else -1 for name in names)

    def look(self, *, duty: bool) -> None:
        """Tell what is new. ``duty``: whether it is to be followed at all."""
        if not self._brokers:
            return
        vehicle = self._vehicle
        if not duty:
            if self._duty:
                self._duty = False
                self._source_ns = 0
                self._tell(Position(False).text())
            return
        read = vehicle.shard.table.read
        lat, lat_quality, source_ns, _ = read(self._slots[0])
        lon, lon_quality, _, _ = read(self._slots[1])
        if max(lat_quality, lon_quality) >= Quality.STALE_AGE or math.isnan(lat + lon):
            return
        now_ms = vehicle.host.clock.boot_ns() // 1_000_000
        if source_ns == self._source_ns or now_ms - self._last_ms < LEAST_MS:
            return
        self._duty, self._source_ns, self._last_ms = True, source_ns, now_ms
        age_ms = (vehicle.host.clock.wall_ns() - source_ns) // 1_000_000
        speed, heading, line, trip, late, load, door = map(self._value, self._slots[2:])
        self._tell(
            Position(
                True, min(max(age_ms, 0), OLDEST_MS), lat, lon, speed, heading, None,
                None if door is None else bool(door), self._type, _number(line), late, load,
                _number(trip),
            ).text()
        )  # fmt: skip

    def hear(self, text: str) -> None:
        """Remember what a broker has decided."""
        self._said.append((self._vehicle.host.clock.boot_ns(), text[:200]))

    def texts(self) -> Mapping[str, str]:
        """Say what was decided last, newest first."""
        now = self._vehicle.host.clock.boot_ns()
        said = [f"{text} ({(now - at) / 1e9:.0f} s ago)" for at, text in reversed(self._said)]
        return {"priority": "; ".join(said)} if said else {}

    # Inside --------------------------------------------------------------------------------

    def _value(self, slot: int) -> float | None:
        if slot < 0:
            return None
        value, quality, _, _ = self._vehicle.shard.table.read(slot)
        return None if quality >= Quality.STALE_AGE or math.isnan(value) else value

    def _tell(self, text: str) -> None:
        for broker in self._brokers:
            self._vehicle.command(broker, POSITION, text, within_s=WITHIN_S, then=self._told)

    def _told(self, outcome: Outcome) -> None:
        if outcome.applied:
            self._missing.discard(outcome.device)
        elif outcome.reason in _NO_BROKER and outcome.device not in self._missing:
            self._missing.add(outcome.device)
            self._vehicle.emit("priority_broker_missing", 1, broker=outcome.device)


def _number(value: float | None) -> str:
    return str(int(value)) if value else ""
