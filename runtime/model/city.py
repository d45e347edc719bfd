"""The validated city: what the city file says, as immutable values.

``runtime.city`` makes these from files; everything else only reads them. Points live once in
their template; a device refers to its template, so that a hundred thousand lamps cost a
hundred thousand small records and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

#: Shared by all devices whose template has no parameters.
NO_PARAMETERS: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class PointSpec:
    """One readable or writable quantity of a device kind.

    ``range`` is inclusive and in ``unit``. ``feedback`` names the point that shows what the
    field really does when this one is written (itself, if empty); a write is APPLIED when the
    feedback is within ``tolerance`` of the value, at the latest ``settle_ms`` after the
    acknowledgement. ``poll_ms = 0`` means: never polled by itself.
    """

    name: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    writable: bool = False
    feedback: str = ""
    tolerance: float = 0.0
    settle_ms: int = 1_000
    poll_ms: int = 1_000
    stale_after_ms: int = 0
    """0: three poll periods and two seconds."""
    keep: Literal["last", "every"] = "last"
    urgent: bool = False
    """A change is published at once and not at the next tick."""
    address: Mapping[str, Any] = field(default_factory=dict)
    """Driver-specific; checked by the driver's ``check_point``."""
    words: tuple[str, ...] = ()
    """Of an enumeration: what the values 0, 1, 2 … mean."""
    pulse: bool = False
    """Each write acts anew (a push-button): it is sent at most once, and never again by itself."""
    guards: tuple[str, ...] = ()
    """Points of the device that are read again right before this one is written; then its actor
    is asked once more (``DeviceActor.interlock``)."""
    whole: bool = False
    """Only whole numbers may be written."""
    withheld_unless: str = ""
    """A point of the device; while it is 0, unknown or stale, this one has no value, anywhere."""
    by_source: bool = False
    """Judged by when the field took it: older than what is held is dropped, and staleness counts
    from then and not from its arrival."""
    volatile: bool = False
    """A ``set`` of it is worth nothing later: it goes straight to its cell, unjournalled."""
    min_on_s: float = 0.0
    """Once it was written as other than 0, it stays so for so long; priorities 1 to 5 pass."""
    min_off_s: float = 0.0
    """The same for 0."""
    default: float | None = None
    """Written when the last hold goes and nothing was ever set; None: nothing is."""


@dataclass(frozen=True, slots=True)
class TemplateSpec:
    """A type of device: its kind (actor class), its driver and its points, in slot order."""

    name: str
    kind: str
    driver: str
    points: tuple[PointSpec, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    volatile: tuple[str, ...] = ()
    """Commands of its kind that are never journalled, for those who do not know the kind."""
    on_zone_lost: Literal["keep", "fail_safe"] = "keep"
    """What its devices do while nobody commands their zone."""
    fail_safe_after_s: float = 60.0
    """For how long the zone has been lost before they do."""

    @property
    def fail_safe_after_ns(self) -> int:
        """Return the delay in ns."""
        return int(self.fail_safe_after_s * 1e9)

    def point_index(self, name: str) -> int:
        """Return the position of a point, or -1."""
        for index, point in enumerate(self.points):
            if point.name == name:
                return index
        return -1


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """One connection to the field that several devices share.

    ``node`` names a Ray custom resource: the link is reached only from nodes that have it.
    """

    id: str
    driver: str
    zone: str
    options: Mapping[str, Any] = field(default_factory=dict)
    isolation: Literal["shared", "process"] = "shared"
    node: str = ""


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """One physical piece of equipment."""

    id: str
    template: str
    zone: str
    link: str
    name: str = ""
    index: int = 0
    """Position on its link; an address is base + index * step."""
    unit_id: int = 1
    """Modbus unit, or what the driver makes of it."""
    fed_by: str = ""
    """The device without which this one cannot be reached (its cabinet)."""
    lat: float | None = None
    lon: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=lambda: NO_PARAMETERS)
    """What this device has for the parameters of its template; most have none."""


@dataclass(frozen=True, slots=True)
class ZoneSpec:
    """A unit of control authority and failure."""

    id: str
    name: str = ""
    outline: bytes = b""
    """Polygon or multipolygon in WGS 84 (longitude, latitude) as WKB; empty: none is known."""


@dataclass(frozen=True, slots=True)
class GatewaySpec:
    """Where the public API listens. Port 0: any free one. The stream has a port of its own."""

    host: str = "127.0.0.1"
    port: int = 4747
    stream_port: int = 4748


@dataclass(frozen=True, slots=True)
class CitySpec:
    """A whole validated city."""

    id: str
    name: str
    zones: tuple[ZoneSpec, ...]
    templates: Mapping[str, TemplateSpec]
    links: tuple[LinkSpec, ...]
    devices: tuple[DeviceSpec, ...]
    gateway: GatewaySpec = field(default_factory=GatewaySpec)
    tick_ms: int = 20
    cells: int = 0
    """Device cells to start; 0: one a core."""
    source: str = ""
    """The file it came from."""
    tables: Mapping[str, Any] = field(default_factory=dict)
    """Tables that a kind reads, by their names; checked by it, and otherwise as they were read."""
