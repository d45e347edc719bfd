"""What an AVL link's options and its points' addresses may say, checked and as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jacquemart.runtime.model.city import DeviceSpec, PointSpec

Wrong = tuple[str, Any, str]
_RANGES: Final = {
    "port": (1, 65_535),
    "connect_timeout_ms": (50, 10_000),
    "silent_ms": (50, 600_000),
    "gather_ms": (0, 10_000),
    "quiet_ms": (0, 3_600_000),
    "most_per_s": (10, 1_000_000),
}
#: What a point may show of a vehicle: of its position, of its duty, and that it is heard.
PLACE: Final = ("latitude", "longitude", "speed", "heading")
DUTY: Final = ("status", "line", "delay", "load", "door")
SHOWS: Final = (*PLACE, *DUTY, "heard")
#: What a point may show of the link itself: counts since it opened.
COUNTS: Final = ("lines", "refused", "late", "strangers")


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """The options of one AVL link: a gateway that speaks for many vehicles."""

    host: str
    """Name or address of the gateway."""
    port: int
    connect_timeout_ms: int = 2_000
    silent_ms: int = 90_000
    """A vehicle that was not heard for longer is BAD_UNIT when it is polled, 50 to 600,000 ms."""
    gather_ms: int = 1_500
    """For so long after the link has opened, or after vehicles were added to it, a poll waits for
    those not heard yet, 0 to 10,000 ms."""
    quiet_ms: int = 60_000
    """A gateway that says nothing at all for longer is given up; 0: never."""
    most_per_s: int = 20_000
    """Lines a second that are read, 10 to 1,000,000; more are left with the gateway."""
    simulated: bool = False
    """Positions of a simulator (mode S) are taken; else they are BAD_DEVICE."""


@dataclass(frozen=True, slots=True)
class AvlAddress:
    """One value of one vehicle."""

    vehicle: str
    shows: str
    value: float = 1.0
    """What ``heard`` shows while the vehicle is heard."""


def check_link(options: Mapping[str, Any]) -> Sequence[Wrong]:
    """Return what is wrong with a link's options, as ``(key, found, allowed)``."""
    known = ("host", *_RANGES, "simulated")
    wrong: list[Wrong] = [
        (key, options[key], "one of " + ", ".join(known)) for key in options if key not in known
    ]
    host = options.get("host")
    if not isinstance(host, str) or not host:
        wrong.append(("host", host, "the name or address of a gateway"))
    for key, (low, high) in _RANGES.items():
        value = options.get(key, None if key == "port" else low)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            wrong.append((key, value, f"a whole number from {low:,} to {high:,}"))
    if not isinstance(options.get("simulated", False), bool):
        wrong.append(("simulated", options["simulated"], "true or false"))
    return wrong


def parse_link(options: Mapping[str, Any]) -> LinkOptions:
    """Return checked options as one value; they must have passed ``check_link``."""
    return LinkOptions(**options)


def check_point(point: PointSpec, address: Mapping[str, Any]) -> Sequence[Wrong]:
    """Return what is wrong with a point's address, as ``(key, found, allowed)``."""
    known = ("vehicle", "shows", "value")
    wrong: list[Wrong] = [
        (key, address[key], "one of " + ", ".join(known)) for key in address if key not in known
    ]
    shows = address.get("shows", point.name)
    if shows not in SHOWS and shows not in COUNTS:
        wrong.append(("shows", shows, "one of " + ", ".join((*SHOWS, *COUNTS))))
    if not isinstance(address.get("vehicle", ""), str):
        wrong.append(("vehicle", address["vehicle"], "the name that the gateway has for it"))
    value = address.get("value", 1)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 255:
        wrong.append(("value", value, "a number from 0 to 255"))
    elif "value" in address and shows != "heard":
        wrong.append(("value", value, 'nothing, but with shows = "heard"'))
    if point.writable:
        wrong.append(("writable", True, "false: a position cannot be set"))
    return wrong


def address_of(point: PointSpec, device: DeviceSpec) -> AvlAddress:
    """Return what a device's point shows; the template must have passed ``check_point``."""
    address = point.address
    return AvlAddress(
        str(address.get("vehicle", "")) or device.id,
        str(address.get("shows", point.name)),
        float(address.get("value", 1.0)),
    )
