"""What the link shell and a driver say to each other."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Self

from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.quality import Quality


@dataclass(frozen=True, slots=True)
class Bad:
    """A value that could not be read, in the place of a number."""

    quality: Quality
    detail: str = ""


class Taken(float):
    """A number that a driver heard earlier, with the time at which the field took it.

    For drivers whose field speaks by itself: a poll is answered with what was heard last, and that
    is as old as it is. A plain number counts as taken when it was read, and as GOOD.
    """

    __slots__ = ("quality", "source_ns")

    source_ns: int
    """ns of the wall clock."""
    quality: Quality
    """One that is usable; for others there is ``Bad``."""

    def __new__(cls, value: float, source_ns: int, quality: Quality = Quality.GOOD) -> Self:
        """Make one."""
        made = super().__new__(cls, value)
        made.source_ns, made.quality = source_ns, quality
        return made


@dataclass(frozen=True, slots=True, eq=False)
class BoundPoint:
    """A point of one device, bound to its slot in the shard's table and its address."""

    slot: int
    device: DeviceSpec
    spec: PointSpec
    address: Any

    @property
    def id(self) -> str:
        """Return ``device/point``."""
        return f"{self.device.id}/{self.spec.name}"


class BoundPoints(Sequence[BoundPoint]):
    """Points that know which of them are of one device, for drivers with many of them."""

    __slots__ = ()

    def runs(self) -> Iterator[tuple[DeviceSpec, tuple[PointSpec, ...]]]:
        """Yield devices with their points, in order; devices that are alike share the tuple."""
        raise NotImplementedError

    def slots(self) -> array[int]:
        """Return the slots of the points, in order."""
        raise NotImplementedError


def runs_of(points: Sequence[BoundPoint]) -> Iterator[tuple[DeviceSpec, tuple[PointSpec, ...]]]:
    """Yield devices with their points, in order; a device may come more than once."""
    if isinstance(points, BoundPoints):
        yield from points.runs()
        return
    for _, run in groupby(points, key=lambda point: id(point.device)):
        members = list(run)
        yield members[0].device, tuple(point.spec for point in members)


def slots_of(points: Sequence[BoundPoint]) -> array[int]:
    """Return the slots of points, in order."""
    if isinstance(points, BoundPoints):
        return points.slots()
    return array("I", [point.slot for point in points])
