"""A building's points as its kernels want them: true, false, or unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from jacquemart.actors.building.intrusion import Detector, Picture, State
from jacquemart.actors.building.layout import MOST_DETECTORS, ZonePoints
from jacquemart.runtime.model.quality import Quality

DETECTOR_FAULTS = frozenset({Quality.BAD_DEVICE, Quality.BAD_VALUE, Quality.BAD_CONFIG})
"""Qualities of a detector that is itself faulty; with others it is only not heard."""
LEFT_OUT: Final = {"inhibit": "inhibited", "isolate": "isolated"}
"""The orders that leave detectors out, and what shows which ones are."""


class Points(Protocol):
    """Where the values are: the device actor."""

    def value(self, point: str) -> float:
        """Return the last value of a point."""
        ...

    def quality(self, point: str) -> int:
        """Return the quality byte of a point."""
        ...


class Signals:
    """Reads the points of one building; a point that it does not have is unknown."""

    __slots__ = ("_names", "_points")

    def __init__(self, points: Points, names: frozenset[str]) -> None:
        """Read ``points``, which has those names."""
        self._points = points
        self._names = names

    def number(self, point: str) -> float | None:
        """Return a value that may be used for control; None otherwise."""
        if point not in self._names or self._points.quality(point) >= Quality.STALE_AGE:
            return None
        return self._points.value(point)

    def flag(self, point: str) -> bool | None:
        """Return a flag; None: unknown."""
        found = self.number(point)
        return None if found is None else bool(found)

    def flags(self, points: Iterable[str]) -> Mapping[str, bool | None]:
        """Return flags by name."""
        return {point: self.flag(point) for point in points}

    def worst(self, points: Iterable[str]) -> int:
        """Return the worst quality of some points."""
        return max(map(self._points.quality, points), default=Quality.GOOD)

    def picture(self, zone: ZonePoints) -> Picture:
        """Return the signals of an intrusion zone."""
        detectors = {number: self._detector(number) for number in zone.detectors}
        tamper, fault = (
            self.flag(zone.point(part)) if part in zone.parts else False
            for part in ("tamper", "fault")
        )
        if zone.own:
            return Picture(detectors, tamper, fault)
        return Picture(
            detectors,
            tamper,
            fault,
            panel=self._state(zone.point("state")),
            excluded=self.excluded(zone),
        )

    def excluded(self, zone: ZonePoints) -> frozenset[int]:
        """Return the detectors that the panel leaves out, as far as it is known."""
        masks = [int(self.number(zone.point(part)) or 0) for part in LEFT_OUT.values()]
        out = masks[0] | masks[1]
        return frozenset(100 * zone.number + n + 1 for n in range(MOST_DETECTORS) if out >> n & 1)

    def _state(self, point: str) -> State | None:
        shown = self.number(point)
        return State(int(shown)) if shown is not None and 0 <= shown <= max(State) else None

    def _detector(self, number: int) -> Detector:
        point = f"intrusion_detector_{number}"
        quality = self._points.quality(point)
        if quality >= Quality.STALE_AGE:
            return Detector.FAULTY if quality in DETECTOR_FAULTS else Detector.UNKNOWN
        return Detector.OPEN if self._points.value(point) else Detector.CLOSED
