"""A field that speaks far too fast, and devices that work far too slowly.

While a device's point ``on`` is 1, its link publishes all its ``level`` points anew in every turn
of the cell's loop. With 2 each of them also changes its quality, which must not wait for a tick.
The point ``told`` says how many readings were published.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from jacquemart.drivers.contract import BoundPoint, Driver, DriverError, Quality
from jacquemart.runtime.actor import Argument, DeviceActor, Ticket, command
from jacquemart.runtime.model.city import LinkSpec

#: A worker is at work for so long.
WORK_S = 0.02


class FloodDriver(Driver):
    """Publishes by itself; a write takes a while."""

    def __init__(self, link: LinkSpec, publish: Callable[..., None]) -> None:
        super().__init__(link, publish)
        self.values: dict[str, float] = {}
        self.slots = array("I")
        self.published, self.turn = 0, 0.0
        self.flood: asyncio.Task[None] | None = None

    async def open(self) -> None:
        pass

    def plan(self, points: Sequence[BoundPoint]) -> Sequence[BoundPoint]:
        self.slots.extend(p.slot for p in points if p.spec.name.startswith("level"))
        return points

    async def read(self, plan: Sequence[BoundPoint]) -> list[Any]:
        self.values.update(
            {point.id: float(self.published) for point in plan if point.spec.name == "told"}
        )
        return [
            self.turn if point.spec.name.startswith("level") else self.values.get(point.id, 0.0)
            for point in plan
        ]

    async def write(self, writes: Sequence[tuple[BoundPoint, float]]) -> list[DriverError | None]:
        await asyncio.sleep(0.005 * len(writes))
        for point, value in writes:
            self.values[point.id] = value
            if point.spec.name == "on":
                self._turn(int(value))
        return [None] * len(writes)

    async def close(self) -> None:
        self._turn(0)

    def _turn(self, how: int) -> None:
        if self.flood is not None:
            self.flood.cancel()
            self.flood = None
        if how:
            self.flood = asyncio.get_running_loop().create_task(self._gush(how))

    async def _gush(self, how: int) -> None:
        count = len(self.slots)
        plain = bytes(count)
        odd = bytes([Quality.UNCERTAIN]) * count
        while True:
            self.turn += 1.0
            values = array("d", [self.turn]) * count
            self.publish(self.slots, values, odd if how > 1 and self.turn % 2 else plain)
            self.published += count
            await asyncio.sleep(0)


class Worker(DeviceActor):
    """Takes its time for each command, and takes them one by one."""

    kind = "worker"
    open_points = True

    @command("work", "works for a while", Argument("", 0, 1e9))
    async def work(self, ticket: Ticket) -> float:
        await asyncio.sleep(WORK_S)
        return float(ticket.value or 0.0)

    @command("poke", "works for a while, and is worth nothing later", Argument("", 0, 1e9),
             volatile=True)  # fmt: skip
    async def poke(self, ticket: Ticket) -> float:
        await asyncio.sleep(WORK_S)
        return float(ticket.value or 0.0)
