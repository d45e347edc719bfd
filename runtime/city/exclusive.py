"""Find points that would share a place with one whose writes have rules of their own.

*Theory.* A pulse, and a point with guards, is safe because every write of it passes its kind's
interlock. A second writable point at the same coil would go round it: of another template, of
the same device under another name, wider by a register, or on another link to the same peer.
So the place of such a point has one name in the whole city. What the city file cannot show (a
host under two names, a gateway that answers for any unit) is the field's own interlock to stop.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

from jacquemart.runtime.city.devices import Devices
from jacquemart.runtime.city.problems import Report, Words, shown
from jacquemart.runtime.city.protected import Guarded, Place
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec, TemplateSpec


def check_exclusive(
    devices: Devices,
    built: Sequence[DeviceSpec],
    links: Sequence[LinkSpec],
    templates: Mapping[str, TemplateSpec],
    guarded: Guarded,
    report: Report,
) -> None:
    """Report devices with a writable point at the place of a pulse or of a guarded point."""
    exclusive = {
        name: points
        for name, template in templates.items()
        if (points := tuple(filter(_has_rules, template.points)))
    }
    if not exclusive:
        return
    peers = {link.id: guarded.peer(link) for link in links}
    owners: defaultdict[Hashable, dict[Place, tuple[str, str]]] = defaultdict(dict)
    for device in built:
        own = exclusive.get(device.template)
        if own and device.link in peers:
            owned = owners[peers[device.link]]
            for place, point in guarded.places(device, own):
                owned.setdefault(place, (device.id, point.name))
    for index, device in enumerate(built):
        taken = owners.get(peers.get(device.link))
        if not taken or device.template not in guarded.writable:
            continue
        told: set[str] = set()
        for place, point in guarded.places(device, guarded.writable[device.template]):
            owner = taken.get(place)
            if owner not in (None, (device.id, point.name)) and point.name not in told:
                told.add(point.name)
                found = Words(f"point {shown(point.name)} at the place of {'/'.join(owner or ())}")
                allowed = "one writable point at that place: its writes have rules of their own"
                report.add(devices.where(index, "template"), found, allowed)


def _has_rules(point: PointSpec) -> bool:
    return point.writable and (point.pulse or bool(point.guards))
