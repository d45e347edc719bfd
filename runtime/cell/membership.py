"""Devices that move between zones: where each is counted, listed and commanded.

*Theory.* A vehicle's actor lives in the shard of its link, and its zone is a reading like any
other: the derived point ``zone`` of a kind that ``roams``. A zone cell follows the shards of all
roaming devices, and keeps their points once more in a table of its own, whose groups are the
points of a kind *in a zone*. When a device's ``zone`` says another zone, its slots change groups.
So it is counted in one zone at any time: the one where it is, or its home while that is not
known (off duty, lost, or outside of all zones).

*Rules.* On the zone cell's loop. ``settle`` before anything is asked.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jacquemart.native.table import PointTable, Rollup
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.supervisor import ShardView
from jacquemart.runtime.cell.bulk import pattern, unanswered
from jacquemart.runtime.cell.fan_out import CellFanOut
from jacquemart.runtime.model.city import DeviceSpec, TemplateSpec
from jacquemart.runtime.model.layout import ShardLayout
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire.messages import Bulk, BulkResult

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service

#: The derived point of a roaming kind that says where its device is; its words are zones.
ZONE_POINT = "zone"
Key = tuple[str, str]


@dataclass(slots=True, eq=False)
class _Member:
    """One roaming device: its slots in its shard and in the table of roamers, and its zone."""

    spec: DeviceSpec
    shard: str
    template: TemplateSpec
    base: int
    own: int
    zone_at: int
    zone: str

    def told(self, values: bytes) -> str:
        """Return the zone that it says, in the values of its shard's table; its home if none."""
        (number,) = struct.unpack_from("<d", values, 8 * (self.base + self.zone_at))
        words = self.template.points[self.zone_at].words
        if not 0.0 < number < len(words):  # NaN: withheld, or never told; 0: outside
            return self.spec.zone
        return words[int(number)]


