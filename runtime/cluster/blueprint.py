"""From a placement to the cells to start: their names, roles and what each is told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from jacquemart.runtime.model.city import GatewaySpec
from jacquemart.runtime.model.directory import CellConfig, Placement, Role

#: Ray namespace of every cell of every city.
NAMESPACE = "jacquemart"
ZONE_CELL = "zone-1"
GATEWAY_CELL = "gateway-1"
CENTRE_CELL = "centre-1"


@dataclass(frozen=True, slots=True)
class CellBlueprint:
    """One cell to start, whichever incarnation it is.

    ``config`` has epoch 0 and, where ``all_shards`` is true, no shards: those are the same for
    several cells and travel once.
    """

    config: CellConfig
    resources: Mapping[str, float] = field(default_factory=dict)
    all_shards: bool = False
    beside_warden: bool = False
    """Must be on the warden's host: the public API is on that host's loopback."""

    @property
    def name(self) -> str:
        """Return the cell's name within its city."""
        return self.config.name

    @property
    def role(self) -> Role:
        """Return the cell's role."""
        return self.config.role


def actor_name(city: str, cell: str) -> str:
    """Return the name of a cell's Ray actor, in the namespace ``jacquemart``."""
    return f"{NAMESPACE}/{city}/{cell}"


def city_of(name: str) -> str | None:
    """Return the city of a gateway cell's actor name, or None if it is none."""
    prefix, suffix = f"{NAMESPACE}/", f"/{GATEWAY_CELL}"
    if name.startswith(prefix) and name.endswith(suffix) and len(name) > len(prefix + suffix):
        return name[len(prefix) : -len(suffix)]
    return None


def blueprints(placement: Placement, warden_pid: int, gateway: GatewaySpec) -> list[CellBlueprint]:
    """Return the cells of a city: device cells first, then one each of zone, gateway and centre."""
    city = placement.city

    def config(name: str, role: Role) -> CellConfig:
        return CellConfig(
            city=city.id,
            city_name=city.name,
            name=name,
            role=role,
            epoch=0,
            tick_ms=city.tick_ms,
            zones=city.zones,
            templates=city.templates,
            shards=(),
            gateway=gateway,
            warden_pid=warden_pid,
        )

    # A device that moves may be in any zone, whose outline its cell then needs.
    roams = any(
        point.name == "zone" and point.words
        for template in city.templates.values()
        for point in template.points
    )
    made: list[CellBlueprint] = []
    for plan in placement.cells:
        base = config(plan.name, "device")
        zones = {shard.zone for shard in plan.shards}
        made.append(
            CellBlueprint(
                replace(
                    base,
                    shards=plan.shards,
                    zones=tuple(zone for zone in city.zones if roams or zone.id in zones),
                ),
                plan.resources,
            )
        )
    made.append(CellBlueprint(config(ZONE_CELL, "zone"), all_shards=True))
    made.append(CellBlueprint(config(GATEWAY_CELL, "gateway"), all_shards=True, beside_warden=True))
    made.append(CellBlueprint(config(CENTRE_CELL, "centre"), all_shards=True))
    return made
