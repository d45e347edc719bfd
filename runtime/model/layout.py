"""The layout of a shard's table: which slot is which point, and which group sums it up.

Both sides of a stream derive it from the same city, so slots travel without names. Clients get
it with a snapshot.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence

from jacquemart.native.table import PointTable
from jacquemart.runtime.model.city import DeviceSpec, PointSpec, TemplateSpec
from jacquemart.runtime.model.devices import templates_of
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.withholding import WithholdingTable

#: Group, staleness in ns, whether every value is kept, whether it is urgent, range.
Definition = tuple[int, int, bool, bool, float, float]
#: A point without a staleness of its own is stale after this many poll periods …
STALE_PERIODS = 3
#: … and this long.
STALE_MARGIN_MS = 2_000


class ShardLayout:
    """Slots and groups of a shard. A group is one point of one kind."""

    def __init__(
        self,
        spec: ShardSpec,
        templates: Mapping[str, TemplateSpec],
        after: ShardLayout | None = None,
    ) -> None:
        """Lay the devices' points out, where ``spec.bases`` says, or in order.

        Groups are numbered as in ``after``, the layout before, and new ones behind them.

        Raises:
            UsageError: two devices share a slot, or one lies beyond the capacity.
        """
        self.spec = spec
        self.templates = templates
        self.bases: Sequence[int] = spec.bases
        self.groups: dict[tuple[str, str], int] = dict(after.groups) if after is not None else {}
        sizes = {name: len(template.points) for name, template in templates.items()}
        used: dict[str, None] = {}
        dense = array("q")
        at = 0
        for name in templates_of(spec.devices):
            dense.append(at)
            at += sizes[name]
            used[name] = None
        self.points = end = at
        """Slots that are somebody's."""
        if spec.bases:
            end = _check_bases(spec, templates)
        else:
            self.bases = dense
        self.capacity: int = max(end, spec.capacity, after.capacity if after is not None else 0)
        for name in used:
            template = templates[name]
            for point in template.points:
                self.groups.setdefault((template.kind, point.name), len(self.groups))

    def define(
        self, table: PointTable, only: Iterable[tuple[DeviceSpec, int]] | None = None
    ) -> None:
        """Give every slot of a new table its group, staleness, keep and range.

        Slots that are nobody's are retired. With ``only``, these devices' slots are defined and
        no other is touched.
        """
        bases: dict[str, list[int]] = {}
        if only is None:
            for name, base in zip(templates_of(self.spec.devices), self.bases, strict=True):
                bases.setdefault(name, []).append(base)
        else:
            for device, base in only:
                bases.setdefault(device.template, []).append(base)
        for name, found in bases.items():
            template = self.templates[name]
            private = isinstance(table, WithholdingTable) and any(map(_is_private, template.points))
            if private and isinstance(table, WithholdingTable):
                self._define_private(table, template, found)
                continue
            column = array("I", found)
            for at, definition in enumerate(self._definitions(template)):
                table.define_each(column, at, *definition)
        if only is None:
            for start, count in self.holes():
                table.retire(start, count)

    def _definitions(self, template: TemplateSpec) -> list[Definition]:
        """Return what ``PointTable.define`` wants to know of each point of a template."""
        inf = float("inf")
        return [
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

    def _define_private(
        self, table: WithholdingTable, template: TemplateSpec, bases: Iterable[int]
    ) -> None:
        """Define points of which some are withheld: the table wants to know each."""
        definitions = self._definitions(template)
        limits = [definition[1] for definition in definitions]
        for base in bases:
            table.protect(base, template.points, limits)
            for at, definition in enumerate(definitions):
                table.define(base + at, *definition)

    def holes(self) -> list[tuple[int, int]]:
        """Return the slots that are nobody's (any more), as (first, count), in order."""
        found: list[tuple[int, int]] = []
        if self.points == self.capacity:
            return found
        at = 0
        for device, base in self.in_slot_order():
            if base > at:
                found.append((at, base - at))
            at = base + self.size(device)
        if at < self.capacity:
            found.append((at, self.capacity - at))
        return found

    def in_slot_order(self) -> list[tuple[DeviceSpec, int]]:
        """Return devices and their bases, in the order of the bases."""
        pairs = list(zip(self.spec.devices, self.bases, strict=True))
        pairs.sort(key=lambda pair: pair[1])
        return pairs

    def size(self, device: DeviceSpec) -> int:
        """Return how many slots a device has."""
        return len(self.templates[device.template].points)

    def names(self) -> dict[str, object]:
        """Return devices, their points and units as a snapshot says them (docs/protocol.md).

        Slots that are nobody's are told as a device without an id, so that who counts through
        the devices in order comes to the right slots.
        """
        devices: list[list[str]] = []
        points: dict[str, list[str]] = {}
        units: dict[str, list[str]] = {}
        words: dict[str, dict[str, list[str]]] = {}
        at = 0
        for device, base in [*self.in_slot_order(), (None, self.capacity)]:
            if base > at:
                nobody = f"({base - at} slots)"
                points[nobody] = units[nobody] = [""] * (base - at)
                devices.append(["", nobody])
            if device is None:
                break
            name = device.template
            if name not in points:
                points[name] = [point.name for point in self.templates[name].points]
                units[name] = [point.unit for point in self.templates[name].points]
                meant = {p.name: list(p.words) for p in self.templates[name].points if p.words}
                if meant:
                    words[name] = meant
            devices.append([device.id, name])
            at = base + len(points[name])
        return {"devices": devices, "templates": points, "units": units, "words": words}


def _check_bases(spec: ShardSpec, templates: Mapping[str, TemplateSpec]) -> int:
    """Return the end of the last device's slots.

    Raises:
        UsageError: not one base for each device, or two devices share a slot.
    """
    if len(spec.bases) != len(spec.devices):
        raise UsageError(
            f"{len(spec.bases)} bases for {len(spec.devices)} devices", where=f"shard {spec.id}"
        )
    sizes = {name: len(template.points) for name, template in templates.items()}
    bases, names = spec.bases, list(templates_of(spec.devices))
    end, before = 0, -1
    for at in sorted(range(len(bases)), key=bases.__getitem__):
        base = bases[at]
        if base < end or base < 0:
            whose = spec.devices[before].id if before >= 0 else "nothing"
            raise UsageError(
                f"{spec.devices[at].id} begins at slot {base}, inside {whose}",
                where=f"shard {spec.id}",
            )
        end, before = base + sizes[names[at]], at
    return end


def _is_private(point: PointSpec) -> bool:
    return bool(point.withheld_unless) or point.by_source


def stale_after_ns(point: PointSpec) -> int:
    """Return after how many ns without a reading a point is stale; 0: never."""
    if point.stale_after_ms:
        return point.stale_after_ms * 1_000_000
    if point.poll_ms <= 0:
        return 0
    return (STALE_PERIODS * point.poll_ms + STALE_MARGIN_MS) * 1_000_000
