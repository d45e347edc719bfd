"""Where each device is at home, and what it is: all that a gateway knows of it."""

from __future__ import annotations

from typing import NamedTuple

from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.model.devices import ids_of, templates_of
from jacquemart.runtime.model.directory import CellConfig
from jacquemart.runtime.model.durability import is_volatile


class Home(NamedTuple):
    """Shared by all devices of one template in one shard: a city has hundreds of thousands.

    ``native.relay`` knows the order of its fields.
    """

    shard: str
    zone: str
    template: TemplateSpec
    verbs: frozenset[str]
    """Commands that are volatile, but for ``set``."""
    points: frozenset[str]
    """Points of which ``set`` is volatile."""

    def is_volatile(self, verb: str, point: str) -> bool:
        """Return whether a command goes straight to the cell of the device."""
        return point in self.points if verb == "set" else verb in self.verbs


def home_of(shard: str, zone: str, template: TemplateSpec) -> Home:
    """Return the home of the devices of a template in a shard."""
    points = {point.name for point in template.points}
    return Home(
        shard, zone, template,
        frozenset(verb for verb in template.volatile if is_volatile(template, verb, "")),
        frozenset(point for point in points if is_volatile(template, "set", point)),
    )  # fmt: skip


def homes_of(config: CellConfig) -> dict[str, Home]:
    """Return the home of each device."""
    found: dict[str, Home] = {}
    for shard in config.shards:
        known: dict[str, Home] = {}
        for device, template in zip(
            ids_of(shard.devices), templates_of(shard.devices), strict=True
        ):
            home = known.get(template)
            if home is None:
                home = known[template] = home_of(shard.id, shard.zone, config.templates[template])
            found[device] = home
    return found
