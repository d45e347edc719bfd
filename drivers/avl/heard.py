"""What a gateway has said of each vehicle, and which points that changes. Pure.

*Rules.* Only vehicles that have points here are remembered, so a gateway that names others without
end costs nothing. A position that is not newer than the one held is late, and one from the future
is refused: taken, it would make every later one late. Whether a vehicle can have come there so fast
is not judged here; its actor does that.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from jacquemart.drivers.avl.options import COUNTS, DUTY, PLACE, AvlAddress
from jacquemart.drivers.avl.sentence import Duty, Fix, Other, Refused, decode
from jacquemart.runtime.model.field import Bad, BoundPoint, Taken
from jacquemart.runtime.model.quality import Quality

#: Receivers' clocks are right to a second; more is a broken one.
AHEAD_NS: Final = 60_000_000_000
_QUALITY: Final = {
    "N": Quality.BAD_DEVICE, "S": Quality.BAD_DEVICE, "E": Quality.UNCERTAIN,
    "M": Quality.UNCERTAIN,
}  # fmt: skip

Row = tuple[int, float, int, int]
"""Slot, value, quality, source time in ns."""


@dataclass(slots=True)
class _Vehicle:
    """One vehicle that has points here."""

    slots: dict[int, AvlAddress] = field(default_factory=dict)
    fix: Fix | None = None
    heading: float = math.nan
    """The last one that was said: who stands looks where he looked."""
    duty: Duty | None = None
    duty_ns: int = 0
    heard_s: float = -math.inf


class Heard:
    """The vehicles of one link.

    Attributes:
        counts: lines, refused, late, strangers (vehicles without points here), since ``forget``.
        refused: how many lines were refused for which reason.
        newcomers: vehicles were learned since somebody set this to False.
    """

    __slots__ = ("_simulated", "_vehicles", "counts", "newcomers", "refused")

    def __init__(self, *, simulated: bool) -> None:
        """Know no vehicle; ``simulated``: positions of a simulator are taken."""
        self._simulated = simulated
        self.newcomers = False
        self._vehicles: dict[str, _Vehicle] = {}
        self.counts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def learn(self, points: Iterable[BoundPoint]) -> None:
        """Take note of points; what is heard of their vehicles is for them."""
        for point in points:
            address: AvlAddress = point.address
            if address.shows not in COUNTS:
                self.newcomers |= address.vehicle not in self._vehicles
                vehicle = self._vehicles.setdefault(address.vehicle, _Vehicle())
                vehicle.slots[point.slot] = address

    def keep(self, points: Iterable[BoundPoint]) -> None:
        """Forget all other points."""
        slots = {point.slot for point in points}
        for name, vehicle in list(self._vehicles.items()):
            vehicle.slots = {slot: its for slot, its in vehicle.slots.items() if slot in slots}
            if not vehicle.slots:
                del self._vehicles[name]

    def forget(self) -> None:
        """Begin anew: on another connection everything is said again."""
        self.counts.clear()
        self.refused.clear()
        for vehicle in self._vehicles.values():
            vehicle.fix = vehicle.duty = None
            vehicle.heading, vehicle.heard_s = math.nan, -math.inf

    def refuse(self, why: str, many: int = 1) -> None:
        """Count lines that are not taken."""
        self.counts["refused"] += many
        self.refused[why] += many

    def take(self, lines: Iterable[bytes], wall_ns: int, now_s: float) -> list[Row]:
        """Take lines; return what is to be shown, oldest first."""
        rows: list[Row] = []
        for line in lines:
            self.counts["lines"] += 1
            told = decode(line)
            if isinstance(told, Refused):
                self.refuse(told.why)
            elif not isinstance(told, Other):
                rows += self._told(told, wall_ns, now_s)
        return rows

    def _told(self, told: Fix | Duty, wall_ns: int, now_s: float) -> Sequence[Row]:
        vehicle = self._vehicles.get(told.vehicle)
        if vehicle is None:
            self.counts["strangers"] += 1
            return ()
        if isinstance(told, Duty):
            vehicle.duty, vehicle.duty_ns, shown = told, wall_ns, DUTY
        else:
            if told.taken_ns > wall_ns + AHEAD_NS:
                self.refuse("from the future")
                return ()
            if vehicle.fix is not None and told.taken_ns <= vehicle.fix.taken_ns:
                self.counts["late"] += 1
                return ()
            vehicle.fix, shown = told, (*PLACE, "heard")
            if not math.isnan(told.heading_deg):
                vehicle.heading = told.heading_deg
        vehicle.heard_s = now_s
        found = ((slot, self._shown(vehicle, its)) for slot, its in vehicle.slots.items()
                 if its.shows in shown)  # fmt: skip
        return [row for slot, value in found if (row := _row(slot, value, wall_ns)) is not None]

    def missing(self, vehicles: Iterable[str]) -> bool:
        """Say whether one of these vehicles was not heard yet."""
        known = (self._vehicles.get(name) for name in vehicles)
        return any(one is not None and one.fix is None and one.duty is None for one in known)

    def value(self, address: AvlAddress, now_s: float, silent_s: float) -> float | Bad:
        """Return what a point shows by what was heard last."""
        if address.shows in COUNTS:
            return float(self.counts[address.shows])
        vehicle = self._vehicles.get(address.vehicle)
        if vehicle is None or vehicle.heard_s == -math.inf:
            return Bad(Quality.BAD_UNIT, f"{address.vehicle}: nothing was heard of it")
        silent = now_s - vehicle.heard_s
        if silent > silent_s:
            return Bad(Quality.BAD_UNIT, f"{address.vehicle}: not heard for {silent:.1f} s")
        shown = self._shown(vehicle, address)
        if not isinstance(shown, tuple):
            return shown
        said, quality, taken_ns = shown
        return Taken(said, taken_ns, quality)

    def _shown(self, vehicle: _Vehicle, its: AvlAddress) -> Bad | tuple[float, Quality, int]:
        """Return value, quality and time of what a point shows."""
        if its.shows in DUTY:
            said = getattr(vehicle.duty, _FIELDS[its.shows], math.nan)
            if math.isnan(said):
                return Bad(Quality.BAD_UNIT, f"{its.vehicle}: it says no {its.shows}")
            return said, Quality.GOOD, vehicle.duty_ns
        fix = vehicle.fix
        if fix is None:
            return Bad(Quality.BAD_UNIT, f"{its.vehicle}: it says no position")
        if its.shows == "heard":
            return its.value, Quality.GOOD, fix.taken_ns
        quality = _QUALITY.get(fix.mode, Quality.GOOD)
        if fix.mode == "S" and self._simulated:
            quality = Quality.GOOD
        if not quality.usable:
            why = "a simulator's" if fix.mode == "S" else "no fix"
            return Bad(quality, f"{its.vehicle}: its position is {why}")
        value = vehicle.heading if its.shows == "heading" else getattr(fix, _FIELDS[its.shows])
        if math.isnan(value):
            return Bad(Quality.BAD_DEVICE, f"{its.vehicle}: it says no {its.shows}")
        return float(value), quality, fix.taken_ns


_FIELDS: Final = {
    "latitude": "lat", "longitude": "lon", "speed": "speed_mps",
    "status": "status", "line": "line", "delay": "delay_s", "load": "load_pct", "door": "door",
}  # fmt: skip


def _row(slot: int, shown: Bad | tuple[float, Quality, int], wall_ns: int) -> Row | None:
    if isinstance(shown, Bad):
        # What was never said is left to the polls; that a receiver lost its place is news.
        bad = shown.quality is Quality.BAD_DEVICE
        return (slot, math.nan, int(shown.quality), wall_ns) if bad else None
    return slot, shown[0], int(shown[1]), shown[2]
