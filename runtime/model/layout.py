"""The layout of a shard's table: which slot is which point, and which group sums it up.

Both sides of a stream derive it from the same city, so slots travel without names. Clients get
it with a snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping

from jacquemart.native.table import PointTable
from jacquemart.runtime.model.city import PointSpec, TemplateSpec
from jacquemart.runtime.model.directory import ShardSpec

#: A point without a staleness of its own is stale after this many poll periods …
STALE_PERIODS = 3
#: … and this long.
STALE_MARGIN_MS = 2_000


class ShardLayout:
    """Slots and groups of a shard. A group is one point of one kind."""

    def __init__(self, spec: ShardSpec, templates: Mapping[str, TemplateSpec]) -> None:
        """Lay the devices' points out, in order."""
        self.spec = spec
        self.templates = templates
        self.bases: list[int] = []
        self.groups: dict[tuple[str, str], int] = {}
        at = 0
        for device in spec.devices:
            self.bases.append(at)
            at += len(templates[device.template].points)
        self.capacity = at
        for device in spec.devices:
            template = templates[device.template]
            for point in template.points:
                self.groups.setdefault((template.kind, point.name), len(self.groups))

    def define(self, table: PointTable) -> None:
        """Give every slot of a new table its group, staleness, keep and range."""
        columns: dict[str, list[tuple[int, int, bool, bool, float, float]]] = {}
        inf = float("inf")
        for name, template in self.templates.items():
            columns[name] = [
                (
                    self.groups.get((template.kind, point.name), 0),
                    stale_after_ns(point),
                    point.keep == "every",
                    point.urgent,
                    -inf if point.low is None else point.low,
                    inf if point.high is None else point.high,
                )
                for point in template.points
            ]
        define = table.define
        for device, base in zip(self.spec.devices, self.bases, strict=True):
            for at, column in enumerate(columns[device.template]):
                define(base + at, *column)


def stale_after_ns(point: PointSpec) -> int:
    """Return after how many ns without a reading a point is stale; 0: never."""
    if point.stale_after_ms:
        return point.stale_after_ms * 1_000_000
    if point.poll_ms <= 0:
        return 0
    return (STALE_PERIODS * point.poll_ms + STALE_MARGIN_MS) * 1_000_000
