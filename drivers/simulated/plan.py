"""A prepared read of simulated points: whose they are, and which.

Thousands of links keep several of these each, so a device costs two references and no more:
devices of one template share the tuple of names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from jacquemart.runtime.model.city import DeviceSpec, PointSpec


class SimulatedPlan:
    """The points of a read in their order, as runs of points of one device.

    Attributes:
        ids: of each run, its device's id.
        feeders: of each run, what feeds its device, or nothing.
        names: of each run, its points.
    """

    __slots__ = ("feeders", "ids", "names")

    def __init__(self, runs: Iterable[tuple[DeviceSpec, Sequence[PointSpec]]]) -> None:
        """Take runs over (``runs_of``); nothing of them is kept but names."""
        self.ids: list[str] = []
        self.feeders: list[str] = []
        self.names: list[tuple[str, ...]] = []
        shared: dict[tuple[str, ...], tuple[str, ...]] = {}
        last: tuple[Sequence[PointSpec], tuple[str, ...]] | None = None
        for device, specs in runs:
            if last is None or last[0] is not specs:
                names = tuple(spec.name for spec in specs)
                last = specs, shared.setdefault(names, names)
            self.ids.append(device.id)
            self.feeders.append(device.fed_by)
            self.names.append(last[1])

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
