"""The polled points of a link, bound when somebody looks at them.

A driver looks once, when it makes its plan; after that hardly anybody does. Ten times a city has
two million points, and a record for each would be most of its memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.cell.ports import DriverPort
from jacquemart.runtime.model.field import BoundPoint
from jacquemart.runtime.model.parameters import resolved


def bind(driver: DriverPort, actor: DeviceActor, index: int) -> BoundPoint:
    """Return a point of a device with its address.

    Raises:
        JacquemartError: the driver cannot address it; the operator's fault.
    """
    device = actor.spec
    spec = resolved(actor.template.points[index], device)
    return BoundPoint(actor.base + index, device, spec, driver.address_of(spec, device))


class PolledPoints(Sequence[BoundPoint]):
    """Points of one poll group, in order. Each look makes a new record."""

    __slots__ = ("_actors", "_driver", "_indices")

    def __init__(self, driver: DriverPort) -> None:
        """Begin without a point."""
        self._driver = driver
        self._actors: list[DeviceActor] = []
        self._indices = array("H")

    def add(self, actor: DeviceActor, indices: Sequence[int]) -> None:
        """Take points of a device, by their positions in its template."""
        self._actors.extend([actor] * len(indices))
        self._indices.extend(indices)

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> BoundPoint: ...
    @overload
    def __getitem__(self, index: slice) -> list[BoundPoint]: ...
    def __getitem__(self, index: int | slice) -> BoundPoint | list[BoundPoint]:
        """Return one point, or some."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        return bind(self._driver, self._actors[index], self._indices[index])

    def __iter__(self) -> Iterator[BoundPoint]:
        address_of = self._driver.address_of
        for actor, index in zip(self._actors, self._indices, strict=True):
            device, spec = actor.spec, actor.template.points[index]
            if device.parameters:
                spec = resolved(spec, device)
            yield BoundPoint(actor.base + index, device, spec, address_of(spec, device))
