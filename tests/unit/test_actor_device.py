"""What may be written to a device: its range, unit, reach and rules."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from bench_host import BenchHost, Ends, how, outcome_of
from bench_shard import BenchShard

from jacquemart.runtime.actor import DeviceActor, Ticket, command
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.model.city import DeviceSpec, PointSpec, TemplateSpec
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

POINTS = (
    PointSpec("setpoint", "%", 0.0, 100.0, writable=True, feedback="level"),
    PointSpec("level", "%"),
    PointSpec("floor", "m", low=-2.5, writable=True),
    PointSpec("ceiling", high=7.0, writable=True),
    PointSpec("free", writable=True),
    PointSpec("unpolled", writable=True, poll_ms=0),
)
LAMP = TemplateSpec("lamp", "lamp", "scripted", POINTS)
BAD = Verdict(Status.FAILED, Reason.NOT_FOLLOWING, "feedback shows 3")


class Lamp(DeviceActor):
    kind = "lamp"
    broken_rule = False
    broken_words = False

    def rule(self, point: str, value: float) -> str | None:
        if self.broken_rule:
            raise ZeroDivisionError("rule")
        return "the door is open" if point == "free" and value == 13.0 else None

    def explain(self, point: str, verdict: Verdict) -> Verdict:
        if self.broken_words:
            raise ZeroDivisionError("words")
        return Verdict(Status.FAILED, Reason.DEVICE_FAULT, f"{point} is faulty")

    @command("blink")
    def blink(self, ticket: Ticket) -> float:
        return 3.0


class Bench:
    def __init__(self, clock: VirtualClock, fed_by: str = "") -> None:
        self.host, self.shard, self.ends = BenchHost(clock), BenchShard(len(POINTS)), Ends(clock)
        spec = DeviceSpec("lamp-1", "lamp", "north", "street", fed_by=fed_by)
        self.lamp = Lamp(spec, LAMP, self.shard, 0, self.host)
        self.lamp.start()

    def set(self, value: Any, point: str = "setpoint", unit: str = "") -> Ticket:
        ticket = self.ends.ticket(value, point=point, unit=unit)
        self.lamp.post(ticket)
        return ticket

    def mark(self, point: str, quality: Quality) -> None:
        self.shard.table.update(LAMP.point_index(point), 1.0, Quality.GOOD, 1, 1)
        self.shard.table.mark(LAMP.point_index(point), 1, quality, 2)


def on_bench(act: Any, **options: Any) -> None:
    async def story(clock: VirtualClock) -> None:
        bench = Bench(clock, **options)
        act(bench)
        await asyncio.sleep(0)

    run(story)


@pytest.mark.parametrize(
    ("point", "value", "unit", "reason", "says"),
    [
        ("setpoint", 100.5, "", "out_of_range", "0 to 100 %, not 100.5"),
        ("setpoint", -1, "", "out_of_range", "0 to 100 %"),
        ("floor", -2.6, "", "out_of_range", "at least -2.5 m"),
        ("ceiling", 7.01, "", "out_of_range", "at most 7"),
        ("setpoint", math.nan, "", "bad_value", "finite"),
        ("free", math.inf, "", "bad_value", "finite"),
        ("free", -math.inf, "", "bad_value", "finite"),
        ("free", 10**400, "", "bad_value", "finite"),
        ("setpoint", "80", "", "bad_value", "not str"),
        ("setpoint", None, "", "bad_value", "not NoneType"),
        ("setpoint", 80, "W", "wrong_unit", "in %, not W"),
        ("free", 80, "%", "wrong_unit", "in no unit, not %"),
        ("level", 80, "", "not_writable", "level"),
        ("colour", 80, "", "unknown_point", "setpoint, level, floor"),
        ("", 80, "", "unknown_point", "lamp-1 has"),
        ("free", 13, "", "rule", "the door is open"),
    ],
)
def test_what_may_not_be_written_is_refused_by_name_and_never_submitted(
    point: str, value: Any, unit: str, reason: str, says: str
) -> None:
    def act(bench: Bench) -> None:
        ticket = bench.set(value, point, unit)
        assert how(ticket) == ("REJECTED", reason)
        assert says in outcome_of(ticket).detail
        assert bench.shard.submitted == []
        assert bench.set(1.0, "free").outcome is None, "the device goes on"

    on_bench(act)


@pytest.mark.parametrize(
    ("point", "value", "unit", "number"),
    [
        ("setpoint", 0, "", 0.0),
        ("setpoint", 100, "%", 100.0),
        ("setpoint", True, "", 1.0),
        ("setpoint", False, "", 0.0),
        ("floor", -2.5, "m", -2.5),
        ("floor", 1e300, "", 1e300),
        ("ceiling", -1e300, "", -1e300),
    ],
)
def test_what_may_be_written_goes_to_the_link_as_a_number(
    point: str, value: Any, unit: str, number: float
) -> None:
    def act(bench: Bench) -> None:
        ticket = bench.set(value, point, unit)
        assert ticket.outcome is None
        assert bench.shard.submitted == [(LAMP.point_index(point), number, ticket)]
        assert type(bench.shard.submitted[0][1]) is float

    on_bench(act)


def test_one_command_is_in_flight_a_device() -> None:
    def act(bench: Bench) -> None:
        first, second = bench.set(10), bench.set(20)
        assert [t for _, _, t in bench.shard.submitted] == [first]
        bench.lamp.written(first, Verdict(Status.APPLIED, Reason.OK), 10.0)
        assert [t for _, _, t in bench.shard.submitted] == [first, second]
        assert outcome_of(first).value == 10.0

    on_bench(act)


def test_a_kinds_own_commands_stand_beside_set() -> None:
    def act(bench: Bench) -> None:
        ticket = bench.ends.ticket(verb="blink")
        bench.lamp.post(ticket)
        assert outcome_of(ticket).value == 3.0
        assert bench.lamp.last_ticket is ticket

    on_bench(act)


@pytest.mark.parametrize(
    ("fed_by", "up", "quality", "reason"),
    [
        ("", False, Quality.GOOD, "unreachable"),
        ("", True, Quality.BAD_UNIT, "unreachable"),
        ("", True, Quality.BAD_COMM, "unreachable"),
        ("cab-1", False, Quality.GOOD, "unreachable_by"),
        ("cab-1", True, Quality.BAD_FED_BY, "unreachable_by"),
        ("cab-1", True, Quality.BAD_UNIT, "unreachable"),
    ],
)
def test_an_unreachable_device_refuses_and_says_by_whom(
    fed_by: str, up: bool, quality: Quality, reason: str
) -> None:
    def act(bench: Bench) -> None:
        bench.shard.up, bench.shard.why = up, "" if up else "connection refused"
        bench.mark("level", quality)
        ticket = bench.set(50)
        assert how(ticket) == ("REJECTED", reason)
        detail = outcome_of(ticket).detail
        assert ("cab-1" if reason == "unreachable_by" else "street") in detail
        assert up or "connection refused" in detail
        assert bench.shard.submitted == []

    on_bench(act, fed_by=fed_by)


@pytest.mark.parametrize(
    "quality", [Quality.STALE_AGE, Quality.BAD_DEVICE, Quality.BAD_VALUE, Quality.UNCERTAIN]
)
def test_a_device_that_answers_badly_may_still_be_commanded(quality: Quality) -> None:
    def act(bench: Bench) -> None:
        bench.mark("level", quality)
        assert bench.set(50).outcome is None

    on_bench(act)


@pytest.mark.parametrize("quality", [Quality.BAD_UNIT, Quality.BAD_COMM])
def test_a_point_that_is_never_polled_is_not_refused_for_what_it_showed_long_ago(
    quality: Quality,
) -> None:
    def act(bench: Bench) -> None:
        bench.mark("unpolled", quality)
        assert bench.set(50, "unpolled").outcome is None

    on_bench(act)


def test_a_rule_that_raises_refuses_its_command_since_nothing_was_sent() -> None:
    def act(bench: Bench) -> None:
        bench.lamp.broken_rule = True
        ticket = bench.set(50)
        assert how(ticket) == ("REJECTED", "internal")
        assert "ZeroDivisionError" in outcome_of(ticket).detail
        assert [type(error) for _, error in bench.host.failures] == [ZeroDivisionError]
        bench.lamp.broken_rule = False
        assert bench.set(50).outcome is None

    on_bench(act)


def test_a_failed_write_ends_in_the_kinds_words_an_applied_one_as_it_is() -> None:
    def act(bench: Bench) -> None:
        failed, applied = bench.set(50), bench.set(60)
        bench.lamp.written(failed, BAD, 3.0)
        bench.lamp.written(applied, Verdict(Status.APPLIED, Reason.OK), 60.0)
        assert how(failed) == ("FAILED", "device_fault")
        assert how(applied) == ("APPLIED", "ok")

    on_bench(act)


def test_words_that_raise_leave_the_verdict_as_it_was_and_the_device_goes_on() -> None:
    def act(bench: Bench) -> None:
        bench.lamp.broken_words = True
        failed, after = bench.set(50), bench.set(60)
        bench.lamp.written(failed, BAD, 3.0)
        assert how(failed) == ("FAILED", "not_following")
        assert outcome_of(failed).value == 3.0
        assert [t for _, _, t in bench.shard.submitted] == [failed, after]
        assert len(bench.host.failures) == 1

    on_bench(act)
