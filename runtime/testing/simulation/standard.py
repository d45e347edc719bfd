"""The city that the standard trial runs: small, so that a seed costs a tenth of a second."""

from __future__ import annotations

from functools import cache

from jacquemart.runtime.model.city import (
    CitySpec,
    DeviceSpec,
    LinkSpec,
    PointSpec,
    TemplateSpec,
    ZoneSpec,
)

ZONES = ("north", "south")
DEVICES_A_ZONE = 3
#: The largest value of a command; each command has its own, so that the field's log names it.
MOST = 10_000_000


@cache
def standard_city() -> CitySpec:
    """Return two zones with one link each, and three devices on each link.

    Each device has a ``setpoint`` (journalled) that its ``level`` follows, and a ``jog`` that is
    volatile.
    """
    points = (
        PointSpec("setpoint", "%", 0, MOST, True, "level", settle_ms=400, poll_ms=1_000),
        PointSpec("level", "%", poll_ms=500),
        PointSpec("jog", "%", 0, MOST, True, settle_ms=400, poll_ms=0, volatile=True),
    )
    template = TemplateSpec("device", "generic", "simulated", points)
    links = tuple(LinkSpec(f"line-{zone}", "simulated", zone) for zone in ZONES)
    devices = tuple(
        DeviceSpec(f"{zone}-{number}", "device", zone, f"line-{zone}", index=number)
        for zone in ZONES
        for number in range(1, DEVICES_A_ZONE + 1)
    )
    return CitySpec(
        "standard", "Standard", tuple(ZoneSpec(zone, zone) for zone in ZONES),
        {"device": template}, links, devices, tick_ms=100, source="standard",
    )  # fmt: skip
