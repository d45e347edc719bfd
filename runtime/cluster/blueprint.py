"""From a placement to the cells to start: their names, roles and what each is told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from jacquemart.runtime.model.city import GatewaySpec
from jacquemart.runtime.model.directory import CellConfig, Placement, Role

#: Ray namespace of every cell of every city.
NAMESPACE = "jacquemart"
ZONE_CELL = "zone-1"
GATEWAY_CELL = "gateway-1"
CENTRE_CELL = "centre-1"
#: Of a process that is no cell yet, in logs; as an actor's name its epoch follows.
STANDBY = "standby"
#: Between the name of a cell and the epoch of a standby that was made for it, in actors' names.
EPOCH = "~"
#: A cell whose loop is held for so long ends its process; nothing in a sound cell comes near it.
HELD_LIMIT_S = 5.0


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
    """Must be on the warden's host: the public API is on its loopback, the journals on its disk,
    and the warden asks the zone whom it hears of on other hosts."""

    @property
    def name(self) -> str:
        """Return the cell's name within its city."""
        return self.config.name

    @property
    def role(self) -> Role:
        """Return the cell's role."""
        return self.config.role


def standby_blueprint(plan: Iterable[CellBlueprint]) -> CellBlueprint:
    """Return the standby of a plan: it may be asked to be any of its cells."""
    cells = list(plan)
    one = next(blueprint for blueprint in cells if blueprint.role == "device")
    whole = next(blueprint for blueprint in cells if blueprint.all_shards)
    config = replace(one.config, name=STANDBY, shards=(), zones=whole.config.zones)
    return CellBlueprint(config, all_shards=True)


def actor_name(city: str, cell: str) -> str:
    """Return the name of a cell's Ray actor, in the namespace ``jacquemart``."""
    return f"{NAMESPACE}/{city}/{cell}"


def city_of(name: str) -> str | None:
    """Return the city of an actor's name, if that may be its gateway; None: it may not."""
    prefix = f"{NAMESPACE}/"
    city, _, cell = name.removeprefix(prefix).rpartition("/")
    may_be = cell.partition(EPOCH)[0] in (GATEWAY_CELL, STANDBY)
    return city if city and may_be and name.startswith(prefix) else None


def newest_first(names: Iterable[str]) -> list[str]:
    """Return the names of one cell's actors, those that adopted it last first."""
    return sorted(
        names, key=lambda name: int(name.rpartition("/")[2].partition(EPOCH)[2] or 0), reverse=True
    )


def blueprints(
    placement: Placement, warden_pid: int, gateway: GatewaySpec, state: str = ""
) -> list[CellBlueprint]:
    """Return the cells of a city: device cells first, then one each of zone, gateway and centre.

    ``state`` is the folder of the journals, on the warden's host; empty: there are none.
    """
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
            state=state,
            ends_when_held_s=HELD_LIMIT_S,
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
    zone = CellBlueprint(config(ZONE_CELL, "zone"), all_shards=True, beside_warden=True)
    made.append(zone)
    made.append(CellBlueprint(config(GATEWAY_CELL, "gateway"), all_shards=True, beside_warden=True))
    made.append(CellBlueprint(config(CENTRE_CELL, "centre"), all_shards=True, beside_warden=True))
    return made
