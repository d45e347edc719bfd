"""What turns one city into another: the difference of two city files. Pure.

Theory: sets by id, in one pass over each side. The order of rows says nothing. A device is told
apart by what the cells must do for it, so that whatever is not named here is not touched:

- **redescribed**: only its name or position on the map differs; it goes on without a pause.
- **changed**: its template, address, feeder or parameters differ; it starts anew on its link.
- **moved**: it is on another link (and with it perhaps in another zone); it starts anew there.
- A device whose link is connected anew, or is reached from another process, is none of these,
  but blind meanwhile: ``reconnected`` lists it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from jacquemart.runtime.model.city import (
    CitySpec,
    DeviceSpec,
    LinkSpec,
    TemplateSpec,
    ZoneSpec,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pair(Generic[T]):
    """The same thing in the old city and in the new one."""

    old: T
    new: T


@dataclass(frozen=True, slots=True)
class RestartNeeded:
    """A setting that a running city cannot change."""

    key: str
    """As the city file names it: ``gateway.port``."""
    old: Any
    new: Any
    advice: str


@dataclass(frozen=True, slots=True)
class Devices:
    """Devices by what happens to them, each in the order of its city."""

    added: tuple[DeviceSpec, ...] = ()
    removed: tuple[DeviceSpec, ...] = ()
    changed: tuple[Pair[DeviceSpec], ...] = ()
    moved: tuple[Pair[DeviceSpec], ...] = ()
    redescribed: tuple[Pair[DeviceSpec], ...] = ()
    reconnected: tuple[DeviceSpec, ...] = ()
    """Unchanged themselves, or only redescribed; their link is connected anew."""


@dataclass(frozen=True, slots=True)
class Links:
    """Links by what happens to them."""

    added: tuple[LinkSpec, ...] = ()
    removed: tuple[LinkSpec, ...] = ()
    changed: tuple[Pair[LinkSpec], ...] = ()
    """Driver or options differ: connected anew by the same cell."""
    moved: tuple[Pair[LinkSpec], ...] = ()
    """Zone, node or isolation differ: connected anew, by another shard."""


@dataclass(frozen=True, slots=True)
class Zones:
    """Zones by what happens to them."""

    added: tuple[ZoneSpec, ...] = ()
    removed: tuple[ZoneSpec, ...] = ()
    changed: tuple[Pair[ZoneSpec], ...] = ()
    """Name or outline differ; nothing is blind for that."""


@dataclass(frozen=True, slots=True)
class Templates:
    """Templates by what happens to them; their devices are among the changed ones."""

    added: tuple[TemplateSpec, ...] = ()
    removed: tuple[TemplateSpec, ...] = ()
    changed: tuple[Pair[TemplateSpec], ...] = ()


@dataclass(frozen=True, slots=True)
class CityChange:
    """All that differs between two cities."""

    name: Pair[str] | None = None
    devices: Devices = field(default_factory=Devices)
    links: Links = field(default_factory=Links)
    zones: Zones = field(default_factory=Zones)
    templates: Templates = field(default_factory=Templates)
    restart: tuple[RestartNeeded, ...] = ()
    """Settings that differ and need a restart; while there are any, nothing can be applied."""

    @property
    def empty(self) -> bool:
        """Return whether the two cities are the same, but for the order of rows."""
        return self == _NOTHING

    def blind(self) -> Iterator[str]:
        """Yield the devices of the new city that are without a good reading for a while.

        Every device that is not among them must be seen without a break.
        """
        found = self.devices
        yield from (device.id for device in found.added)
        yield from (pair.new.id for pair in (*found.changed, *found.moved))
        yield from (device.id for device in found.reconnected)


_NOTHING = CityChange()


def compare(old: CitySpec, new: CitySpec) -> CityChange:
    """Return what must be done to the old city to have the new one."""
    links = _links(old.links, new.links)
    again = {pair.new.id for pair in (*links.changed, *links.moved)}
    zones_added, zones_removed, zones_changed = _by_key(
        {zone.id: zone for zone in old.zones}, {zone.id: zone for zone in new.zones}
    )
    return CityChange(
        name=None if old.name == new.name else Pair(old.name, new.name),
        devices=_devices(old, new, again),
        links=links,
        zones=Zones(zones_added, zones_removed, zones_changed),
        templates=Templates(*_by_key(old.templates, new.templates)),
        restart=tuple(_restarts(old, new)),
    )


def same_template(old: CitySpec, new: CitySpec, name: str) -> bool:
    """Return whether both cities have this template, and the same."""
    found = old.templates.get(name)
    return found is not None and found == new.templates.get(name)


def goes_on(old: DeviceSpec, new: DeviceSpec) -> bool:
    """Return whether a device of an unchanged template keeps its actor, its slots and its link."""
    return (
        old.template == new.template
        and old.link == new.link
        and old.zone == new.zone
        and old.index == new.index
        and old.unit_id == new.unit_id
        and old.fed_by == new.fed_by
        and old.parameters == new.parameters
    )


def stays_in_place(old: LinkSpec, new: LinkSpec) -> bool:
    """Return whether a link may stay in its shard, whatever else of it differs."""
    return old.zone == new.zone and old.node == new.node and old.isolation == new.isolation


def _devices(old: CitySpec, new: CitySpec, links_again: set[str]) -> Devices:
    known = {device.id: device for device in old.devices}
    same = {name for name in new.templates if same_template(old, new, name)}
    added: list[DeviceSpec] = []
    changed: list[Pair[DeviceSpec]] = []
    moved: list[Pair[DeviceSpec]] = []
    redescribed: list[Pair[DeviceSpec]] = []
    reconnected: list[DeviceSpec] = []
    for device in new.devices:
        before = known.pop(device.id, None)
        if before is None:
            added.append(device)
        elif before.link != device.link:
            moved.append(Pair(before, device))
        elif device.template not in same or not goes_on(before, device):
            # A device that followed its link into another zone is no less changed.
            target = changed if before.zone == device.zone else moved
            target.append(Pair(before, device))
        else:
            if device.link in links_again:
                reconnected.append(device)
            if before != device:
                redescribed.append(Pair(before, device))
    removed = tuple(known.values())
    return Devices(
        tuple(added), removed, tuple(changed), tuple(moved), tuple(redescribed), tuple(reconnected)
    )


def _links(old: Iterable[LinkSpec], new: Iterable[LinkSpec]) -> Links:
    added, removed, differing = _by_key(
        {link.id: link for link in old}, {link.id: link for link in new}
    )
    changed = tuple(pair for pair in differing if stays_in_place(pair.old, pair.new))
    moved = tuple(pair for pair in differing if not stays_in_place(pair.old, pair.new))
    return Links(added, removed, changed, moved)


def _by_key(
    old: Mapping[str, T], new: Mapping[str, T]
) -> tuple[tuple[T, ...], tuple[T, ...], tuple[Pair[T], ...]]:
    """Return what only the new side has, what only the old side has, and what differs."""
    return (
        tuple(one for key, one in new.items() if key not in old),
        tuple(one for key, one in old.items() if key not in new),
        tuple(Pair(old[key], one) for key, one in new.items() if key in old and old[key] != one),
    )


def _restarts(old: CitySpec, new: CitySpec) -> Iterator[RestartNeeded]:
    again = "stop the city and run it with the new file, or set it back"
    if old.id != new.id:
        yield RestartNeeded("city.id", old.id, new.id, "another id is another city; run it beside")
    if old.tick_ms != new.tick_ms:
        yield RestartNeeded("city.tick_ms", old.tick_ms, new.tick_ms, again)
    if old.cells != new.cells:
        yield RestartNeeded("cells.count", old.cells, new.cells, again)
    for key in ("host", "port", "stream_port"):
        before, after = getattr(old.gateway, key), getattr(new.gateway, key)
        if before != after:
            yield RestartNeeded(f"gateway.{key}", before, after, again)
