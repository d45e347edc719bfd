"""Up, down, and up again: events once, qualities true, whatever a driver raises."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest
from bench_host import S, how
from link_bench import LEVEL, SETPOINT, LinkBench
from scripted_driver import Do

from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.virtual_time import VirtualClock, run


def test_a_link_that_cannot_be_opened_is_told_once_and_tried_with_growing_pauses() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock) as bench:
            bench.driver.always["open"] = Do("link")
            await asyncio.sleep(300.0)
            assert bench.host.links == [("street", False, "open refused")]
            times = [at for at, call in bench.driver.calls if call == "open"]
            pauses = [(b - a) / S for a, b in itertools.pairwise(times)]
            assert all(0.1 <= pause <= 0.2 for pause in pauses[:1])
            assert all(a <= 4.01 * b for a, b in zip(pauses[1:], pauses, strict=False))
            assert all(15.0 <= pause <= 30.0 for pause in pauses[9:])
            assert len(times) < 30
            assert bench.quality() == Quality.BAD_COMM
            bench.driver.always["open"] = Do()
            await asyncio.sleep(31.0)
            assert bench.host.links[1:] == [("street", True, "")]
            assert bench.quality() == Quality.GOOD

    run(story)


def test_each_change_of_a_link_is_one_event() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock, lamps=20) as bench:
            await asyncio.sleep(1.1)
            bench.driver.then("read", "link")
            bench.driver.then("open", "link", "link", "link")
            await asyncio.sleep(30.0)
            assert [up for _, up, _ in bench.host.links] == [True, False, True]
            assert bench.host.events == [], "and none for each device"
            assert bench.host.failures == []

    run(story)


def test_a_link_that_opens_and_dies_at_its_first_read_is_not_tried_five_times_a_second() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock) as bench:
            bench.driver.always["read"] = Do("link")
            await asyncio.sleep(300.0)
            assert len(bench.calls("open")) < 30
            bench.driver.always["read"] = Do()
            await asyncio.sleep(31.0)
            assert bench.quality() == Quality.GOOD
            opened = len(bench.calls("open"))
            bench.driver.then("read", "link")
            await asyncio.sleep(1.5)
            assert len(bench.calls("open")) == opened + 1, "after a good read, at once again"

    run(story)


@pytest.mark.parametrize("call", ["open", "read", "close"])
@pytest.mark.parametrize(
    "does", ["link", "crash", "exit", "cancel", "timeout", "odd_text", "hang", "protocol"]
)
def test_whatever_a_driver_raises_costs_its_link_for_a_while_and_nothing_else(
    call: str, does: str
) -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock) as bench:
            if call == "close":
                bench.driver.then("read", "ok", "ok", "link")
                bench.driver.always["close"] = Do(does)
            else:
                bench.driver.then(call, does)
            await asyncio.sleep(40.0)
            assert bench.shell.up
            assert bench.quality() == Quality.GOOD
            ticket = bench.set(80.0)
            await asyncio.sleep(1.0)
            assert how(ticket) == ("APPLIED", "ok")
            for _, _, why in bench.host.links:
                why.encode()
        bench.ends.check()
        bugs = [type(error).__name__ for who, error in bench.host.failures if who is bench.shell]
        expected = {"crash": "ZeroDivisionError", "exit": "DriverCrash", "cancel": "DriverCrash",
                    "timeout": "TimeoutError"}  # fmt: skip
        wanted = [] if does not in expected or (call == "close" and does == "timeout") else [
            expected[does]
        ]  # fmt: skip
        assert bugs[:1] == wanted

    run(story)


@pytest.mark.parametrize("does", ["short", "long", "none", "text"])
def test_an_answer_that_is_no_list_of_numbers_costs_the_link_and_no_value(does: str) -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock) as bench:
            bench.field.write("lamp-1/level", 42.0)
            await asyncio.sleep(0.5)
            bench.driver.always["read"] = Do(does)
            await asyncio.sleep(1.0)
            assert bench.quality() == Quality.BAD_COMM
            assert bench.actors["lamp-1"].value("level") == 42.0
            assert len(bench.host.failures) >= 1
            bench.driver.always["read"] = Do()
            await asyncio.sleep(31.0)
            assert bench.quality() == Quality.GOOD

    run(story)


def test_three_broken_answers_in_a_row_open_the_link_anew_two_do_not() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock) as bench:
            await asyncio.sleep(0.1)
            bench.driver.then("read", "protocol", "protocol", "ok", "protocol", "protocol")
            await asyncio.sleep(6.5)
            assert len(bench.calls("open")) == 1
            bench.driver.then("read", "protocol", "protocol", "protocol")
            await asyncio.sleep(6.0)
            assert len(bench.calls("open")) == 2

    run(story)


@pytest.mark.parametrize(
    ("does", "quality"),
    [
        ("unit", Quality.BAD_UNIT),
        ("bad_unit", Quality.BAD_UNIT),
        ("protocol", Quality.BAD_VALUE),
        ("nan", Quality.BAD_VALUE),
        ("link", Quality.BAD_COMM),
    ],
)
def test_a_point_that_cannot_be_read_says_why_and_keeps_its_last_value(
    does: str, quality: Quality
) -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock) as bench:
            bench.field.write("lamp-1/level", 42.0)
            await asyncio.sleep(0.9)
            bench.driver.always["read"] = Do(does)
            bench.driver.always["open"] = Do("link")
            await asyncio.sleep(1.0)
            assert bench.quality() == quality
            assert bench.actors["lamp-1"].value("level") == 42.0
            assert bench.shell.up == (does != "link")

    run(story)


def test_a_hole_in_an_answer_is_marked_and_the_rest_is_taken() -> None:
    async def story(clock: VirtualClock) -> None:
        polled = (replace(SETPOINT, poll_ms=1_000), LEVEL)
        async with LinkBench(clock, points=polled) as bench:
            bench.field.write("lamp-1/setpoint", 42.0)
            bench.driver.always["read"] = Do("half")
            await asyncio.sleep(0.5)
            assert bench.quality("level") == Quality.GOOD
            assert bench.quality("setpoint") == Quality.BAD_CONFIG

    run(story)


def test_a_dead_feeder_is_one_fact_and_its_lamps_are_not_to_blame() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock, lamps=2, fed_by="cab-1") as bench:
            await asyncio.sleep(0.5)
            bench.shell.feed("cab-1", alive=False)
            assert bench.quality() == Quality.BAD_FED_BY
            assert how(bench.set(80.0)) == ("REJECTED", "unreachable_by")
            assert bench.quality("level", "cab-1") == Quality.GOOD
            bench.driver.always["read"] = Do("bad_unit")
            await asyncio.sleep(1.0)
            assert bench.quality() == Quality.BAD_FED_BY
            assert bench.quality("level", "cab-1") == Quality.BAD_UNIT
            bench.driver.always["read"] = Do()
            bench.shell.feed("cab-1", alive=True)
            await asyncio.sleep(0.1)
            assert bench.quality() == Quality.GOOD

    run(story)


def test_a_lost_link_makes_what_is_fed_unreachable_by_its_feeder() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock, fed_by="cab-1") as bench:
            await asyncio.sleep(0.5)
            bench.driver.then("read", "link")
            bench.driver.always["open"] = Do("link")
            await asyncio.sleep(1.0)
            assert bench.quality("level", "cab-1") == Quality.BAD_COMM
            assert bench.quality("level", "lamp-1") == Quality.BAD_FED_BY

    run(story)


def test_a_point_that_is_never_polled_can_be_commanded_again_after_its_link_was_away() -> None:
    async def story(clock: VirtualClock) -> None:
        for fed_by in ("", "cab-1"):
            alone = (replace(SETPOINT, feedback=""), LEVEL)
            async with LinkBench(clock, points=alone, fed_by=fed_by) as bench:
                await asyncio.sleep(0.5)
                bench.driver.then("read", "link")
                await asyncio.sleep(3.0)
                assert bench.shell.up
                assert bench.quality("setpoint") not in (Quality.BAD_COMM, Quality.BAD_FED_BY)
                ticket = bench.set(80.0)
                await asyncio.sleep(1.0)
                assert how(ticket) == ("APPLIED", "ok")
                bench.shell.feed("cab-1", alive=False)
                bench.shell.feed("cab-1", alive=True)
                again = bench.set(30.0)
                await asyncio.sleep(1.0)
                assert how(again) == ("APPLIED", "ok")

    run(story)


def test_a_link_that_is_stopped_ends_every_write_wherever_it_is() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock, lamps=4) as bench:
            await asyncio.sleep(0.5)
            bench.driver.then("write", "lie")
            unproven = bench.set(80.0, 1)
            await asyncio.sleep(0.1)
            bench.driver.then("write", "sent_hang")
            in_hand = bench.set(80.0, 2)
            await asyncio.sleep(0.1)
            waiting, queued = bench.set(80.0, 3), bench.set(20.0, 3)
        assert how(unproven) == ("INDETERMINATE", "stopping")
        assert how(in_hand) == ("INDETERMINATE", "stopping")
        assert how(waiting)[0] == how(queued)[0] == "REJECTED"
        assert bench.sent(3) == []
        assert bench.calls("close")[-1:] == ["close"]
        bench.ends.check()

    run(story)
