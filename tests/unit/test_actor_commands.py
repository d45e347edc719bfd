"""A kind's own commands: their argument, and the writes with which they work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bench_host import BenchHost, Ends, how, outcome_of
from bench_shard import BenchShard

from jacquemart.runtime.actor import Argument, DeviceActor, Point, Ticket, command
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.model.city import DeviceSpec, TemplateSpec
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

APPLIED = Verdict(Status.APPLIED, Reason.OK)
FAILED = Verdict(Status.FAILED, Reason.NOT_FOLLOWING, "feedback shows 0")


class Barrier(DeviceActor):
    kind = "barrier"
    points = (
        Point("arm", "where the arm is", unit="°", low=0, high=90, writable=True),
        Point("lamp", "the warning lamp", "enumeration", words=("dark", "flashing"),
              writable=True),
        Point("cars", "cars that passed", "count"),
    )  # fmt: skip
    seen: Any = None

    @command("open", "raises the arm")
    def open(self, ticket: Ticket) -> None:
        self.write("arm", 90.0, ticket)

    @command("tilt", "sets the arm", takes=Argument("°", 10, 80))
    def tilt(self, ticket: Ticket) -> None:
        self.seen = ticket.value
        self.write("arm", float(ticket.value or 0), ticket)

    @command("warn", "shows the lamp", takes=Argument(words=("dark", "flashing"), optional=True))
    def warn(self, ticket: Ticket) -> float:
        self.seen = ticket.value
        return 1.0

    @command("close", "warns, waits, and lowers the arm")
    async def close(self, ticket: Ticket) -> None:
        warned = await self.attempt("lamp", 1, ticket)
        if not warned.applied:
            self.emit("no_warning", 1)
        await asyncio.sleep(2.0)
        self.write("arm", 0.0, ticket)

    @command("hasty", "writes and goes on working")
    async def hasty(self, ticket: Ticket) -> None:
        self.write("arm", 45.0, ticket)
        await asyncio.sleep(5.0)

    @command("broken", "writes and raises")
    def broken(self, ticket: Ticket) -> None:
        self.write("arm", 45.0, ticket)
        raise ZeroDivisionError

    @command("count", "writes what nobody can write")
    def count(self, ticket: Ticket) -> None:
        self.write("cars", 0.0, ticket)


class Bench:
    def __init__(self, clock: VirtualClock) -> None:
        points = tuple(point.spec() for point in Barrier.points)
        template = TemplateSpec("b", "barrier", "scripted", points)
        self.host, self.shard, self.ends = BenchHost(clock), BenchShard(3), Ends(clock)
        spec = DeviceSpec("b-1", "b", "north", "line")
        self.actor = Barrier(spec, template, self.shard, 0, self.host)
        self.actor.start()

    def tell(self, verb: str, value: Any = None, unit: str = "") -> Ticket:
        ticket = self.ends.ticket(value, device="b-1", verb=verb, point="", unit=unit)
        self.actor.post(ticket)
        return ticket

    def end(self, verdict: Verdict, value: float | None = None) -> None:
        _, _, ticket = self.shard.submitted.pop(0)
        self.actor.written(ticket, verdict, value)

    @property
    def writes(self) -> list[tuple[int, float]]:
        return [(point, value) for point, value, _ in self.shard.submitted]


def on_bench(act: Callable[[Bench], Awaitable[None]]) -> None:
    async def story(clock: VirtualClock) -> None:
        bench = Bench(clock)
        await act(bench)
        await asyncio.sleep(30.0)
        bench.ends.check()

    run(story)


@pytest.mark.parametrize(
    ("verb", "value", "unit", "reason", "says"),
    [
        ("open", 1.0, "", "bad_value", "open takes no value"),
        ("tilt", None, "", "bad_value", "not NoneType"),
        ("tilt", "x", "", "bad_value", "not str"),
        ("tilt", 9.9, "", "out_of_range", "tilt takes 10 to 80 °, not 9.9"),
        ("tilt", float("nan"), "", "bad_value", "finite"),
        ("tilt", 20, "m", "wrong_unit", "tilt is in °, not m"),
        ("warn", "bright", "", "bad_value", "dark, flashing, not 'bright'"),
        ("warn", 2, "", "out_of_range", "0 to 1"),
        ("warn", 0.5, "", "bad_value", "whole numbers"),
        ("warn", True, "", "bad_value", "dark, flashing, not 'on'"),
        ("dance", None, "", "unknown_command", "known: broken, close"),
        ("count", None, "", "not_writable", "cars cannot be written"),
    ],
)
def test_an_argument_is_refused_before_the_handler_runs(
    verb: str, value: Any, unit: str, reason: str, says: str
) -> None:
    async def act(bench: Bench) -> None:
        ticket = bench.tell(verb, value, unit)
        assert how(ticket) == ("REJECTED", reason)
        assert says in outcome_of(ticket).detail
        assert bench.actor.seen is None
        assert bench.writes == []
        assert how(bench.tell("warn", "flashing")) == ("APPLIED", "ok"), "the device goes on"

    on_bench(act)


@pytest.mark.parametrize(
    ("value", "seen"), [("flashing", 1.0), (0, 0.0), ("dark", 0.0), (None, None)]
)
def test_a_handler_sees_a_number_whatever_word_was_sent(value: Any, seen: Any) -> None:
    async def act(bench: Bench) -> None:
        assert outcome_of(bench.tell("warn", value)).value == 1.0
        assert bench.actor.seen == seen

    on_bench(act)


def test_a_command_that_writes_ends_as_its_write_does() -> None:
    async def act(bench: Bench) -> None:
        first, second = bench.tell("open"), bench.tell("tilt", 30, "°")
        assert bench.writes == [(0, 90.0)], "one command at a time"
        assert first.outcome is None
        bench.end(APPLIED, 90.0)
        assert (how(first), outcome_of(first).value) == (("APPLIED", "ok"), 90.0)
        assert bench.writes == [(0, 30.0)]
        bench.end(FAILED, 0.0)
        assert how(second) == ("FAILED", "not_following")

    on_bench(act)


def test_a_command_of_several_steps_goes_from_one_to_the_next() -> None:
    async def act(bench: Bench) -> None:
        ticket, after = bench.tell("close"), bench.tell("open")
        await asyncio.sleep(0.1)
        assert bench.writes == [(1, 1.0)]
        bench.end(FAILED)
        await asyncio.sleep(1.0)
        assert (bench.writes, ticket.outcome) == ([], None)
        await asyncio.sleep(1.5)
        assert bench.writes == [(0, 0.0)], "the next command waits for the last step"
        assert [name for _, name, _, _ in bench.host.events] == ["no_warning"]
        bench.end(APPLIED, 0.0)
        assert how(ticket) == ("APPLIED", "ok")
        assert bench.writes == [(0, 90.0)]
        bench.end(APPLIED, 90.0)
        assert how(after) == ("APPLIED", "ok")

    on_bench(act)


def test_a_verdict_that_comes_before_the_handler_is_done_lets_nobody_in() -> None:
    async def act(bench: Bench) -> None:
        ticket, after = bench.tell("hasty"), bench.tell("open")
        await asyncio.sleep(0.1)
        bench.end(APPLIED, 45.0)
        assert how(ticket) == ("APPLIED", "ok")
        assert after.outcome is None
        assert bench.writes == []
        await asyncio.sleep(5.0)
        assert bench.writes == [(0, 90.0)]
        bench.end(APPLIED, 90.0)

    on_bench(act)


def test_a_handler_that_raises_after_its_write_ends_its_command_unknown_and_once() -> None:
    async def act(bench: Bench) -> None:
        ticket, after = bench.tell("broken"), bench.tell("open")
        assert how(ticket) == ("INDETERMINATE", "internal")
        assert bench.writes == [(0, 45.0), (0, 90.0)]
        bench.end(APPLIED, 45.0)
        assert after.outcome is None, "the verdict of the lost write ends nobody else's command"
        bench.end(APPLIED, 90.0)
        assert how(after) == ("APPLIED", "ok")

    on_bench(act)


def test_an_actor_writes_of_its_own_accord_while_commands_go_on() -> None:
    async def act(bench: Bench) -> None:
        found: list[Outcome] = []
        ticket = bench.tell("open")
        bench.actor.act("lamp", 1, then=found.append)
        bench.actor.act("cars", 1, then=found.append)
        assert bench.writes == [(0, 90.0), (1, 1.0)]
        assert [outcome.reason for outcome in found] == ["not_writable"]
        own = bench.shard.submitted[1][2]
        assert (own.principal, own.deadline_ns) == ("b-1", own.received_ns + 10_000_000_000)
        bench.shard.submitted.reverse()
        bench.end(APPLIED, 1.0)
        assert (len(found), ticket.outcome) == (2, None)
        bench.end(APPLIED, 90.0)
        assert how(ticket) == ("APPLIED", "ok")

    on_bench(act)
