"""What a handler writes by ``act`` counts as its command's: nobody does that a second time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench_host import how
from claim_bench import POINTS, Bench, Lamp
from link_bench import LinkBench

from jacquemart.runtime.actor import Ticket, command
from jacquemart.runtime.cell.ledger import Ledger
from jacquemart.runtime.cell.ledger_reading import read
from jacquemart.runtime.testing.virtual_time import VirtualClock, run


class Acting(Lamp):
    @command("act_now")
    def act_now(self, ticket: Ticket) -> None:
        self.act("setpoint", 40.0)

    @command("act_later")
    async def act_later(self, ticket: Ticket) -> None:
        await asyncio.sleep(1.0)
        self.act("setpoint", 50.0)
        await asyncio.sleep(2.0)

    @command("act_never")
    async def act_never(self, ticket: Ticket) -> None:
        await asyncio.sleep(1.0)


def test_a_command_that_writes_only_by_act_is_among_what_was_sent(tmp_path: Path) -> None:
    async def story(clock: VirtualClock) -> None:
        path = str(tmp_path / "ledger")
        bench: LinkBench = Bench(clock, kind=Acting, points=POINTS)
        bench.shell._writer._ledger = Ledger.create(path)
        async with bench as running:
            assert isinstance(running, Bench)
            await asyncio.sleep(1.5)
            now = running.do("act_now")
            await asyncio.sleep(2.0)
            later, never = running.do("act_later"), running.do("act_never")
            plain = running.set_as("ann", 60.0)
            await asyncio.sleep(10.0)
            own = running.lamp
            own.act("setpoint", 70.0)
            await asyncio.sleep(2.0)
            assert running.sent() == [40.0, 50.0, 60.0, 70.0]
            left = read(path)
            told = {
                name: left.may_have_sent(one.principal, one.id, clock.boot_ns())
                for name, one in (("now", now), ("later", later), ("never", never), ("set", plain))
            }
            assert told == {"now": True, "later": True, "never": False, "set": True}
            assert how(never) == ("APPLIED", "ok")
        running.ends.check()

    run(story)
