"""Find devices that have no address on their link, or one that another device has already.

A point's address nearly always follows from its template and the device's position alone, and
positions repeat from link to link: such a driver is asked once a position. One whose addresses
depend on more is asked for each device, unless it says that each has ``own_addresses``: then only
what parameters make of them can be wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jacquemart.runtime.city.devices import Devices
from jacquemart.runtime.city.problems import Place, Report, Words, shown
from jacquemart.runtime.city.registry import DriverInfo, Offer, ask
from jacquemart.runtime.model.city import DeviceSpec, PointSpec, TemplateSpec
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.parameters import resolved


@dataclass(frozen=True, slots=True)
class Claim:
    """What one device takes of its link, or why it cannot.

    An address of a writable point belongs to that point only, with every place that a write to
    it changes (the driver's ``places_of``); one that is only read, to one point of its name (so
    one register may be read as two points, but not by two devices).
    """

    addresses: frozenset[Hashable] = frozenset()
    fault: str = ""


class Claims:
    """Asks the drivers what devices claim, as seldom as can be."""

    def __init__(self, templates: Mapping[str, TemplateSpec], drivers: Offer[DriverInfo]) -> None:
        """Keep the templates without problems; devices of others claim nothing."""
        self._templates = templates
        self._drivers = {t.driver: drivers.get(t.driver) for t in templates.values()}
        self._own = {
            name: getattr(driver, "own_addresses", False) is True
            for name, driver in self._drivers.items()
        }
        self._known: dict[Hashable, Claim] = {}
        self._by_position: dict[str, bool] = {}
        self._asked = {
            template.name: [point for point in template.points if not point.address.get("derived")]
            for template in templates.values()
        }

    def of(self, device: DeviceSpec) -> Claim:
        """Return what a device claims."""
        own = tuple(device.parameters.values()) if device.parameters else ()
        position = (device.template, device.unit_id, device.index, own)
        known = self._known.get(position)
        if known is not None and device.link:
            return known
        template = self._templates.get(device.template)
        if template is not None and not own and self._own[template.driver]:
            return _NONE
        refused = device.index < 0 or device.unit_id < 0 or not device.link or None in own
        if template is None or refused:  # and told already
            return _NONE
        claim = self._ask(template, device)
        if template.name not in self._by_position:
            other = replace(device, id="?", name="?", link="?", zone="?", fed_by="?", lat=None)
            self._by_position[template.name] = self._ask(template, other) == claim
        if self._by_position[template.name]:
            self._known[position] = claim
        return claim

    def _ask(self, template: TemplateSpec, device: DeviceSpec) -> Claim:
        driver = self._drivers[template.driver]
        if driver is None:
            return _NONE
        claimed: set[Hashable] = set()
        own = self._own[template.driver]
        places_of: Any = getattr(driver, "places_of", None)
        for point in self._asked[template.name]:
            try:
                made = point
                if device.parameters:
                    made = resolved(point, device)
                    if made is not point and (fault := _fault(driver, made)):
                        return Claim(fault=fault)
                if own:
                    continue
                address = driver.address_of(made, device)
                wide = point.writable and address is not None and places_of is not None
                places = places_of(address) if wide else (address,)
            except ConfigError as error:
                return Claim(fault=f"{point.name}: {error.message}")
            except Exception as error:  # noqa: BLE001 - a third party's code
                return Claim(fault=f"{point.name}: {type(error).__name__}: {error}")
            if address is not None:
                try:
                    name = "" if point.writable else point.name
                    claimed.update([(device.unit_id, name, place) for place in places])
                except TypeError:  # it cannot be compared, so nothing is known of it
                    continue
        return Claim(frozenset(claimed))


_NONE = Claim()


def _fault(driver: DriverInfo, point: PointSpec) -> str:
    """Return what the driver finds wrong with an address that parameters made."""
    for key, found, allowed in ask(driver.check_point, point, point.address):
        return f"{point.name}: address.{key}: found {shown(found)}; allowed: {allowed}"
    return ""


def check_addresses(
    devices: Devices, built: Sequence[DeviceSpec], claims: Claims, report: Report
) -> None:
    """Report devices without an address, and those that take one from a device before them."""
    taken: defaultdict[str, set[Hashable]] = defaultdict(set)
    for index, device in enumerate(built):
        claim = claims.of(device)
        if claim.fault:
            allowed = "an index and unit_id to which the driver has an address"
            if device.parameters:
                allowed = "parameters to which the driver has an address"
            report.add(_where(devices, index, device), _position(device), allowed, claim.fault)
        seen = taken[device.link]
        if not seen.isdisjoint(claim.addresses):
            _report_clash(devices, built, index, claims, report)
        seen |= claim.addresses


def _report_clash(
    devices: Devices, built: Sequence[DeviceSpec], index: int, claims: Claims, report: Report
) -> None:
    device = built[index]
    place = _where(devices, index, device)
    what = ", ".join(device.parameters) if device.parameters else "index or unit_id"
    allowed = f"another {what} on link {shown(device.link)}"
    if report.full:
        report.add(place, _position(device), allowed)  # counted, so not worth a search
        return
    wanted = claims.of(device).addresses
    other = next(
        row
        for row, earlier in enumerate(built)
        if earlier.link == device.link and not wanted.isdisjoint(claims.of(earlier).addresses)
    )
    if built[other].id == device.id:
        return  # a row that is there twice is one fault, told already
    first = _where(devices, other, built[other])
    found = Words(f"{_position(device)}, the address of {shown(built[other].id)}")
    report.add(place, found, allowed, f"first at {first.at}")


def _where(devices: Devices, index: int, device: DeviceSpec) -> Place:
    """Return where that stands of which a device's address is made."""
    return devices.where(index, next(iter(device.parameters), "index"))


def _position(device: DeviceSpec) -> Words:
    of_unit = f"of unit {device.unit_id}"
    if device.parameters:
        own = ", ".join(f"{name} {value}" for name, value in device.parameters.items())
        return Words(f"{own} {of_unit}")
    return Words(f"index {device.index} {of_unit}")
