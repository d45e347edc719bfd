"""Where everything lives: shards, cells, and the directory that maps one to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from jacquemart.runtime.model.city import (
    CitySpec,
    DeviceSpec,
    GatewaySpec,
    LinkSpec,
    TemplateSpec,
    ZoneSpec,
)

Role = Literal["device", "zone", "gateway", "centre"]


@dataclass(frozen=True, slots=True)
class ShardSpec:
    """Links of one zone, and their devices, that live and move together.

    Slots of the shard's point table follow each device's template points from the device's
    base on. At first they are dense, in the order of ``devices`` (no ``bases``), and devices of
    one link are neighbours. A change of the running city never moves a slot and never gives one
    to another device: a device that stays keeps its base, a new or changed one gets a base at or
    above the old ``capacity``, and the slots of one that leaves stay empty.
    ``id`` is ``<zone>/<number>``; its stream topic is ``r/<zone>/<number>/``.
    """

    id: str
    zone: str
    links: tuple[LinkSpec, ...]
    devices: Sequence[DeviceSpec]
    """A tuple, or columns of them (``model.devices``) in a cell that only looks them up."""
    bases: tuple[int, ...] = ()
    """First slot of each device, in the order of ``devices``; empty: dense."""
    capacity: int = 0
    """Slots, with those that are nobody's any more; 0: as many as the devices need."""


@dataclass(frozen=True, slots=True)
class CellAddress:
    """One live incarnation of a cell and its endpoints."""

    name: str
    role: Role
    epoch: int
    commands: str
    """ROUTER: commands, bulk commands, queries."""
    stream: str
    """XPUB: batches, events, rollups, heartbeats."""
    pid: int
    host: str


@dataclass(frozen=True, slots=True)
class Directory:
    """Who owns what, now. A higher version replaces a lower one.

    ``homes`` maps a shard id to the name of its device cell, ``zones`` a zone id to the name of
    the zone cell that supervises it. The centre and gateways are found by their role.
    """

    version: int
    cells: Mapping[str, CellAddress]
    homes: Mapping[str, str]
    zones: Mapping[str, str]

    def of_role(self, role: Role) -> list[CellAddress]:
        """Return the cells of a role, in the order of their names."""
        return sorted((c for c in self.cells.values() if c.role == role), key=lambda c: c.name)


@dataclass(frozen=True, slots=True)
class CellConfig:
    """All that a cell needs to start; travels through Ray.

    A device cell gets its own shards with their links; a zone cell all shards of its zones (for
    their layout); centre and gateway all shards.
    """

    city: str
    city_name: str
    name: str
    role: Role
    epoch: int
    tick_ms: int
    zones: tuple[ZoneSpec, ...]
    templates: Mapping[str, TemplateSpec]
    shards: tuple[ShardSpec, ...]
    gateway: GatewaySpec = field(default_factory=GatewaySpec)
    host: str = "127.0.0.1"
    """The address to bind to and to be reached at."""
    warden_pid: int = 0
    """A cell on the warden's host ends itself when this process is gone; 0: do not watch."""


@dataclass(frozen=True, slots=True)
class CellPlan:
    """Which shards a device cell gets, and which Ray resources it needs to be placed."""

    name: str
    shards: tuple[ShardSpec, ...]
    resources: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Placement:
    """The decision where everything goes; pure, reproducible."""

    city: CitySpec
    cells: tuple[CellPlan, ...]
    used: Mapping[str, int] = field(default_factory=dict)
    """Numbers used up by prefix (``north/`` of shards, ``device-`` of cells), where that is more
    than the ids in ``cells`` tell: no id is ever given a second meaning."""
