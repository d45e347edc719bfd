"""Where everything goes once the city has changed, while it runs. Pure.

Rules: what did not change stays in its cell, its shard and its slots. A link that came, or that
may not stay in its shard, goes to the lightest shard of its zone in a cell of its class (node,
isolation), or to a new shard if that one would grow too heavy, or to a new cell if the class has
none. Shards without links and cells without shards go. No id is given a second meaning. Evenness
is not restored by moving anything: that would blind devices that did not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jacquemart.runtime.cluster.loads import (
    GRANULES_A_CELL,
    Load,
    check_nodes,
    loads_of,
    resources_for,
    sizes,
)
from jacquemart.runtime.cluster.slots import successor
from jacquemart.runtime.kernel.change import goes_on, same_template, stays_in_place
from jacquemart.runtime.model.city import CitySpec, DeviceSpec, LinkSpec
from jacquemart.runtime.model.directory import CellPlan, Placement, ShardSpec

#: A shard may grow to this many granules before a new one is begun.
HEAVIEST = 2

#: Node and isolation of a cell's links; alone: the one link of a cell of its own.
_Class = tuple[str, str]


@dataclass(slots=True)
class _Shard:
    """A shard that stays, or a new one."""

    id: str
    zone: str
    before: ShardSpec | None = None
    links: dict[str, LinkSpec] = field(default_factory=dict)
    points: int = 0


@dataclass(slots=True)
class _Cell:
    name: str
    kind: _Class
    resources: Mapping[str, float]
    shards: list[_Shard] = field(default_factory=list)

    @property
    def points(self) -> int:
        return sum(shard.points for shard in self.shards)


def replan(placement: Placement, city: CitySpec, node_resources: Mapping[str, float]) -> Placement:
    """Place a changed city around what stays.

    Args:
        placement: as the city runs now.
        city: as it shall run.
        node_resources: the custom resources that the cluster has, by name.

    Raises:
        StartError: a link names a node whose resource the cluster does not have.
        UsageError: a device names a link that the city does not have.
    """
    loads = {load.link.id: load for load in loads_of(city)}
    check_nodes((load.link for load in loads.values()), node_resources)
    numbers = _Numbers(placement)
    cells, waiting = _staying(placement, loads)
    heaviest = HEAVIEST * max(
        1.0, sum(load.points for load in loads.values()) / max(1, len(cells)) / GRANULES_A_CELL
    )
    for load in sorted(waiting.values(), key=lambda one: -one.points):
        _put(load, cells, numbers, heaviest)
    plans = _Specs(placement, city, loads, cells).plans()
    return Placement(city, plans, numbers.used)


def _staying(
    placement: Placement, loads: Mapping[str, Load]
) -> tuple[list[_Cell], dict[str, Load]]:
    """Return the cells with the links that stay, and the links that need a place."""
    waiting = dict(loads)
    cells: list[_Cell] = []
    for plan in placement.cells:
        links = [link for shard in plan.shards for link in shard.links]
        if not links:
            continue
        cell = _Cell(plan.name, _class_of(links[0]), plan.resources)
        cells.append(cell)
        for before in plan.shards:
            shard = _Shard(before.id, before.zone, before)
            for link in before.links:
                load = waiting.get(link.id)
                if load is not None and stays_in_place(link, load.link):
                    shard.links[link.id] = load.link
                    shard.points += load.points
                    del waiting[link.id]
            if shard.links:
                cell.shards.append(shard)
    # A cell that loses all its links goes, and with it its place for others: they may not go
    # where a name is about to end.
    return [cell for cell in cells if cell.shards], waiting


def _put(load: Load, cells: list[_Cell], numbers: _Numbers, heaviest: float) -> None:
    """Give a link a shard and a cell."""
    link = load.link
    kind = _class_of(link)
    alone = link.isolation == "process"
    fit = [] if alone else [cell for cell in cells if cell.kind == kind]
    known = [
        shard
        for cell in fit
        for shard in cell.shards
        if shard.zone == link.zone and shard.points + load.points <= heaviest
    ]
    if known:
        shard = min(known, key=lambda one: one.points)
    else:
        shard = _Shard(numbers.next(f"{link.zone}/"), link.zone)
        if fit:
            cell = min(fit, key=lambda one: one.points)
        else:
            name = numbers.next("alone-" if alone else "device-")
            cell = _Cell(name, kind, resources_for(link.node))
            cells.append(cell)
        cell.shards.append(shard)
    shard.links[link.id] = link
    shard.points += load.points


def _class_of(link: LinkSpec) -> _Class:
    return (link.node, link.isolation)


class _Numbers:
    """Ids that were never given before. Shards count from 0, cells from 1."""

    def __init__(self, placement: Placement) -> None:
        """Know what the placement has, and what it remembers."""
        self.used = dict(placement.used)
        for plan in placement.cells:
            self._note(*_split(plan.name, "-"))
            for shard in plan.shards:
                self._note(*_split(shard.id, "/"))

    def _note(self, prefix: str, number: int) -> None:
        self.used[prefix] = max(self.used.get(prefix, -1), number)

    def next(self, prefix: str) -> str:
        """Return the next id of a prefix."""
        first = 0 if prefix.endswith("/") else 1
        number = max(self.used.get(prefix, -1) + 1, first)
        self.used[prefix] = number
        return f"{prefix}{number}"


def _split(id: str, sign: str) -> tuple[str, int]:
    head, _, tail = id.rpartition(sign)
    return head + sign, int(tail)


class _Specs:
    """From chosen places to shards with slots."""

    def __init__(
        self, placement: Placement, city: CitySpec, loads: Mapping[str, Load], cells: list[_Cell]
    ) -> None:
        """Compare the two cities' templates once."""
        self._cells = cells
        self._loads = loads
        self._size_before = sizes(placement.city)
        self._size = sizes(city)
        old = placement.city
        self._same = {name for name in city.templates if same_template(old, city, name)}
        self._homes = {
            device.id: plan.name
            for plan in placement.cells
            for shard in plan.shards
            for device in shard.devices
        }

    def plans(self) -> tuple[CellPlan, ...]:
        """Return the cells as they shall be."""
        return tuple(
            CellPlan(
                cell.name,
                tuple(self._spec(shard, cell.name) for shard in cell.shards),
                cell.resources,
            )
            for cell in self._cells
        )

    def _spec(self, shard: _Shard, cell: str) -> ShardSpec:
        devices = [device for link in shard.links for device in self._loads[link].devices]
        if shard.before is None:
            links = tuple(shard.links.values())
            return ShardSpec(shard.id, shard.zone, links, tuple(self._last(devices, cell)))
        before = {device.id: device for device in shard.before.devices}
        going_on: dict[str, DeviceSpec] = {}
        coming: list[DeviceSpec] = []
        for device in devices:
            old = before.get(device.id)
            if old is not None and device.template in self._same and goes_on(old, device):
                going_on[device.id] = old if old == device else device
            else:
                coming.append(device)
        return successor(
            shard.before,
            self._size_before,
            self._links(shard),
            going_on,
            self._last(coming, cell),
            self._size,
        )

    def _links(self, shard: _Shard) -> list[LinkSpec]:
        """Return the links; the very object of before where one is the same."""
        assert shard.before is not None
        before = {link.id: link for link in shard.before.links}
        return [
            old if (old := before.get(link.id)) == link and old is not None else link
            for link in shard.links.values()
        ]

    def _last(self, devices: list[DeviceSpec], cell: str) -> list[DeviceSpec]:
        """Return the devices with those last that come from another cell: they may be held back."""
        return sorted(devices, key=lambda one: self._homes.get(one.id, cell) != cell)
