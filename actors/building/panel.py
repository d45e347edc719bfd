"""The intrusion zones of one building: their kernels, what they show, and orders to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jacquemart.actors.building.facts import Fact
from jacquemart.actors.building.intrusion import IntrusionZone, Picture
from jacquemart.actors.building.layout import Layout, ZonePoints, zone_number
from jacquemart.actors.building.options import Options
from jacquemart.actors.building.signals import Signals
from jacquemart.runtime.model.quality import Quality

ABSENT: Final = 0
"""What ``intrusion`` shows of a building without intrusion zones; states follow it by one."""


class IntrusionPanel:
    """Zones by their number, each looking at its own points."""

    __slots__ = ("_points", "_signals", "_zones")

    def __init__(self, layout: Layout, options: Options, signals: Signals) -> None:
        """Begin with every zone disarmed and blind."""
        self._signals = signals
        self._points: dict[int, ZonePoints] = {zone.number: zone for zone in layout.zones}
        self._zones = {
            zone.number: IntrusionZone(
                zone.number,
                options.times,
                own=zone.own,
                route=options.route.intersection(zone.detectors),
            )
            for zone in layout.zones
        }

    @property
    def due(self) -> float | None:
        """Return when ``look`` is wanted by itself; None: not at all."""
        return min(
            (zone.due for zone in self._zones.values() if zone.due is not None), default=None
        )

    def points(self, number: int) -> ZonePoints | None:
        """Return the points of an intrusion zone; None: there is no such zone."""
        return self._points.get(number)

    def zone_of(self, detector: int) -> ZonePoints | None:
        """Return the intrusion zone that has a detector; None: there is no such detector."""
        points = self._points.get(zone_number(detector))
        return points if points is not None and detector in points.detectors else None

    def look(self, now: float) -> list[Fact]:
        """Look at every zone, and return what is to be told."""
        facts: list[Fact] = []
        for number, zone in self._zones.items():
            facts += zone.look(now, self._picture(number))
        return facts

    def shows(self) -> dict[str, tuple[float, int]]:
        """Return the value and quality of each derived point."""
        found: dict[str, tuple[float, int]] = {}
        worst, quality = float(ABSENT), int(Quality.GOOD)
        for number, zone in self._zones.items():
            known = self._quality(self._points[number])
            found[f"intrusion_zone_{number}"] = float(zone.state), known
            worst, quality = max(worst, 1.0 + zone.state), max(quality, known)
        found["intrusion"] = worst, quality
        return found

    # Orders --------------------------------------------------------------------------------

    def refuses_arming(self, number: int) -> str:
        """Return why a zone may not be armed; empty if it may."""
        return self._zones[number].refuses_arming(self._picture(number))

    def arm(self, number: int, now: float) -> list[Fact]:
        """Arm a zone of our own."""
        return self._zones[number].arm(now, self._picture(number))

    def disarm(self, number: int, now: float) -> list[Fact]:
        """Disarm a zone of our own."""
        return self._zones[number].disarm(now)

    def leave_out(self, detector: int, part: str) -> None:
        """Inhibit or isolate (``part``) a detector of a zone of our own."""
        zone = self._zones[zone_number(detector)]
        (zone.inhibit if part == "inhibit" else zone.isolate)(detector)

    def take_in(self, detector: int) -> None:
        """Restore a detector of a zone of our own."""
        self._zones[zone_number(detector)].restore(detector)

    # State that outlives a restart -----------------------------------------------------------

    def save(self) -> dict[str, Any]:
        """Return what must outlive a restart, by zone; a panel in the field keeps its own."""
        return {str(number): zone.save() for number, zone in self._zones.items() if zone.own}

    def load(self, saved: Mapping[str, Any], now: float) -> None:
        """Take back what ``save`` returned; zones that are gone are forgotten."""
        for number, zone in self._zones.items():
            if zone.own and str(number) in saved:
                zone.load(saved[str(number)], now)

    # Inside --------------------------------------------------------------------------------

    def _picture(self, number: int) -> Picture:
        return self._signals.picture(self._points[number])

    def _quality(self, points: ZonePoints) -> int:
        if points.own:
            return self._signals.worst([f"intrusion_detector_{n}" for n in points.detectors])
        point = points.point("state")
        shown = self._signals.worst([point])
        unknown = shown < Quality.UNCERTAIN and self._signals.state(point) is None
        return int(Quality.BAD_DEVICE) if unknown else shown
