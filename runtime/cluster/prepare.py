"""From a changed city file to all that a change of the running city needs. Blocks; in a thread."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jacquemart.runtime.cluster.blueprint import CellBlueprint, blueprints
from jacquemart.runtime.cluster.change_steps import ChangeSteps, steps_between
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.placement import replan
from jacquemart.runtime.cluster.plan_summary import summarize_change
from jacquemart.runtime.cluster.read_city import digest, read_city
from jacquemart.runtime.kernel.change import CityChange, compare
from jacquemart.runtime.model.city import CitySpec, GatewaySpec
from jacquemart.runtime.model.directory import Placement, ShardSpec
from jacquemart.runtime.store.folder import state_folder

#: Enough to tell any two plans apart that one operator sees.
_PLAN_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Running:
    """The city that runs, and where."""

    placement: Placement
    plan: Mapping[str, CellBlueprint]
    digest: str = ""
    """Empty: not computed yet."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change, thought through to its end."""

    before: Running
    after: Running
    change: CityChange
    steps: ChangeSteps
    summary: dict[str, Any]
    shards: Any = None
    """The new shards, where Ray keeps them for several cells."""

    @property
    def plan(self) -> str:
        """Return what identifies the plan: these two cities and no others."""
        return str(self.summary["plan"])


def prepare(
    running: Running,
    path: str,
    folder: str,
    options: WardenOptions,
    resources: Callable[[CitySpec], Mapping[str, float]],
) -> Prepared:
    """Read a file, compare it with the city that runs, and place it around what stays.

    Args:
        running: the city that runs.
        path: the city file, as the operator named it.
        folder: where the operator was.
        options: what the warden was told.
        resources: what the cluster has for a city, by name.

    Raises:
        ConfigError: the file is wrong. StartError: a link is reached from no node.
        ChangeRefused: the file cannot be read.
    """
    if not running.digest:
        running = replace(running, digest=digest(running.placement.city))
    city, city_digest = read_city(options.loader, path, folder)
    old = running.placement.city
    change = compare(old, city)
    city = shared(old, city)
    both = hashlib.sha256(f"{running.digest} {city_digest}".encode()).hexdigest()[:_PLAN_DIGITS]
    placement = replan(running.placement, city, resources(city))
    after = Running(placement, cells_of(placement, options), city_digest)
    steps = steps_between([running.plan], running.placement, after.plan, placement)
    if change.empty:
        steps = replace(steps, steps=(), changed=(), fresh=(), gone=())
    summary = summarize_change(change, running.placement, placement, steps, both)
    return Prepared(running, after, change, steps, summary)


def shared(old: CitySpec, new: CitySpec) -> CitySpec:
    """Return the new city with the very devices of the old one where they are the same."""
    known = {device.id: device for device in old.devices}
    devices = tuple(
        before if (before := known.get(device.id)) is not None and before == device else device
        for device in new.devices
    )
    return replace(new, devices=devices)


def cells_of(placement: Placement, options: WardenOptions) -> dict[str, CellBlueprint]:
    """Return the cells of a placement, by name."""
    gateway = gateway_of(placement.city.gateway, options)
    state = state_of(placement.city.id, options)
    made = blueprints(placement, os.getpid(), gateway, state)
    if options.journal_format:  # in all of them: a standby may become the zone cell
        newest = options.journal_format
        made = [replace(one, config=replace(one.config, journal_format=newest)) for one in made]
    return {one.name: one for one in made}


def state_of(city: str, options: WardenOptions) -> str:
    """Return the folder of a city's journals; empty: it has none."""
    return str(state_folder(city)) if options.state is None else options.state


def shards_of(placement: Placement) -> Sequence[ShardSpec]:
    """Return all shards of a placement."""
    return [shard for plan in placement.cells for shard in plan.shards]


def gateway_of(gateway: GatewaySpec, options: WardenOptions) -> GatewaySpec:
    """Return the city file's gateway with the ports that the starter asked for."""
    if options.gateway_port >= 0:
        gateway = replace(gateway, port=options.gateway_port)
    if options.stream_port >= 0:
        gateway = replace(gateway, stream_port=options.stream_port)
    return gateway
