"""What a city has, counted: for ``jacquemart check``."""

from __future__ import annotations

from collections import Counter
from typing import Any

from jacquemart.runtime.model.city import CitySpec


def summarize(city: CitySpec) -> dict[str, Any]:
    """Count what a city has; the result has only types of JSON."""
    templates = city.templates
    used = Counter(device.template for device in city.devices)
    devices = Counter(device.zone for device in city.devices)
    links = Counter(link.zone for link in city.links)
    kinds: Counter[str] = Counter()
    points = writable = 0
    for name, count in used.items():
        template = templates[name]
        kinds[template.kind] += count
        points += count * len(template.points)
        writable += count * sum(point.writable for point in template.points)
    busy = {device.link for device in city.devices}
    return {
        "id": city.id,
        "name": city.name,
        "source": city.source,
        "zones": [
            {"id": z.id, "name": z.name, "links": links[z.id], "devices": devices[z.id]}
            for z in city.zones
        ],
        "links": len(city.links),
        "links_by_driver": dict(sorted(Counter(link.driver for link in city.links).items())),
        "links_without_devices": sum(link.id not in busy for link in city.links),
        "links_in_own_process": sum(link.isolation == "process" for link in city.links),
        "devices": len(city.devices),
        "devices_by_kind": dict(sorted(kinds.items())),
        "devices_by_template": {name: used[name] for name in templates},
        "points": points,
        "writable_points": writable,
    }


def describe(city: CitySpec) -> str:
    """Return the summary as text for a person, some lines and no line end."""
    found = summarize(city)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in found["devices_by_kind"].items())
    drivers = ", ".join(f"{count:,} {name}" for name, count in found["links_by_driver"].items())
    idle = found["links_without_devices"]
    width = max((len(zone["name"]) for zone in found["zones"]), default=0)
    lines = [
        f"{found['name']} ({found['id']}), from {found['source']}",
        f"  zones    {len(found['zones']):>9,}",
        f"  links    {found['links']:>9,}   {drivers}" + f"; {idle:,} without devices" * bool(idle),
        f"  devices  {found['devices']:>9,}   {kinds}",
        f"  points   {found['points']:>9,}   {found['writable_points']:,} writable",
        *(
            f"    {zone['name']:<{width}}  {zone['devices']:>7,} devices on {zone['links']:,} links"
            for zone in found["zones"]
        ),
    ]
    return "\n".join(line.rstrip() for line in lines)
