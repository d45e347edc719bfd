"""The RSMP site that a city file declares for one of its signals: model, name, supervisor."""

from __future__ import annotations

from typing import NamedTuple

from jacquemart.actors.signals.declared import read_intersection
from jacquemart.actors.signals.model import Intersection
from jacquemart.drivers.rsmp import options as link_options
from jacquemart.drivers.rsmp.address import address_of
from jacquemart.runtime.model.city import CitySpec, DeviceSpec, LinkSpec
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.parameters import resolved

#: How a city file names the driver.
_DRIVERS = ("rsmp", "jacquemart.drivers.rsmp:RsmpDriver")
#: Security codes of a site of which the city does not know any.
_CODES = ("1111", "2222")


class DeclaredSite(NamedTuple):
    """What a city file says of one signal. Empty where its link is no RSMP link.

    Attributes:
        model: the intersection.
        site, component: as the city addresses them.
        supervisor: host and port where the city listens; None: not known.
        codes: the security codes that the city sends, of level 1 and 2.
    """

    model: Intersection
    site: str
    component: str
    supervisor: tuple[str, int] | None
    codes: tuple[str, str]


def declared_site(city: CitySpec, signal: str) -> DeclaredSite:
    """Return the site of one ``[signals.<id>]``.

    Raises:
        ConfigError: there is no such signal; says which there are. The operator's fault.
    """
    tables = city.tables.get("signals", {})
    device = next((one for one in city.devices if one.id == signal), None)
    if signal not in tables or device is None:
        known = ", ".join(sorted(tables)[:20]) or "none"
        raise ConfigError(
            f"found no [signals.{signal}]; there are: {known}", where=city.source,
            advice="declare the intersection in the city file (docs/guides/signals.md)",
        )  # fmt: skip
    model, wrong = read_intersection(signal, tables[signal])
    if model is None:  # the city file was checked as a whole before
        raise ConfigError(f"{wrong[0].found}; allowed: {wrong[0].allowed}", where=signal)
    link = next(one for one in city.links if one.id == device.link)
    site, component = _names(city, device, link)
    if city.templates[device.template].driver not in _DRIVERS:
        return DeclaredSite(model, site, component, None, _CODES)
    options = link_options.parse_link(link.options)
    return DeclaredSite(
        model, site, component, (options.host, options.port) if options.port else None,
        (options.security_code_1 or _CODES[0], options.security_code_2 or _CODES[1]),
    )  # fmt: skip


def _names(city: CitySpec, device: DeviceSpec, link: LinkSpec) -> tuple[str, str]:
    """Return the site and its main component as the device's points say, or the link's options."""
    template = city.templates[device.template]
    site = component = ""
    if template.driver in _DRIVERS:
        for point in template.points:
            address = address_of(resolved(point, device), device)
            site = site or address.site
            if point.name in ("mode_state", "plan_state", "state"):  # of the whole controller
                component = component or address.component
        options = link_options.parse_link(link.options)
        site = site or options.site
        component = component or options.component
    return site or device.id, component or site or device.id
