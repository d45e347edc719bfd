"""One link with its shard, actors and scripted driver, on a bench in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Self

from bench_host import BenchHost, Ends
from scripted_driver import ScriptedDriver, ScriptedField

from jacquemart.actors.generic import GenericDevice
from jacquemart.runtime.actor import DeviceActor, Ticket
from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec, TemplateSpec
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.virtual_time import VirtualClock

SETPOINT = PointSpec(
    "setpoint", "%", writable=True, feedback="level", tolerance=0.5, settle_ms=1_000, poll_ms=0
)
LEVEL = PointSpec("level", "%", poll_ms=1_000)


class LinkBench:
    """``lamps`` devices on one link. ``async with`` runs the link's task."""

    def __init__(
        self,
        clock: VirtualClock,
        *,
        lamps: int = 1,
        ramp_s: float = 0.0,
        points: tuple[PointSpec, ...] = (SETPOINT, LEVEL),
        fed_by: str = "",
        driver: Any = None,
        kind: type[DeviceActor] = GenericDevice,
        **spec: Any,
    ) -> None:
        self.clock = clock
        self.host, self.ends = BenchHost(clock), Ends(clock)
        self.field = ScriptedField(clock, ramp_s)
        self.driver = driver or ScriptedDriver(self.field)
        points = (replace(points[0], **spec), *points[1:])
        template = TemplateSpec("lamp", "generic", "scripted", points)
        names = [f"lamp-{number}" for number in range(1, lamps + 1)]
        feeders = ["cab-1"] if fed_by else []
        devices = tuple(
            DeviceSpec(name, "lamp", "north", "street", fed_by=fed_by if name != fed_by else "")
            for name in (*feeders, *names)
        )
        link = LinkSpec("street", "scripted", "north")
        self.shard = Shard(
            ShardSpec("north/0", "north", (link,), devices),
            {"lamp": template},
            {"generic": kind},
            {"scripted": lambda link, publish: self.driver},  # type: ignore[dict-item]
            self.host,
        )
        self.shell = self.shard.links["street"]
        self.actors = {actor.id: actor for actor in self.shard.actors}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        for actor in self.actors.values():
            actor.start()
        self._task = asyncio.create_task(self.shell.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End the link, then the actors, as a cell does."""
        if self._task is not None:
            task, self._task = self._task, None
            assert not task.done(), "a link's task never ends by itself"
            task.cancel()
            await asyncio.wait([task])
        for actor in self.actors.values():
            actor.stop()

    def set(self, value: float = 80.0, lamp: int = 1, **options: Any) -> Ticket:
        """Command a lamp."""
        device = f"lamp-{lamp}"
        ticket = self.ends.ticket(value, device=device, **options)
        self.actors[device].post(ticket)
        return ticket

    def quality(self, point: str = "level", device: str = "lamp-1") -> Quality:
        """Return the quality of a point, as the table has it."""
        return Quality(self.actors[device].quality(point))

    def level(self, lamp: int = 1) -> float:
        """Return what a lamp's level really is."""
        return self.field.truth(f"lamp-{lamp}/level")

    def sent(self, lamp: int = 1) -> list[float]:
        """Return the values that left for a lamp."""
        return [s.value for s in self.field.sends if s.point == f"lamp-{lamp}/setpoint"]

    def calls(self, *which: str) -> list[str]:
        """Return the driver's calls so far, in order."""
        return [call for _, call in self.driver.calls if call in which]
