"""Where everything lives: shards, cells, and the directory that maps one to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    ledger: str = ""
    """File in which the cell marks what it is doing (see ``cell.ledger``); it survives the cell.
    Empty: it has none, or it is on another host."""
    place: str = ""
    """Names the cell's host; see ``cell.presence``."""
    far_commands: str = ""
    """As ``commands``, for cells of other hosts; empty: those cannot reach it."""
    far_stream: str = ""
    version: str = ""
    """Of the software that the cell runs; empty: a version that did not say."""
    wire_least: int = 1
    """The least wire version that it speaks; ``wire_most`` is the most."""
    wire_most: int = 1


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

    def seen_from(self, place: str) -> Directory:
        """Return the directory for cells of one host: where they reach those of others."""
        cells = {
            name: replace(cell, commands=cell.far_commands, stream=cell.far_stream)
            if cell.place != place and cell.far_commands
            else cell
            for name, cell in self.cells.items()
        }
        return replace(self, cells=cells)


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
    network: str = ""
    """This host's address on the private network over which cells of several hosts meet; empty:
    only cells of this host can reach it."""
    warden_pid: int = 0
    """A cell on the warden's host ends itself when this process is gone; 0: do not watch."""
    state: str = ""
    """Folder of the city's journals; empty: nothing survives the processes."""
    ledger: str = ""
    """See ``CellAddress.ledger``."""
    inherits: str = ""
    """The ledger that the cell's predecessor has left; empty: there was none."""
    journal_format: int = 0
    """The newest format of journals that may be written, so that the version before can still
    read them; 0: the newest that there is."""
    ends_when_held_s: float = 0.0
    """The cell's process ends itself when its loop is held for so long; 0: it does not, since
    others live in it too."""

    @property
    def address(self) -> str:
        """Return what the cell's host is known by."""
        return self.network or self.host


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