class Roamers:
    """The roaming devices of a zone cell's shards."""

    def __init__(
        self, views: Mapping[str, ShardView], kinds: Mapping[str, type[DeviceActor]]
    ) -> None:
        """Follow the views as they are, and as they become; ``settle`` sees what changed."""
        self.kinds = kinds
        self._views = views
        self._layouts: dict[str, ShardLayout] = {}
        self._touched: set[str] = set()
        self._members: dict[str, _Member] = {}
        self._by_shard: dict[str, list[_Member]] = {}
        self._keys: list[Key] = []
        self._places: dict[str, dict[str, int]] = {}
        self._zones: list[str] = []
        self._seen: set[tuple[str, str]] = set()
        self._table = PointTable(0, 0)
        self._moved: set[str] = set()
        self._rebuild()

    @property
    def shards(self) -> Sequence[str]:
        """The shards that have roaming devices."""
        return list(self._by_shard)

    def touch(self, *shards: str) -> None:
        """Take note that the views of shards changed."""
        self._touched.update(shard for shard in shards if shard in self._by_shard)

    def settle(self) -> None:
        """Bring everything in line with the views."""
        views = self._views
        known = self._layouts
        if len(known) != len(views) or any(known.get(n) is not v.layout for n, v in views.items()):
            self._moved.update(self._zones)
            self._rebuild()
        if not self._touched:
            return
        for shard in self._touched:
            self._copy(shard)
        self._touched.clear()
        width = len(self._keys)
        for group in self._table.changed_groups():
            self._moved.add(self._zones[group // width])
        self._table.drain()  # nobody reads the dirty slots

    def changed_zones(self) -> set[str]:
        """Settle, and return the zones in which something changed since the last call."""
        self.settle()
        moved, self._moved = self._moved, set()
        return moved

    def roams(self, kind: str) -> bool:
        """Return whether a kind's devices move between zones."""
        found = self.kinds.get(kind)
        return found is not None and found.roams

    def zone_of(self, device: str) -> str:
        """Return the zone of a roaming device; empty for any other."""
        member = self._members.get(device)
        return member.zone if member is not None else ""

    def within(self, zone: str, shards: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the roaming devices of some shards that are in a zone, as (id, kind)."""
        for shard in shards:
            for member in self._by_shard.get(shard, ()):
                if member.zone == zone:
                    yield member.spec.id, member.template.kind

    def rows(self, zone: str) -> dict[Key, Rollup]:
        """Return the aggregates of the roaming devices in a zone.

        Of a kind that was there before, also when none is there any more: whoever keeps rows by
        their names must hear that there are none.
        """
        if zone not in self._zones:
            return {}
        first = self._zones.index(zone) * len(self._keys)
        found: dict[Key, Rollup] = {}
        for at, key in enumerate(self._keys):
            rollup = self._table.rollup(first + at)
            if rollup.count:
                self._seen.add((zone, key[0]))
            if rollup.count or (zone, key[0]) in self._seen:
                found[key] = rollup
        return found

    # Inside --------------------------------------------------------------------------------

    def _rebuild(self) -> None:
        """Lay out the table of roamers for the views as they are now."""
        self._layouts = {name: view.layout for name, view in self._views.items()}
        keys: dict[Key, None] = {}
        zones: dict[str, None] = {}
        before, self._members, self._by_shard = self._members, {}, {}
        at = 0
        for name, layout in self._layouts.items():
            for spec, base in zip(layout.spec.devices, layout.bases, strict=True):
                template = layout.templates[spec.template]
                zone_at = template.point_index(ZONE_POINT) if self.roams(template.kind) else -1
                if zone_at < 0:
                    continue
                member = _Member(spec, name, template, base, at, zone_at, spec.zone)
                self._members[spec.id] = member
                self._by_shard.setdefault(name, []).append(member)
                at += len(template.points)
                keys.update(((template.kind, point.name), None) for point in template.points)
                zones.update(dict.fromkeys((spec.zone, *template.points[zone_at].words[1:])))
        self._keys, self._zones = list(keys), list(zones)
        places = {key: n for n, key in enumerate(self._keys)}
        self._places = {
            kind: {point: n for (of, point), n in places.items() if of == kind}
            for kind in {kind for kind, _ in keys}
        }
        self._table = PointTable(at, len(self._keys) * len(self._zones))
        for member in self._members.values():
            old = before.get(member.spec.id)
            if old is not None and old.zone in zones:
                member.zone = old.zone
            self._group(member)
        self._touched.update(self._by_shard)

    def _copy(self, shard: str) -> None:
        """Take over a shard's roaming points as they are, and follow who moved."""
        _, values, qualities, source_ns, receive_ns = self._views[shard].table.snapshot()
        for member in self._by_shard.get(shard, ()):
            begin, count = member.base, len(member.template.points)
            end = begin + count
            self._table.apply_batch(
                array("I", range(member.own, member.own + count)),
                values[8 * begin : 8 * end],
                qualities[begin:end],
                source_ns[8 * begin : 8 * end],
                receive_ns[8 * begin : 8 * end],
            )
            zone = member.told(values)
            if zone != member.zone and zone in self._zones:
                self._moved.update((member.zone, zone))
                member.zone = zone
                self._group(member)

    def _group(self, member: _Member) -> None:
        """Count a device's points in its zone."""
        first = self._zones.index(member.zone) * len(self._keys)
        places = self._places[member.template.kind]
        for at, point in enumerate(member.template.points):
            self._table.define(member.own + at, first + places[point.name], 0)


class RoamingFanOut(CellFanOut):
    """Commands a zone's devices: those that stand in it, and those that are in it just now.

    The cell of a roaming device decides by where the device is when the command comes; here, who
    is in the zone only counts for cells that do not answer.
    """

    def __init__(
        self, service: Service, zone: str, views: Sequence[ShardView], roamers: Roamers,
        all_views: Mapping[str, ShardView],
    ) -> None:  # fmt: skip
        """Fan out for one zone, whose shards have ``views``."""
        names = {view.layout.spec.id for view in views}
        more = [all_views[name] for name in roamers.shards if name not in names]
        super().__init__(service, [*views, *more])
        self._zone = zone
        self._roamers = roamers

    def _lost(
        self, bulk: Bulk, views: Sequence[ShardView], status: Status, detail: str
    ) -> BulkResult:
        kind, device = pattern(bulk.kind), pattern(bulk.device)
        meant = [
            spec.id
            for view in views
            if view.layout.spec.zone == self._zone
            for spec in view.layout.spec.devices
            if not self._roamers.roams(name := view.layout.templates[spec.template].kind)
            and kind.match(name)
            and device.match(spec.id)
        ]
        shards = [view.layout.spec.id for view in views]
        meant += [
            found
            for found, of in self._roamers.within(self._zone, shards)
            if kind.match(of) and device.match(found)
        ]
        return unanswered(bulk.id, meant, status, Reason.CELL_LOST, detail)


class RoamingChoice:
    """In a device cell: which roaming devices a zone's part of a bulk command means.

    A device that crosses a border while a command comes zone by zone must get it once: so the
    first part of a command decides for all its parts where each device is.
    """

    #: Bulk commands whose decision is remembered.
    KEPT = 128

    def __init__(self) -> None:
        """Remember nothing."""
        self._decided: dict[tuple[str, bytes], dict[str, str]] = {}
        self._roaming: dict[str, tuple[object, list[DeviceActor]]] = {}

    def among(
        self,
        bulk: Bulk,
        standing: Sequence[DeviceActor],
        shards: Mapping[str, Sequence[DeviceActor]],
    ) -> list[DeviceActor]:
        """Return the devices meant.

        Args:
            bulk: the part of a command for one zone.
            standing: what it means by home zones.
            shards: the actors of each shard of the cell.
        """
        roaming = [actor for name, actors in shards.items() for actor in self._of(name, actors)]
        if not roaming:
            return list(standing)
        key = (bulk.principal, bulk.id)
        where = self._decided.get(key)
        if where is None:
            where = self._decided[key] = {actor.id: actor.zone for actor in roaming}
            while len(self._decided) > self.KEPT:
                del self._decided[next(iter(self._decided))]
        zone, kind, device = pattern(bulk.zone), pattern(bulk.kind), pattern(bulk.device)
        matches: Callable[[DeviceActor], bool] = lambda actor: bool(  # noqa: E731
            zone.match(where.get(actor.id, actor.zone))
            and kind.match(actor.kind)
            and device.match(actor.id)
        )
        return [
            *(actor for actor in standing if not actor.roams),
            *(actor for actor in roaming if matches(actor)),
        ]

    def _of(self, shard: str, actors: Sequence[DeviceActor]) -> list[DeviceActor]:
        """Return the roaming ones of a shard; looked for again when its actors are others."""
        known = self._roaming.get(shard)
        if known is None or known[0] is not actors:
            known = self._roaming[shard] = actors, [actor for actor in actors if actor.roams]
        return known[1]
