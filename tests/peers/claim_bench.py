"""A lamp on a link in virtual time, and those who claim it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import Any

from bench_host import S
from link_bench import LEVEL, SETPOINT, LinkBench

from jacquemart.actors.generic import GenericDevice
from jacquemart.runtime.actor import Ticket, command
from jacquemart.runtime.actor.claim_ticket import ClaimTicket
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

BUTTON = PointSpec("button", low=0, high=1, writable=True, pulse=True, poll_ms=0)
POINTS = (SETPOINT, LEVEL, BUTTON)


class Lamp(GenericDevice):
    forbids: float | None = None
    stops: float | None = None

    def rule(self, point: str, value: float) -> str | None:
        return "not that" if value == self.forbids else None

    def interlock(self, point: str, value: float) -> str | None:
        return "not now" if value == self.stops else None

    @command("blink")
    def blink(self, ticket: Ticket) -> None: ...

    @command("dark")
    def dark(self, ticket: Ticket) -> None:
        self.write("setpoint", 0.0, ticket)

    @command("dim")
    def dim(self, ticket: Ticket) -> None:
        self.write("setpoint", 30.0, ticket)

    @command("wait")
    async def wait(self, ticket: Ticket) -> None:
        try:
            await asyncio.sleep(3_600.0)
        finally:
            self.emit("left")

    @command("stubborn")
    async def stubborn(self, ticket: Ticket) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3_600.0)
        await asyncio.sleep(5.0)

    @command("two_steps")
    async def two_steps(self, ticket: Ticket) -> None:
        for value in (10.0, 20.0):
            got = await self.attempt("setpoint", value, ticket)
            if not got.applied:
                ticket.finish(got.status, got.reason, got.detail)
                return
            await asyncio.sleep(1.0)


class Bench(LinkBench):
    """A lamp, and who claims it."""

    ids = count(1)

    def claim(
        self, verb: str, value: Any = None, who: str = "ann", *, point: str = "", priority: int = 8,
        lease_s: float = 0.0, grace_s: float = -0.001, why: str = "works", within_s: float = 10.0,
        lacks: Callable[[], str | None] = lambda: None,
    ) -> ClaimTicket:  # fmt: skip
        now, wall = self.clock.boot_ns(), self.clock.wall_ns()
        made = ClaimTicket(
            (next(self.ids) << 32).to_bytes(16, "big"), who, "lamp-1", verb, point, value, "",
            priority, now + int(within_s * S), now, lambda ticket: None,
            lease_ms=int(lease_s * 1e3), grace_ms=round(grace_s * 1e3), why=why,
            until_wall_ns=wall + int(lease_s * S) if lease_s else 0, lacks=lacks,
        )  # fmt: skip
        if verb == "lockout":
            self.lamp.lock_out(made)
        else:
            self.lamp.post(made)
        return made

    def hold(self, value: Any, who: str = "ann", **options: Any) -> ClaimTicket:
        return self.claim("hold", value, who, point="setpoint", **options)

    def release(self, who: str = "ann", point: str = "setpoint", **options: Any) -> ClaimTicket:
        return self.claim("release", None, who, point=point, **options)

    def set_as(self, who: str, value: float, priority: int = 8, **options: Any) -> Ticket:
        ticket = self.ends.ticket(value, priority=priority, **options)
        ticket.principal = who
        self.lamp.post(ticket)
        return ticket

    def do(self, verb: str, priority: int = 8, **options: Any) -> Ticket:
        ticket = self.ends.ticket(None, verb=verb, point="", priority=priority, **options)
        self.lamp.post(ticket)
        return ticket

    @property
    def lamp(self) -> Lamp:
        actor = self.actors["lamp-1"]
        assert isinstance(actor, Lamp)
        return actor

    def events(self) -> list[str]:
        return [name for _, name, _, _ in self.host.events]


def on_bench(story: Callable[[Bench], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def whole(clock: VirtualClock) -> None:
        options.setdefault("points", POINTS)
        options.setdefault("kind", Lamp)
        async with Bench(clock, **options) as bench:
            await asyncio.sleep(1.5)
            await story(bench)
            assert bench.host.failures == []
        bench.ends.check()

    run(whole)
