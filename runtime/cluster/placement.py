"""Decide which links share a shard, and which shards share a cell.

Theory: list scheduling, heaviest first. With ``m`` cells no cell carries more than the mean plus
one shard, and a shard carries no more than a granule (a quarter of a cell's mean load) plus one
link. A zone that fits on one cell stays there for as long as that cell is not heavier than the
mean.

Rules: a link is never split; every device is placed exactly once; a link that is reached only
from some node, or that asks for a process of its own, never shares a cell with another class of
link; the same city gives the same placement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jacquemart.runtime.cluster.loads import (
    GRANULES_A_CELL,
    Load,
    check_nodes,
    loads_of,
    resources_for,
)
from jacquemart.runtime.cluster.replan import replan
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.directory import CellPlan, Placement, ShardSpec
from jacquemart.runtime.model.errors import UsageError

__all__ = ["GRANULES_A_CELL", "place", "replan"]


@dataclass(slots=True)
class _Shard:
    zone: str
    loads: list[Load]

    @property
    def points(self) -> int:
        return sum(load.points for load in self.loads)


@dataclass(slots=True)
class _Bin:
    shards: list[_Shard] = field(default_factory=list)
    points: int = 0

    def add(self, shard: _Shard) -> None:
        self.shards.append(shard)
        self.points += shard.points


def place(city: CitySpec, cells: int, node_resources: Mapping[str, float]) -> Placement:
    """Place every link, and with it every device, of a city.

    Args:
        city: the validated city.
        cells: device cells wanted for shared links, 1 or more; fewer are made if there are
            fewer shards, and more if links name more nodes than that.
        node_resources: the custom resources that the cluster has, by name.

    Raises:
        StartError: a link names a node whose resource the cluster does not have: the operator
            adds the node, or corrects the city file.
        UsageError: ``cells`` is below 1, or a device names a link that the city does not have.
    """
    if cells < 1:
        raise UsageError(f"a city needs at least one device cell, not {cells}")
    loads = loads_of(city)
    check_nodes((load.link for load in loads), node_resources)
    shared: dict[str, list[Load]] = {}
    for load in loads:
        if load.link.isolation != "process":
            shared.setdefault(load.link.node, []).append(load)
    counts = _apportion(cells, {n: sum(one.points for one in group) for n, group in shared.items()})
    numbers: dict[str, int] = {}
    plans: list[CellPlan] = []
    for node, group in shared.items():
        for one in _fill(_shards(group, counts[node]), counts[node]):
            plans.append(_plan(f"device-{len(plans) + 1}", one.shards, node, numbers))
    alone = [load for load in loads if load.link.isolation == "process"]
    for number, load in enumerate(alone, 1):
        shard = _Shard(load.link.zone, [load])
        plans.append(_plan(f"alone-{number}", [shard], load.link.node, numbers))
    return Placement(city, tuple(plans))


def _apportion(cells: int, points: Mapping[str, int]) -> dict[str, int]:
    """Share cells out by load; every node gets one at least, so the sum can exceed ``cells``."""
    total = sum(points.values()) or 1
    counts = {node: max(1, cells * load // total) for node, load in points.items()}
    left = cells - sum(counts.values())
    short = sorted(points, key=lambda node: counts[node] / (points[node] or 0.5))
    for node in short[: max(0, left)]:
        counts[node] += 1
    return counts


def _shards(loads: Sequence[Load], cells: int) -> list[_Shard]:
    """Cut every zone's links, in order, into shards of about equal load."""
    granule = max(1.0, sum(load.points for load in loads) / cells / GRANULES_A_CELL)
    zones: dict[str, list[Load]] = {}
    for load in loads:
        zones.setdefault(load.link.zone, []).append(load)
    made: list[_Shard] = []
    for zone, members in zones.items():
        weight = sum(load.points for load in members)
        pieces = max(1, min(len(members), -int(-weight // granule)))
        cut: list[list[Load]] = [[] for _ in range(pieces)]
        before = 0
        for load in members:
            middle = before + load.points / 2
            cut[min(pieces - 1, int(middle * pieces / weight)) if weight else 0].append(load)
            before += load.points
        made.extend(_Shard(zone, piece) for piece in cut if piece)
    return made


def _fill(shards: Sequence[_Shard], cells: int) -> list[_Bin]:
    """Give each shard, heaviest first, to its zone's cell if there is room, else the lightest.

    A zone that is too heavy for one cell is not kept together: that would cost evenness.
    """
    mean = sum(shard.points for shard in shards) / cells
    zones: dict[str, int] = {}
    for shard in shards:
        zones[shard.zone] = zones.get(shard.zone, 0) + shard.points
    bins = [_Bin() for _ in range(min(cells, len(shards)))]
    homes: dict[str, list[int]] = {}
    for shard in sorted(shards, key=lambda one: -one.points):
        known = homes.setdefault(shard.zone, [])
        roomy = [
            at
            for at in known
            if zones[shard.zone] <= mean and bins[at].points + shard.points <= mean
        ]
        at = min(roomy or range(len(bins)), key=lambda i: (bins[i].points, len(bins[i].shards), i))
        bins[at].add(shard)
        if at not in known:
            known.append(at)
    return [one for one in bins if one.shards]


def _plan(name: str, shards: Iterable[_Shard], node: str, numbers: dict[str, int]) -> CellPlan:
    specs: list[ShardSpec] = []
    for shard in shards:
        number = numbers.get(shard.zone, 0)
        numbers[shard.zone] = number + 1
        devices = tuple(device for load in shard.loads for device in load.devices)
        links = tuple(load.link for load in shard.loads)
        specs.append(ShardSpec(f"{shard.zone}/{number}", shard.zone, links, devices))
    return CellPlan(name, tuple(specs), resources_for(node))
