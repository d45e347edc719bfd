"""What becomes of a write: proven, refused, failed, or honestly unknown; never sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from bench_host import S, how, outcome_of
from link_bench import LinkBench
from scripted_driver import Do

from jacquemart.runtime.testing.virtual_time import VirtualClock, run

Story = Callable[[LinkBench], Coroutine[Any, Any, None]]


def on_bench(story: Story, **options: Any) -> None:
    async def whole(clock: VirtualClock) -> None:
        async with LinkBench(clock, **options) as bench:
            await asyncio.sleep(0.5)
            assert bench.shell.up
            await story(bench)
        bench.ends.check()
        assert bench.driver.overlaps == 0

    run(whole)


def test_a_write_is_proven_by_what_is_read_back_after_it() -> None:
    async def story(bench: LinkBench) -> None:
        ticket = bench.set(80.0)
        await asyncio.sleep(0.1)
        assert how(ticket) == ("APPLIED", "ok")
        outcome = outcome_of(ticket)
        assert outcome.value == 80.0
        stages = outcome.stages
        assert stages.received <= stages.dispatched <= stages.acknowledged <= stages.finished
        assert bench.sent() == [80.0]

    on_bench(story)


@pytest.mark.parametrize(
    ("does", "status", "reason", "sends"),
    [
        ("refuse", "FAILED", "refused", 1),
        ("lie", "FAILED", "not_following", 1),
        ("link", "REJECTED", "unreachable", 0),
        ("unit", "REJECTED", "unreachable", 0),
        ("unknown_done", "APPLIED", "ok", 1),
        ("unknown_late", "APPLIED", "ok", 1),
        ("unknown_lost", "INDETERMINATE", "no_answer", 1),
        ("raise_unknown", "APPLIED", "ok", 1),
        ("protocol", "APPLIED", "ok", 1),
        ("short", "APPLIED", "ok", 1),
        ("crash", "APPLIED", "ok", 1),
        ("exit", "APPLIED", "ok", 1),
        ("timeout", "APPLIED", "ok", 1),
        ("cancel", "INDETERMINATE", "no_answer", 0),
        ("crash_unsent", "INDETERMINATE", "no_answer", 0),
    ],
)
def test_d5_each_answer_of_a_driver_has_its_true_end(
    does: str, status: str, reason: str, sends: int
) -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", does)
        ticket = bench.set(80.0)
        await asyncio.sleep(8.0)
        assert how(ticket) == (status, reason), outcome_of(ticket)
        assert len(bench.sent()) == sends
        assert (outcome_of(ticket).stages.dispatched == 0) == (status == "REJECTED")
        later = bench.set(30.0)
        await asyncio.sleep(2.0)
        assert how(later) == ("APPLIED", "ok"), "the link goes on"

    on_bench(story)


def test_a_busy_device_is_asked_three_times_and_no_more() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", "busy", "busy")
        lucky = bench.set(80.0)
        await asyncio.sleep(2.0)
        assert how(lucky) == ("APPLIED", "ok")
        assert bench.sent() == [80.0] * 3
        times = [send.time_ns for send in bench.field.sends]
        assert times[1] - times[0] >= 0.15 * S
        assert times[2] - times[1] >= 0.3 * S
        bench.driver.then("write", *["busy"] * 5)
        unlucky = bench.set(30.0)
        await asyncio.sleep(5.0)
        assert how(unlucky) == ("FAILED", "busy")
        assert bench.sent().count(30.0) == 3

    on_bench(story)


def test_a_device_that_is_busy_until_the_deadline_has_failed_and_was_not_merely_late() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.always["write"] = Do("busy")
        ticket = bench.set(80.0, within_s=0.3)
        await asyncio.sleep(3.0)
        assert how(ticket) == ("FAILED", "busy")
        assert bench.sent() == [80.0, 80.0]
        deadline = ticket.deadline_ns
        assert all(send.time_ns < deadline for send in bench.field.sends)

    on_bench(story)


def test_a_lamp_that_ramps_is_awaited_and_then_applied() -> None:
    async def story(bench: LinkBench) -> None:
        ticket = bench.set(80.0)
        await asyncio.sleep(2.0)
        assert ticket.outcome is None
        await asyncio.sleep(1.5)
        assert how(ticket) == ("APPLIED", "ok")
        assert outcome_of(ticket).stages.finished >= outcome_of(ticket).stages.dispatched + 2.9 * S

    on_bench(story, ramp_s=3.0, settle_ms=4_000)


def test_a_lamp_that_arrives_in_the_last_moment_of_its_settle_time_has_not_failed() -> None:
    async def story(bench: LinkBench) -> None:
        ticket = bench.set(80.0)
        await asyncio.sleep(3.0)
        assert how(ticket) == ("APPLIED", "ok"), outcome_of(ticket)

    on_bench(story, ramp_s=0.999, settle_ms=1_000)


def test_a_lamp_that_is_too_slow_for_its_settle_time_does_not_follow() -> None:
    async def story(bench: LinkBench) -> None:
        ticket = bench.set(80.0)
        await asyncio.sleep(3.0)
        assert how(ticket) == ("FAILED", "not_following")
        assert 0.0 < (outcome_of(ticket).value or 0.0) < 80.0

    on_bench(story, ramp_s=2.0, settle_ms=1_000)


@pytest.mark.parametrize("settle_ms", [0, 1, 15])
def test_a_settle_time_shorter_than_a_look_still_has_its_look(settle_ms: int) -> None:
    async def story(bench: LinkBench) -> None:
        good = bench.set(80.0)
        await asyncio.sleep(0.5)
        assert how(good) == ("APPLIED", "ok")
        bench.driver.then("write", "lie")
        bad = bench.set(30.0)
        await asyncio.sleep(0.5)
        assert how(bad) == ("FAILED", "not_following")

    on_bench(story, settle_ms=settle_ms)


def test_a_settle_time_beyond_the_deadline_is_cut_and_then_nobody_knows() -> None:
    async def story(bench: LinkBench) -> None:
        ticket = bench.set(80.0, within_s=1.0)
        await asyncio.sleep(20.0)
        assert how(ticket) == ("INDETERMINATE", "no_readback")
        assert outcome_of(ticket).stages.finished == ticket.deadline_ns + 4.5 * S

    on_bench(story, ramp_s=30.0, settle_ms=60_000)


def test_what_was_read_before_the_write_proves_nothing() -> None:
    async def story(bench: LinkBench) -> None:
        bench.field.write("lamp-1/level", 80.0)
        await asyncio.sleep(1.5)
        assert bench.actors["lamp-1"].value("level") == 80.0
        bench.driver.always["read"] = Do("bad_unit")
        ticket = bench.set(80.0)
        await asyncio.sleep(5.0)
        assert how(ticket) == ("INDETERMINATE", "no_readback")

    on_bench(story)


def test_a_wall_clock_that_is_set_back_or_forth_changes_no_verdict() -> None:
    async def story(bench: LinkBench) -> None:
        for jump, value in ((-3_600.0, 20.0), (7_200.0, 40.0), (-90_000.0, 60.0)):
            ticket = bench.set(value)
            await asyncio.sleep(0.01)
            bench.clock.set_wall_by(jump)
            await asyncio.sleep(2.0)
            assert how(ticket) == ("APPLIED", "ok")
        bench.driver.then("write", "lie")
        bench.clock.set_wall_by(-50.0)
        ticket = bench.set(10.0)
        await asyncio.sleep(3.0)
        assert how(ticket) == ("FAILED", "not_following")

    on_bench(story)


@pytest.mark.parametrize(("comes_back", "end"), [(True, "APPLIED"), (False, "INDETERMINATE")])
def test_a_link_lost_between_acknowledgement_and_read_back(comes_back: bool, end: str) -> None:
    async def story(bench: LinkBench) -> None:
        if not comes_back:
            bench.driver.always["open"] = Do("link")
        bench.driver.then("read", "link")
        ticket = bench.set(80.0)
        await asyncio.sleep(5.0)
        assert how(ticket)[0] == end
        assert bench.sent() == [80.0]
        assert outcome_of(ticket).stages.acknowledged > 0
        assert outcome_of(ticket).stages.finished <= ticket.deadline_ns

    on_bench(story)


def test_writes_for_many_devices_go_in_one_call_of_the_driver() -> None:
    async def story(bench: LinkBench) -> None:
        tickets = [bench.set(float(lamp), lamp) for lamp in range(1, 51)]
        await asyncio.sleep(2.0)
        assert {how(t) for t in tickets} == {("APPLIED", "ok")}
        assert bench.driver.batches == [50]
        assert [outcome_of(t).value for t in tickets] == [float(n) for n in range(1, 51)]

    on_bench(story, lamps=50)


def test_one_write_is_under_way_a_device_and_the_second_waits_for_its_proof() -> None:
    async def story(bench: LinkBench) -> None:
        first, second = bench.set(80.0), bench.set(20.0)
        await asyncio.sleep(0.9)
        assert bench.sent() == [80.0]
        await asyncio.sleep(3.0)
        assert bench.sent() == [80.0, 20.0]
        assert how(first) == how(second) == ("APPLIED", "ok")
        assert bench.level() == 20.0

    on_bench(story, ramp_s=1.0, settle_ms=2_000)
