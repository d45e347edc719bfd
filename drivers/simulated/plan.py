"""A prepared read of simulated points: whose they are, and which.

Thousands of links keep several of these each, so a device costs two references and no more:
devices of one template share the tuple of names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jacquemart.runtime.model.city import DeviceSpec
from jacquemart.runtime.model.field import BoundPoint


class SimulatedPlan:
    """The points of a read in their order, as runs of points of one device.

    Attributes:
        ids: of each run, its device's id.
        feeders: of each run, what feeds its device, or nothing.
        names: of each run, its points.
    """

    __slots__ = ("feeders", "ids", "names")

    def __init__(self, points: Sequence[BoundPoint]) -> None:
        """Take the points over; nothing of them is kept but names."""
        self.ids: list[str] = []
        self.feeders: list[str] = []
        self.names: list[tuple[str, ...]] = []
        known: dict[tuple[str, ...], tuple[str, ...]] = {}
        device: DeviceSpec | None = None
        run: list[str] = []
        for point in points:
            if point.device is not device:
                self._end(run, known)
                device, run = point.device, []
                self.ids.append(device.id)
                self.feeders.append(device.fed_by)
            run.append(point.spec.name)
        self._end(run, known)

    def __len__(self) -> int:
        return sum(map(len, self.names))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield ``(device, name)`` of each point."""
        return (
            (device, name)
            for device, names in zip(self.ids, self.names, strict=True)
            for name in names
        )

    def devices(self) -> Iterator[tuple[str, str]]:
        """Yield each device once, with what feeds it."""
        return iter(dict(zip(self.ids, self.feeders, strict=True)).items())

    def _end(self, run: list[str], known: dict[tuple[str, ...], tuple[str, ...]]) -> None:
        if run:
            names = tuple(run)
            self.names.append(known.setdefault(names, names))
