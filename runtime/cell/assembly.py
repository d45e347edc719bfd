"""How a cell is put together: its role, and the kinds, drivers and supervisors that it needs.

Shared by the cells of processes and threads (``cell.host``) and by the simulated ones.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jacquemart.runtime.cell.open_files import need_files
from jacquemart.runtime.city.registry import Offer, Registry, find_drivers, find_kinds
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.directory import CellConfig, Role
from jacquemart.runtime.model.errors import ConfigError, StartError
from jacquemart.runtime.wire import sockets

_ROLES: dict[Role, tuple[str, str]] = {
    "device": ("jacquemart.runtime.cell.device_cell", "DeviceCell"),
    "zone": ("jacquemart.runtime.cell.zone_cell", "ZoneCell"),
    "centre": ("jacquemart.runtime.cell.centre_cell", "CentreCell"),
    "gateway": ("jacquemart.runtime.gateway.gateway", "Gateway"),
}
SUPERVISORS = "jacquemart.supervisors"


@dataclass(frozen=True, slots=True)
class Parts:
    """The classes that a cell is made of."""

    kinds: Mapping[str, type[Any]] = field(default_factory=dict)
    drivers: Mapping[str, type[Any]] = field(default_factory=dict)
    supervisor: type[Any] | None = None
    """Of a zone or centre cell."""


def make_service(
    config: CellConfig,
    loop: asyncio.AbstractEventLoop,
    context: sockets.Context,
    clock: Clock,
) -> Any:
    """Make the service of a role; imported late, so that a cell loads only what it needs."""
    module, name = _ROLES[config.role]
    role = getattr(importlib.import_module(module), name)
    return role(config, loop, context, clock)


def find_parts(config: CellConfig) -> Parts:
    """Find what the packages on this node offer of what a cell needs.

    Raises:
        ConfigError: a package that the city needs is not installed: the operator's fault.
        StartError: likewise, a supervisor.
    """
    if config.role == "gateway":
        return Parts()
    offer = Offer(find_kinds(), None)
    kinds = _resolved(offer, {template.kind for template in config.templates.values()})
    if config.role != "device":
        return Parts(kinds, {}, _supervisor("zone" if config.role == "zone" else "centre"))
    known = Offer(find_drivers(), None)
    return Parts(kinds, _resolved(known, {x.driver for s in config.shards for x in s.links}))


def preload() -> list[Role]:
    """Import the code of all roles, and return them: a standby may be asked to be any."""
    for module, _ in _ROLES.values():
        importlib.import_module(module)
    return list(_ROLES)


def build(service: Any, parts: Parts) -> None:
    """Make what a service will start, where that takes long: a device cell's shards."""
    if service.config.role == "device":
        service.build_shards(parts.kinds, parts.drivers)


def populate(service: Any, config: CellConfig, parts: Parts) -> None:
    """Start the actors of a service that serves already."""
    if config.role == "device":
        links = (link for shard in config.shards for link in shard.links)
        need_files(config.name, links, parts.drivers)
        service.start_shards(parts.kinds, parts.drivers)
    elif config.role == "zone":
        service.start_zones(parts.supervisor, parts.kinds)
    elif config.role == "centre":
        service.start_centre(parts.supervisor, parts.kinds)


def _resolved(offer: Offer[Any], names: Iterable[str]) -> dict[str, Any]:
    try:
        return {name: offer.resolve(name) for name in sorted(names)}
    except KeyError as error:
        raise ConfigError(
            f"no package on this node offers {error.args[0]!r}", advice="install it here too"
        ) from error


def _supervisor(name: str) -> Any:
    entries = importlib.metadata.entry_points(group=SUPERVISORS)
    found: Registry[Any] = Registry("supervisor", ("summarize", "take_event"), entries)
    if name not in found:
        raise StartError(
            f"no package offers the supervisor {name!r}",
            where=f"entry points {SUPERVISORS}",
            advice="is jacquemart installed? run `make` or `pip install -e .`",
        )
    return found[name]
