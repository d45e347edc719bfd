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

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jacquemart.native.table import PointTable, Rollup
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.supervisor import ShardView
from jacquemart.runtime.model.city import DeviceSpec, TemplateSpec
from jacquemart.runtime.model.layout import ShardLayout

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

    def told(self, number: float) -> str:
        """Return the zone that a value of its point ``zone`` means; its home if none."""
        words = self.template.points[self.zone_at].words
        if not 0.0 < number < len(words):  # NaN: withheld, or never told; 0: outside
            return self.spec.zone
        return words[int(number)]


class _Run:
    """Roaming devices of one template whose slots are neighbours: copied in one piece."""

    __slots__ = ("members", "said", "slots")

    def __init__(self, first: _Member) -> None:
        self.members = [first]
        self.slots = array("I")
        """Their slots in the table of roamers, once the run is whole."""
        self.said = b""
        """What their points ``zone`` held when somebody looked."""

    def takes(self, member: _Member) -> bool:
        """Take a member if it is the next neighbour."""
        last = self.members[-1]
        end = last.base + len(last.template.points)
        if member.template is not last.template or member.base != end:
            return False
        self.members.append(member)
        return True

    def ends(self) -> tuple[int, int]:
        """Return the first slot in the shard, and the one behind the last."""
        last = self.members[-1]
        return self.members[0].base, last.base + len(last.template.points)

    def movers(self, values: memoryview[float]) -> Iterator[tuple[_Member, str]]:
        """Yield whose zone is another now, with that zone; ``values`` are those of the run."""
        first = self.members[0]
        numbers = values[first.zone_at :: len(first.template.points)]
        said = numbers.tobytes()
        if said == self.said:
            return
        self.said = said
        for member, number in zip(self.members, numbers, strict=True):
            zone = member.told(number)
            if zone != member.zone:
                yield member, zone


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
        self._by_shard: dict[str, list[_Run]] = {}
        self._keys: list[Key] = []
        self._places: dict[str, dict[str, int]] = {}
        self._zones: list[str] = []
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
        self._table.forget()  # nobody reads the dirty slots

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
            for run in self._by_shard.get(shard, ()):
                for member in run.members:
                    if member.zone == zone:
                        yield member.spec.id, member.template.kind

    def rows(self, zone: str) -> dict[Key, Rollup]:
        """Return the aggregates of the roaming devices in a zone; none of a kind that is not."""
        if zone not in self._zones:
            return {}
        first = self._zones.index(zone) * len(self._keys)
        found = {key: self._table.rollup(first + at) for at, key in enumerate(self._keys)}
        return {key: rollup for key, rollup in found.items() if rollup.count}

    # Inside --------------------------------------------------------------------------------

    def _rebuild(self) -> None:
        """Lay out the table of roamers for the views as they are now."""
        self._layouts = {name: view.layout for name, view in self._views.items()}
        keys: dict[Key, None] = {}
        zones: dict[str, None] = {}
        before, self._members, self._by_shard = self._members, {}, {}
        at = 0
        for name, layout in self._layouts.items():
            if not any(self.roams(kind) for kind, _ in layout.groups):
                continue  # most shards: nothing in them moves, however many there are
            for spec, base in zip(layout.spec.devices, layout.bases, strict=True):
                template = layout.templates[spec.template]
                zone_at = template.point_index(ZONE_POINT) if self.roams(template.kind) else -1
                if zone_at < 0:
                    continue
                member = _Member(spec, name, template, base, at, zone_at, spec.zone)
                self._members[spec.id] = member
                runs = self._by_shard.setdefault(name, [])
                if not runs or not runs[-1].takes(member):
                    runs.append(_Run(member))
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
        for runs in self._by_shard.values():
            for run in runs:
                begin, end = run.ends()
                own = run.members[0].own
                run.slots = array("I", range(own, own + end - begin))
        self._touched = set(self._by_shard)  # a shard that has left is touched no more

    def _copy(self, shard: str) -> None:
        """Take over a shard's roaming points as they are, and follow who moved."""
        table = self._views[shard].table
        for run in self._by_shard.get(shard, ()):
            begin, end = run.ends()
            _, values, *others = table.snapshot(begin, end - begin)
            self._table.apply_batch(run.slots, values, *others)
            for member, zone in run.movers(memoryview(values).cast("d")):
                if zone in self._zones:
                    self._moved.update((member.zone, zone))
                    member.zone = zone
                    self._group(member)

    def _group(self, member: _Member) -> None:
        """Count a device's points in its zone."""
        first = self._zones.index(member.zone) * len(self._keys)
        places = self._places[member.template.kind]
        for at, point in enumerate(member.template.points):
            self._table.define(member.own + at, first + places[point.name], 0)
