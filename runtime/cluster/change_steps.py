"""From two placements to the steps of a rollout: which cell takes what, and when. Pure.

Order: zone and centre first, so that whatever a device cell publishes has somebody who knows it;
then the device cells; then the directory; the gateways last, so that nothing is commanded that is
not there yet. A device or link that goes from one cell to another is let go by the one before the
other takes it, so that it never lives twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from jacquemart.runtime.cluster.blueprint import CellBlueprint
from jacquemart.runtime.cluster.loads import sizes
from jacquemart.runtime.cluster.rollout import End, Publish, Step, Tell
from jacquemart.runtime.cluster.slots import without
from jacquemart.runtime.model.directory import Placement

Blueprints = Mapping[str, CellBlueprint]


@dataclass(frozen=True, slots=True)
class ChangeSteps:
    """What to do with the cells so that a city becomes another."""

    steps: tuple[Step, ...]
    changed: tuple[str, ...]
    """Cells that run and take another configuration."""
    fresh: tuple[str, ...]
    """Cells that there were not."""
    gone: tuple[str, ...]
    """Cells that nothing lives in any more."""
    interim: Blueprints
    """What cells take at first, if something goes from cell to cell: what they keep, without what
    comes from others; cells that end keep nothing."""


def steps_between(
    held: Sequence[Blueprints], before: Placement, target: Blueprints, after: Placement
) -> ChangeSteps:
    """Return the way to a placement.

    Args:
        held: what cells may hold now: the city as it runs, and, on the way back from a change
            that failed, what that would have given them.
        before: the placement that ``after`` was made from.
        target: the cells of ``after``.
        after: where everything shall be.
    """
    known = {name for plan in held for name in plan}
    changed = [
        name
        for name, blueprint in target.items()
        if name in known and any(_differs(plan.get(name), blueprint) for plan in held)
    ]
    fresh = [name for name in target if name not in known]
    gone = tuple(sorted(known - set(target)))
    interim = _interim(before, target, after, changed)
    leaving = {name: _emptied(next(p[name] for p in held if name in p)) for name in gone}
    devices = [name for name in changed if target[name].role == "device"]
    steps: list[Step] = [
        Tell(_of_roles(changed, target, ("zone", "centre"))),
        Tell((*gone, *devices), final=False),
        Tell((*(name for name in devices if name in interim), *fresh)),
        Publish(),
        Tell(_of_roles(changed, target, ("gateway",))),
        End(gone),
    ]
    kept = tuple(step for step in steps if isinstance(step, Publish) or step.cells)
    return ChangeSteps(kept, tuple(changed), tuple(fresh), gone, {**interim, **leaving})


def _of_roles(names: Iterable[str], plan: Blueprints, roles: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if plan[name].role in roles)


def _differs(old: CellBlueprint | None, new: CellBlueprint) -> bool:
    """Return whether a cell has to be told anything."""
    if old is None or new.all_shards:  # those know the whole city
        return True
    before, after = old.config, new.config
    if before.shards != after.shards or before.zones != after.zones:
        return True
    used = {device.template for shard in after.shards for device in shard.devices}
    return before.city_name != after.city_name or any(
        before.templates.get(name) != after.templates[name] for name in used
    )


def _emptied(blueprint: CellBlueprint) -> CellBlueprint:
    return replace(blueprint, config=replace(blueprint.config, shards=()))


def _interim(
    before: Placement, target: Blueprints, after: Placement, changed: Iterable[str]
) -> Blueprints:
    devices: dict[str, str] = {}
    links: dict[str, str] = {}
    for plan in before.cells:
        for shard in plan.shards:
            devices.update((device.id, plan.name) for device in shard.devices)
            links.update((link.id, plan.name) for link in shard.links)
    size = sizes(after.city)
    found: dict[str, CellBlueprint] = {}
    for name in changed:
        config = target[name].config
        if config.role != "device":
            continue
        coming = {
            device.id
            for shard in config.shards
            for device in shard.devices
            if devices.get(device.id, name) != name
        }
        arriving = {
            link.id
            for shard in config.shards
            for link in shard.links
            if links.get(link.id, name) != name
        }
        if coming or arriving:
            shards = tuple(without(shard, coming, arriving, size) for shard in config.shards)
            shards = tuple(shard for shard in shards if shard.links)
            found[name] = replace(target[name], config=replace(config, shards=shards))
    return found
