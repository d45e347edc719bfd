"""The polled points of a link, bound when somebody looks at them.

A driver looks once, when it makes its plan; after that hardly anybody does. Ten times a city has
two million points, and a record for each would be most of its memory.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import overload

from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.cell.ports import DriverPort
from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.field import BoundPoint, BoundPoints
from jacquemart.runtime.model.parameters import resolved


def bind(driver: DriverPort, actor: DeviceActor, index: int) -> BoundPoint:
    """Return a point of a device with its address.

    Raises:
        JacquemartError: the driver cannot address it; the operator's fault.
    """
    device = actor.spec
    spec = resolved(actor.template.points[index], device)
    return BoundPoint(actor.base + index, device, spec, driver.address_of(spec, device))


#: Points of templates by which of them they are, with the points that each was made of.
_SOME: dict[tuple[int, tuple[int, ...]], tuple[tuple[PointSpec, ...], tuple[PointSpec, ...]]] = {}
_MOST_SOME = 1_024


def _some_of(points: tuple[PointSpec, ...], indices: tuple[int, ...]) -> tuple[PointSpec, ...]:
    """Return some points of a template: the same tuple on every link, so that drivers can share
    what they make of it."""
    key = id(points), indices
    made = _SOME.get(key)
    if made is None or made[0] is not points:
        if len(_SOME) >= _MOST_SOME:
            _SOME.clear()
        made = _SOME[key] = points, tuple(points[index] for index in indices)
    return made[1]


class PolledPoints(BoundPoints):
    """Points of one poll group, in order, as runs of points of one device.

    Each look makes a new record.
    """

    __slots__ = ("_actors", "_driver", "_ends", "_indices")

    def __init__(self, driver: DriverPort) -> None:
        """Begin without a point."""
        self._driver = driver
        self._actors: list[DeviceActor] = []
        self._indices: list[tuple[int, ...]] = []
        self._ends = array("I")

    def add(self, actor: DeviceActor, indices: tuple[int, ...]) -> None:
        """Take points of a device, by their positions in its template."""
        self._actors.append(actor)
        self._indices.append(indices)
        self._ends.append(len(self) + len(indices))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> BoundPoint: ...
    @overload
    def __getitem__(self, index: slice) -> list[BoundPoint]: ...
    def __getitem__(self, index: int | slice) -> BoundPoint | list[BoundPoint]:
        """Return one point, or some."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        run = bisect_right(self._ends, at)
        return bind(self._driver, self._actors[run], self._indices[run][at - self._ends[run]])

    def __iter__(self) -> Iterator[BoundPoint]:
        address_of = self._driver.address_of
        for actor, indices, (device, specs) in zip(
            self._actors, self._indices, self.runs(), strict=True
        ):
            base = actor.base
            for index, spec in zip(indices, specs, strict=True):
                yield BoundPoint(base + index, device, spec, address_of(spec, device))

    def runs(self) -> Iterator[tuple[DeviceSpec, tuple[PointSpec, ...]]]:
        """Yield each device with its points; devices of one template share the tuple."""
        last: tuple[PointSpec, ...] = ()
        which: tuple[int, ...] = ()
        specs: tuple[PointSpec, ...] = ()
        for actor, indices in zip(self._actors, self._indices, strict=True):
            device, points = actor.spec, actor.template.points
            if device.parameters:
                yield device, tuple(resolved(points[index], device) for index in indices)
                continue
            if points is not last or indices is not which:
                last, which, specs = points, indices, _some_of(points, indices)
            yield device, specs

    def slots(self) -> array[int]:
        """Return the slots of the points, in order."""
        found = array("I")
        for actor, indices in zip(self._actors, self._indices, strict=True):
            base = actor.base
            found.extend([base + index for index in indices])
        return found
