"""A building's points as its kernels want them: true, false, or unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from jacquemart.actors.building.intrusion import Detector, Picture, State
from jacquemart.actors.building.layout import ZonePoints, bit_of
from jacquemart.runtime.model.quality import Quality

DETECTOR_FAULTS = frozenset({Quality.BAD_DEVICE, Quality.BAD_VALUE, Quality.BAD_CONFIG})
"""Qualities of a detector that is itself faulty; with others it is only not heard."""
_OF_WHAT_FOLLOWS: Final = {
    int(Quality.UNCERTAIN_RANGE): int(Quality.UNCERTAIN),
    int(Quality.BAD_VALUE): int(Quality.BAD_DEVICE),
}
"""What is wrong with one value is not wrong with another that follows from it."""
LEFT_OUT: Final = {"inhibit": "inhibited", "isolate": "isolated"}
"""The orders that leave detectors out, and what shows which ones are."""


class Table(Protocol):
    """Where the values are: the shard's point table."""

    def value(self, slot: int) -> float:
        """Return the last value of a slot."""
        ...

    def quality(self, slot: int) -> int:
        """Return the quality byte of a slot."""
        ...


class Signals:
    """Reads the points of one building; a point that it does not have is unknown."""

    __slots__ = ("_base", "_places", "_table")

    def __init__(self, table: Table, base: int, places: Mapping[str, int]) -> None:
        """Read the points at ``base`` and on; ``places`` counts them from there, by name."""
        self._table = table
        self._base = base
        self._places = places

    def number(self, point: str) -> float | None:
        """Return a value that may be used for control; None otherwise."""
        return self._below(point, Quality.STALE_AGE)

    def certain(self, point: str) -> float | None:
        """Return a value that is good, and not just usable; None otherwise."""
        return self._below(point, Quality.UNCERTAIN)

    def flag(self, point: str) -> bool | None:
        """Return a flag; None: unknown."""
        found = self.number(point)
        return None if found is None else bool(found)

    def flags(self, points: Iterable[str]) -> Mapping[str, bool | None]:
        """Return flags by name."""
        return {point: self.flag(point) for point in points}

    def worst(self, points: Iterable[str]) -> int:
        """Return the worst quality of some points, as that of what follows from them."""
        found = max(map(self._quality, points), default=int(Quality.GOOD))
        return _OF_WHAT_FOLLOWS.get(found, found)

    def picture(self, zone: ZonePoints) -> Picture:
        """Return the signals of an intrusion zone."""
        detectors = {number: self._detector(number) for number in zone.detectors}
        tamper, fault = (
            self._signal(zone.point(part)) if part in zone.parts else False
            for part in ("tamper", "fault")
        )
        if zone.own:
            return Picture(detectors, tamper, fault)
        return Picture(
            detectors,
            tamper,
            fault,
            panel=self.state(zone.point("state")),
            excluded=self.excluded(zone),
        )

    def excluded(self, zone: ZonePoints) -> frozenset[int]:
        """Return the detectors that the panel leaves out, as far as it is known."""
        masks = [int(self.certain(zone.point(part)) or 0) for part in LEFT_OUT.values()]
        out = masks[0] | masks[1]
        return frozenset(number for number in zone.detectors if out & bit_of(number))

    def state(self, point: str) -> State | None:
        """Return the state that a panel shows; None: unknown, or none that there is."""
        shown = self.certain(point)
        return State(int(shown)) if shown is not None and 0 <= shown <= max(State) else None

    def _signal(self, point: str) -> bool | None:
        found = self.certain(point)
        return None if found is None else bool(found)

    def _detector(self, number: int) -> Detector:
        point = f"intrusion_detector_{number}"
        quality = self._quality(point)
        if quality >= Quality.UNCERTAIN:
            return Detector.FAULTY if quality in DETECTOR_FAULTS else Detector.UNKNOWN
        return Detector.OPEN if self.number(point) else Detector.CLOSED

    def _quality(self, point: str) -> int:
        return self._table.quality(self._base + self._places[point])

    def _below(self, point: str, quality: Quality) -> float | None:
        place = self._places.get(point)
        if place is None or self._table.quality(self._base + place) >= quality:
            return None
        return self._table.value(self._base + place)
