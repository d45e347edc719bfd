"""Find templates that would make writable what nobody may write: the places of protected points.

*Theory.* A fire system is read-only for everybody, and not only by the name of its points: a
second point, of the same device or of another one, on the same link or on another link to the
same peer, must not lead to the same place either. Places are the driver's: two points of different
width can share a register without having one address.

*Rules.* A driver may say ``places_of(address)``, the smallest places that a write to an address
changes (itself, otherwise), and ``peer_of(options)``, whom a link reaches (the link, otherwise).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from jacquemart.runtime.actor.declare import declaration_of
from jacquemart.runtime.city.devices import Devices
from jacquemart.runtime.city.problems import Report, Words
from jacquemart.runtime.city.registry import DriverInfo, KindInfo, Offer
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec, TemplateSpec
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.parameters import resolved

Place = tuple[int, Hashable]
"""Unit, and what the driver makes of it."""


class Guarded:
    """Templates by what they protect and what they may write."""

    def __init__(
        self,
        templates: Mapping[str, TemplateSpec],
        kinds: Offer[KindInfo],
        drivers: Offer[DriverInfo],
    ) -> None:
        """Keep the templates without problems; the others were told of already."""
        self._drivers = {t.driver: drivers.get(t.driver) for t in templates.values()}
        self._templates = templates
        self.protected = {
            name: points
            for name, template in templates.items()
            if (points := _protected(template, kinds.get(template.kind)))
        }
        self.writable = {
            name: tuple(point for point in template.points if point.writable)
            for name, template in templates.items()
        }

    def places(
        self, device: DeviceSpec, points: Sequence[PointSpec]
    ) -> Iterator[tuple[Place, PointSpec]]:
        """Yield the places of some points of a device; none for an address that is wrong."""
        driver: Any = self._drivers[self._templates[device.template].driver]
        if driver is None:
            return
        places_of = getattr(driver, "places_of", None)
        for point in points:
            try:
                address = driver.address_of(resolved(point, device), device)
                places = (address,) if places_of is None else places_of(address)
            except ConfigError:  # reported where addresses are checked
                continue
            except Exception:  # noqa: BLE001 - a third party's code; reported there too
                continue
            for place in places:
                known = place if isinstance(place, Hashable) else repr(place)
                yield (device.unit_id, known), point

    def peer(self, link: LinkSpec) -> Hashable:
        """Return whom a link reaches."""
        driver: Any = self._drivers.get(link.driver)
        peer_of = getattr(driver, "peer_of", None)
        try:
            return (
                (link.driver, link.id) if peer_of is None else (link.driver, peer_of(link.options))
            )
        except Exception:  # noqa: BLE001 - wrong options, which were reported already
            return (link.driver, link.id)


def check_protected(
    devices: Devices,
    built: Sequence[DeviceSpec],
    links: Sequence[LinkSpec],
    guarded: Guarded,
    report: Report,
) -> None:
    """Report devices with a writable point at a place that is protected."""
    if not guarded.protected:
        return
    peers = {link.id: guarded.peer(link) for link in links}
    closed: defaultdict[Hashable, dict[Place, str]] = defaultdict(dict)
    for device in built:
        points = guarded.protected.get(device.template)
        if points and device.link in peers:
            own = closed[peers[device.link]]
            for place, point in guarded.places(device, points):
                own.setdefault(place, f"{device.id}/{point.name}")
    for index, device in enumerate(built):
        shut = closed.get(peers.get(device.link))
        if not shut or device.template not in guarded.writable:
            continue
        told: set[str] = set()
        for place, point in guarded.places(device, guarded.writable[device.template]):
            if place in shut and point.name not in told:
                told.add(point.name)
                found = Words(f"writable point {point.name} at the place of {shut[place]}")
                allowed = "a place of which no point is protected: nobody writes there"
                report.add(devices.where(index, "template"), found, allowed)


def _protected(template: TemplateSpec, kind: KindInfo | None) -> tuple[PointSpec, ...]:
    declared = getattr(kind, "points", ())
    return tuple(
        point
        for point in template.points
        if (by := declaration_of(declared, point.name)) is not None
        and by.protected
        and not point.address.get("derived")
    )
