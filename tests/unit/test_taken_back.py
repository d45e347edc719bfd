"""What can be taken back in a cell, and what cannot: on a link in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bench_host import how, outcome_of
from link_bench import LEVEL, SETPOINT, LinkBench
from scripted_driver import Do

from jacquemart.actors.generic import GenericDevice
from jacquemart.runtime.actor import Argument, Ticket, command
from jacquemart.runtime.actor.claim_ticket import ClaimTicket
from jacquemart.runtime.cell.withdrawing import take_back
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

CANCELLED = ("CANCELLED", "withdrawn")


class Stepper(GenericDevice):
    """Has a command that ends with one write, and one that goes in steps."""

    kind = "stepper"

    @command("nudge", "sets it, by one write", Argument("", 0, 100))
    def nudge(self, ticket: Ticket) -> None:
        """Write once."""
        self.write("setpoint", float(ticket.value or 0.0), ticket)

    @command("both", "acts, and then sets it", Argument("", 0, 100))
    def both(self, ticket: Ticket) -> None:
        """Write twice, by two ways."""
        self.act("setpoint", float(ticket.value or 0.0) / 2)
        self.write("setpoint", float(ticket.value or 0.0), ticket)

    @command("ramp", "sets it in two steps", Argument("", 0, 100))
    async def ramp(self, ticket: Ticket) -> None:
        """Write half of it, and then all."""
        await self.attempt("setpoint", float(ticket.value or 0.0) / 2, ticket)
        self.write("setpoint", float(ticket.value or 0.0), ticket)


def on_bench(story: Callable[[LinkBench], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def whole(clock: VirtualClock) -> None:
        async with LinkBench(clock, kind=Stepper, **options) as bench:
            await asyncio.sleep(0.5)
            await story(bench)
        bench.ends.check()
        assert bench.host.failures == []

    run(whole)


def back(bench: LinkBench, ticket: Ticket) -> bool:
    return take_back(bench.actors[ticket.device], lambda one: one is ticket)


def nudge(bench: LinkBench, verb: str, value: float) -> Ticket:
    ticket = bench.ends.ticket(value, verb=verb, point="")
    bench.actors["lamp-1"].post(ticket)
    return ticket


def test_a_set_in_the_queue_of_its_link_is_taken_back_and_its_device_goes_on() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", Do("ok", 0.5))
        first, second = bench.set(10.0, lamp=1), bench.set(20.0, lamp=2)
        await asyncio.sleep(0.1)
        third = bench.set(30.0, lamp=3)
        assert not back(bench, first), "it is with the driver"
        assert not back(bench, second), "both went in one call"
        assert back(bench, third)
        assert how(third) == CANCELLED
        assert outcome_of(third).stages.dispatched == 0
        assert not back(bench, third), "there is nothing more to take"
        fourth = bench.set(40.0, lamp=3)
        await asyncio.sleep(3.0)
        assert how(fourth) == ("APPLIED", "ok")
        assert bench.sent(3) == [40.0]
        assert how(first) == how(second) == ("APPLIED", "ok")

    on_bench(story, lamps=3)


def test_what_waits_in_a_mailbox_is_taken_out_and_the_rest_keeps_its_order() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", Do("ok", 0.5))
        bench.set(10.0)
        waiting = [nudge(bench, "nudge", value) for value in (20.0, 30.0, 40.0)]
        await asyncio.sleep(0.1)
        assert back(bench, waiting[1])
        await asyncio.sleep(5.0)
        assert [how(one)[0] for one in waiting] == ["APPLIED", "CANCELLED", "APPLIED"]
        assert bench.sent() == [10.0, 20.0, 40.0]

    on_bench(story)


def test_a_write_whose_guards_are_being_read_is_taken_back() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("read", Do("ok", 0.5))
        ticket = bench.set(80.0)
        await asyncio.sleep(0.1)
        assert bench.shell._queue.guarded is not None
        assert back(bench, ticket)
        assert how(ticket) == CANCELLED
        await asyncio.sleep(2.0)
        assert bench.sent() == []
        later = bench.set(30.0)
        await asyncio.sleep(2.0)
        assert how(later) == ("APPLIED", "ok")

    on_bench(story, guards=("level",))


def test_what_a_busy_device_has_been_sent_once_is_not_called_cancelled() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", "busy")
        ticket = bench.set(80.0)
        await asyncio.sleep(0.01)
        assert len(bench.shell._queue) == 1, "it waits to be sent again"
        assert not back(bench, ticket)
        await asyncio.sleep(3.0)
        assert how(ticket) == ("APPLIED", "ok")

    on_bench(story)


def test_a_command_that_is_one_write_is_taken_back_and_one_in_steps_is_not() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", Do("ok", 0.5))
        other = bench.set(1.0, lamp=2)
        await asyncio.sleep(0.1)
        one = nudge(bench, "nudge", 20.0)
        assert len(bench.shell._queue) == 1
        assert back(bench, one)
        assert how(one) == CANCELLED
        steps = nudge(bench, "ramp", 60.0)
        await asyncio.sleep(0.01)
        assert not back(bench, steps), "its handler has begun, and may have done anything"
        await asyncio.sleep(6.0)
        assert how(steps) == ("APPLIED", "ok")
        assert how(other) == ("APPLIED", "ok")
        assert bench.sent() == [30.0, 60.0]

    on_bench(story, lamps=2)


def test_a_command_whose_handler_has_acted_besides_is_more_than_one_write() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", Do("ok", 0.5))
        bench.set(1.0, lamp=2)
        await asyncio.sleep(0.1)
        both = nudge(bench, "both", 60.0)
        assert len(bench.shell._queue) == 2
        assert not back(bench, both), "the other write cannot be taken back"
        await asyncio.sleep(6.0)
        assert how(both) == ("APPLIED", "ok")
        assert bench.sent() == [30.0, 60.0]

    on_bench(story, lamps=2)


def test_a_hold_that_stands_is_not_taken_back_although_its_write_waits() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", Do("ok", 0.5))
        bench.set(1.0, lamp=2)
        await asyncio.sleep(0.1)
        plain = bench.ends.ticket(55.0)
        hold = ClaimTicket(
            plain.id, "tester", "lamp-1", "hold", "setpoint", 55.0, "", 8, plain.deadline_ns,
            plain.received_ns, plain.end,
        )  # fmt: skip
        bench.actors["lamp-1"].post(hold)
        assert len(bench.shell._queue) == 1
        assert not take_back(bench.actors["lamp-1"], lambda one: one.id == hold.id)
        await asyncio.sleep(3.0)
        assert how(hold) == ("APPLIED", "ok")
        assert bench.sent() == [55.0]

    on_bench(story, lamps=2)


def test_life_safety_that_passed_by_is_taken_back_too() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", Do("ok", 0.5))
        bench.set(1.0, lamp=2)
        await asyncio.sleep(0.1)
        weak = bench.set(10.0)
        strong = bench.set(90.0, priority=1)
        assert back(bench, strong)
        assert how(strong) == CANCELLED
        await asyncio.sleep(3.0)
        assert how(weak) in (("APPLIED", "ok"), ("SUPERSEDED", "newer"))
        assert 90.0 not in bench.sent()

    on_bench(story, lamps=2, points=(SETPOINT, LEVEL))
