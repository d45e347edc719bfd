"""The simulated field: devices that outlive every process of the city, and their own log.

The log is the truth that a history is judged by: what reached which device, when it was sent, and
by which incarnation of which cell. Devices answer late, lie, refuse, are busy or dead, on request.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    DriverError,
    OutcomeUnknown,
    UnitError,
)
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.simulation.process import SimulatedProcess
from jacquemart.runtime.testing.simulation.scheduler import Scheduler

#: How a device may behave.
MOODS = ("well", "late", "lying", "silent", "deaf", "busy", "refusing", "dead", "hanging")


class Arrival(NamedTuple):
    """A write that reached a device and took effect."""

    sent_ns: int
    """Boot-time clock when the driver sent it."""
    arrived_ns: int
    device: str
    point: str
    value: float
    cell: str
    epoch: int
    """Of the cell that sent it."""


@dataclass(slots=True)
class FieldDevice:
    """One device."""

    id: str
    mood: str = "well"
    values: dict[str, float] = field(default_factory=dict)
    moving: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Point -> when it will show which value."""


class SimulatedField:
    """All devices and links of a simulated city."""

    def __init__(self, scheduler: Scheduler) -> None:
        """Have no device; each is made when a driver first speaks to it."""
        self.scheduler = scheduler
        self.devices: dict[str, FieldDevice] = {}
        self.log: list[Arrival] = []
        self.down: set[str] = set()
        """Links that nobody can open."""
        self.on_link_lost: dict[str, dict[Callable[[], None], None]] = {}
        self._rng = scheduler.chance("field")

    def device(self, name: str) -> FieldDevice:
        """Return a device by its id."""
        known = self.devices.get(name)
        if known is None:
            known = self.devices[name] = FieldDevice(name)
        return known

    def way_s(self) -> float:
        """Return how long a request or an answer is under way, in seconds."""
        return 0.0005 + 0.002 * self._rng.random()

    def lose_link(self, link: str) -> None:
        """Cut a link, until ``mend_link``: its driver hears of it at its next call."""
        self.down.add(link)
        for tell in list(self.on_link_lost.get(link, {})):
            tell()

    def mend_link(self, link: str) -> None:
        """Let a link be opened again."""
        self.down.discard(link)

    def mend_all(self) -> None:
        """Take all faults away."""
        self.down.clear()
        for device in self.devices.values():
            device.mood = "well"

    def reboot(self, name: str) -> None:
        """Have a device start anew: it shows zero everywhere."""
        device = self.device(name)
        device.values.clear()
        device.moving.clear()

    def take(
        self, process: SimulatedProcess, sent_ns: int, point: BoundPoint, value: float
    ) -> DriverError | None:
        """Have a write arrive at its device; return what the device answers."""
        device = self.device(point.device.id)
        if device.mood == "dead":
            return UnitError("no answer from the device")
        if device.mood == "busy" and self._rng.random() < 0.6:
            return DeviceBusy("busy")
        if device.mood == "refusing":
            return DeviceRefused("refused")
        if device.mood == "deaf":  # the request is lost on the line
            return OutcomeUnknown("no answer")
        if device.mood != "lying":
            now = self.scheduler.now_ns
            self.log.append(
                Arrival(
                    sent_ns, now, device.id, point.spec.name, value, process.name, process.epoch
                )
            )
            device.values[point.spec.name] = value
            shows = point.spec.feedback
            if shows:
                lag = 0.2 if device.mood == "late" else 0.02
                device.moving[shows] = now + int(lag * self._rng.random() * 1e9), value
        return OutcomeUnknown("no answer") if device.mood == "silent" else None

    def show(self, point: BoundPoint) -> float | Bad:
        """Return what a point shows now."""
        device = self.device(point.device.id)
        if device.mood == "dead":
            return Bad(Quality.BAD_UNIT, "no answer from the device")
        name = point.spec.name
        moving = device.moving.get(name)
        if moving is not None and moving[0] <= self.scheduler.now_ns:
            device.values[name] = moving[1]
            del device.moving[name]
        initial = point.spec.address.get("initial", 0.0)
        value = device.values.get(name, initial if isinstance(initial, (int, float)) else 0.0)
        return value if math.isfinite(value) else Bad(Quality.BAD_VALUE)
