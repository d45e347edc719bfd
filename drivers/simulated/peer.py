"""The peer of the simulated driver for the conformance kit: the simulated field itself."""

from __future__ import annotations

import asyncio
import itertools
from typing import ClassVar

from jacquemart.drivers.conformance.peer import CannotDo, Peer, PeerField
from jacquemart.drivers.contract import Driver
from jacquemart.drivers.simulated.driver import SimulatedDriver
from jacquemart.drivers.simulated.faults import Fault
from jacquemart.drivers.simulated.field import SimulatedField
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec
from jacquemart.runtime.model.errors import UsageError

_NUMBERS = itertools.count(1)
_LOOK_S = 0.005

LAMP = (
    PointSpec("setpoint", "%", 0.0, 100.0, writable=True, feedback="level"),
    PointSpec("level", "%", 0.0, 100.0),
    PointSpec("power", "W", address={"follows": "level", "gain": 1.2, "offset": 3.0}),
    PointSpec("door", address={"initial": 0.0}),
)


class SimulatedPeer(Peer):
    """Two lamps in a simulated field. They do not ramp: what is written is there at once."""

    driver: ClassVar[type[Driver]] = SimulatedDriver
    call_limit_s: ClassVar[float] = 2.0

    def __init__(self) -> None:
        """Choose a name that no other field has."""
        self._name = f"conformance-{next(_NUMBERS)}"
        self._field = SimulatedField.of(self._name)

    async def start(self) -> PeerField:
        """Show the lamps."""
        options = {"seed": 1, "latency_ms": 1, "timeout_ms": 150, "publish_ms": 10}
        link = LinkSpec(self._name, "simulated", "zone", options)
        lamps = [DeviceSpec(f"lamp-{n}", "lamp", "zone", self._name, index=n) for n in (1, 2)]
        return PeerField(link, [(lamp, LAMP) for lamp in lamps])

    async def stop(self) -> None:
        """Let the field go."""
        self._field.cut()
        SimulatedField.forget(self._name)

    async def value(self, device: str, point: str) -> float:
        """Ask the field."""
        return self._field.value(f"{device}/{point}")

    async def change(self, device: str, point: str, value: float) -> None:
        """Set it in the field."""
        try:
            self._field.set(f"{device}/{point}", value)
        except UsageError as error:
            raise CannotDo(str(error)) from error

    async def arrived(self) -> int:
        """Count the field's arrivals."""
        return len(self._field.arrivals)

    async def connections(self) -> int:
        """Count the drivers that have the link open."""
        return self._field.connections

    async def refuse(self, on: bool) -> None:
        """Refuse to open."""
        self._field.refuse = on

    async def cut(self) -> None:
        """Cut the link, and let the driver hear of it."""
        self._field.cut()
        await asyncio.sleep(_LOOK_S)

    async def hold(self, on: bool) -> None:
        """Let the field hang."""
        self._field.hang = on

    async def held(self) -> None:
        """Wait until a call waits for the field."""
        for _ in range(int(self.call_limit_s / _LOOK_S)):
            if self._field.waiting:
                return
            await asyncio.sleep(_LOOK_S)

    async def silence(self, device: str, on: bool) -> None:
        """Silence a lamp."""
        self._fault(Fault.SILENT, on, device)

    async def refuse_writes(self, device: str, on: bool) -> None:
        """Let a lamp refuse."""
        self._fault(Fault.REFUSED, on, device)

    async def busy(self, device: str, on: bool) -> None:
        """Keep a lamp busy."""
        self._fault(Fault.BUSY, on, device)

    async def swallow(self, on: bool) -> None:
        """Lose the answers to writes."""
        self._fault(Fault.UNKNOWN, on)

    async def spoil(self, device: str, point: str, on: bool) -> None:
        """Make a point not a number."""
        self._fault(Fault.BAD_VALUE, on, f"{device}/{point}")

    async def speak(self) -> None:
        """Open a door: the field tells of what changed."""
        door = "lamp-1/door"
        self._field.set(door, 1.0 - self._field.value(door))

    def unencodable(self, device: str, point: str) -> float:
        """Return infinity, which no device can hold."""
        return float("inf")

    def _fault(self, fault: Fault, on: bool, *whom: str) -> None:
        if on:
            self._field.inject(fault, *whom)
        else:
            self._field.clear(fault, *whom)
