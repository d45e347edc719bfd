"""The AVL peer for the conformance kit: a gateway that speaks for two buses, again and again."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time

from jacquemart.drivers.avl import AvlDriver
from jacquemart.drivers.avl.gateway import AvlGateway
from jacquemart.drivers.avl.sentence import Duty, Fix
from jacquemart.drivers.conformance import CannotDo, Peer, PeerField
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec

BUSES = ("bus-1", "bus-2")
SILENT_MS = 150
POINTS = (
    PointSpec("status", low=0.0, high=4.0),
    PointSpec("latitude", low=-90.0, high=90.0, tolerance=1e-6),
    PointSpec("longitude", low=-180.0, high=180.0, tolerance=1e-6),
    PointSpec("speed", low=0.0, high=70.0, tolerance=0.01),
    PointSpec("here", low=0.0, high=4.0, address={"shows": "heard", "value": 2}),
    PointSpec("delay", low=-100.0, high=900.0),
)


class AvlPeer(Peer):
    """What it cannot do: be asked, so nobody can be answered wrongly; be written to."""

    driver = AvlDriver
    call_limit_s = 3.0

    async def start(self) -> PeerField:
        self.gateway = AvlGateway()
        await self.gateway.start()
        self.state = {
            bus: {"status": 1.0, "latitude": 47.3, "longitude": 5.04, "speed": 8.0, "here": 2.0,
                  "delay": 60.0}
            for bus in BUSES
        }  # fmt: skip
        self.silent: set[str] = set()
        self.holding = False
        self.taken_ns = 0
        self.speaking = asyncio.create_task(self._speak_on())
        options = {
            "host": "127.0.0.1", "port": self.gateway.port, "silent_ms": SILENT_MS,
            "connect_timeout_ms": 1_000, "gather_ms": 150, "quiet_ms": 0,
        }  # fmt: skip
        link = LinkSpec("gateway-1", "avl", "z", options)
        return PeerField(link, [(DeviceSpec(bus, "t", "z", link.id), POINTS) for bus in BUSES])

    async def stop(self) -> None:
        self.speaking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.speaking
        await self.gateway.stop()

    async def _speak_on(self) -> None:
        while True:
            self._say()
            await asyncio.sleep(0.03)

    def _say(self) -> None:
        self.taken_ns = max(self.taken_ns + 1_000_000, time.time_ns())
        for bus, now in self.state.items():
            if self.holding or bus in self.silent:
                self.gateway.forget(bus)
                continue
            lost = math.isnan(now["latitude"])
            fix = Fix(bus, self.taken_ns, "N" if lost else "A", now["latitude"],
                      now["longitude"], now["speed"], 90.0)  # fmt: skip
            self.gateway.tell([Duty(bus, now["status"], 3, now["delay"]), fix])

    async def value(self, device: str, point: str) -> float:
        return self.state[device][point]

    async def change(self, device: str, point: str, value: float) -> None:
        if point == "here":
            raise CannotDo("that it is heard has one value")
        self.state[device][point] = float(round(value))
        await self.speak()

    async def connections(self) -> int:
        await asyncio.sleep(0.05)
        return self.gateway.listeners

    async def refuse(self, on: bool) -> None:
        if on:
            await self.gateway.stop()
        else:
            await self.gateway.start()

    async def cut(self) -> None:
        self.gateway.cut()
        await asyncio.sleep(0.02)

    async def hold(self, on: bool) -> None:
        """Say nothing more, for longer than a vehicle may be silent; or speak again."""
        self.holding = on
        await asyncio.sleep(1.5 * SILENT_MS / 1_000 if on else 0.1)

    async def silence(self, device: str, on: bool) -> None:
        (self.silent.add if on else self.silent.discard)(device)
        await asyncio.sleep(1.5 * SILENT_MS / 1_000 if on else 0.1)

    async def spoil(self, device: str, point: str, on: bool) -> None:
        self.state[device][point] = math.nan if on else 60.0
        await self.speak()

    async def confuse(self, on: bool) -> None:
        """Let the sums be wrong: what is said is not what was meant."""
        if on:
            self.holding = True
            wrong = b"\\s:bus-1*23\\$GPRMC,081836,A,4719.32,N,00502.47,E,16,84,231125,,,A*00\r\n"
            self.gateway.say(wrong)
            await asyncio.sleep(1.5 * SILENT_MS / 1_000)
        else:
            self.holding = False
            await asyncio.sleep(0.1)

    async def speak(self) -> None:
        self._say()
        await asyncio.sleep(0.02)
