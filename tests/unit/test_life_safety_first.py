"""Life safety waits for no weaker command of the same device."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from bench_host import how
from claim_bench import POINTS, Bench, on_bench
from link_bench import SETPOINT

from jacquemart.runtime.actor.precedence import MOST_BESIDE

SLOW = {"settle_ms": 60_000, "ramp_s": 50.0}


def test_a_set_of_life_safety_waits_for_no_weaker_one_that_is_not_proven_yet() -> None:
    async def story(bench: Bench) -> None:
        first = bench.set_as("ann", 50.0)
        await asyncio.sleep(0.5)
        waits = bench.set_as("ann", 60.0)
        safe = bench.set_as("fire", 100.0, priority=1)
        await asyncio.sleep(0.5)
        assert bench.sent() == [50.0, 100.0]
        assert how(first) == ("INDETERMINATE", "no_readback")
        assert how(waits) == ("SUPERSEDED", "newer")
        await asyncio.sleep(60.0)
        assert safe.outcome is not None
        assert bench.sent() == [50.0, 100.0]
        last = bench.set_as("ann", 70.0)
        await asyncio.sleep(0.5)
        assert last.dispatched_ns > 0, "the device takes commands as before"
        await asyncio.sleep(60.0)

    on_bench(story, **SLOW)


def test_two_sets_of_life_safety_keep_their_order() -> None:
    async def story(bench: Bench) -> None:
        bench.set_as("ann", 50.0)
        await asyncio.sleep(0.5)
        one = bench.set_as("fire", 100.0, priority=1)
        two = bench.set_as("fire", 90.0, priority=1)
        await asyncio.sleep(20.0)
        assert bench.sent() == [50.0, 100.0, 90.0]
        assert how(one) == how(two) == ("APPLIED", "ok")

    on_bench(story, settle_ms=5_000, ramp_s=1.0)


def test_a_set_of_life_safety_waits_for_no_handler_that_hangs() -> None:
    async def story(bench: Bench) -> None:
        steps = bench.ends.ticket(None, verb="two_steps", point="")
        bench.lamp.post(steps)
        await asyncio.sleep(0.2)
        safe = bench.set_as("fire", 100.0, priority=1)
        await asyncio.sleep(0.3)
        assert how(safe) == ("APPLIED", "ok")
        await asyncio.sleep(5.0)
        assert steps.outcome is not None

    on_bench(story)


def test_a_write_that_waits_for_its_link_does_not_undo_life_safety() -> None:
    async def story(bench: Bench) -> None:
        got = []
        bench.lamp.act("setpoint", 10.0, then=got.append)
        safe = bench.set_as("fire", 100.0, priority=1)
        await asyncio.sleep(3.0)
        assert bench.sent() == [100.0]
        assert how(safe) == ("APPLIED", "ok")
        assert [outcome.reason for outcome in got] == ["newer"]

    on_bench(story, points=(replace(SETPOINT), *POINTS[1:]))


def test_a_hold_that_is_refused_takes_nothing_away_that_its_owner_has_set_there() -> None:
    async def story(bench: Bench) -> None:
        bench.hold(40.0)
        await asyncio.sleep(2.0)
        bench.set_as("fire", 100.0, priority=1)
        await asyncio.sleep(2.0)
        bench.lamp.stops = 90.0
        refused = bench.hold(90.0, "fire", priority=1)
        await asyncio.sleep(5.0)
        assert how(refused) == ("REJECTED", "interlock")
        assert bench.sent() == [40.0, 100.0]
        bench.hold(95.0, "fire", priority=1)
        await asyncio.sleep(2.0)
        bench.release("fire", priority=1)
        await asyncio.sleep(2.0)
        assert bench.sent() == [40.0, 100.0, 95.0, 40.0]

    on_bench(story)


def test_a_command_of_life_safety_breaks_off_the_handler_in_hand() -> None:
    async def story(bench: Bench) -> None:
        hangs = bench.do("wait", within_s=600.0)
        waits = bench.do("dim", within_s=600.0)
        await asyncio.sleep(0.5)
        safe = bench.do("dark", priority=1)
        await asyncio.sleep(1.0)
        assert how(hangs) == ("INDETERMINATE", "newer"), "it may have acted"
        assert "left" in bench.events(), "its finally has run"
        assert bench.sent()[0] == 0.0
        await asyncio.sleep(5.0)
        assert how(safe) == ("APPLIED", "ok")
        assert how(waits) == ("APPLIED", "ok")
        assert bench.sent() == [0.0, 30.0], "what waited waits for life safety, too"

    on_bench(story)


def test_a_handler_that_was_just_begun_is_broken_off_as_well() -> None:
    async def story(bench: Bench) -> None:
        hangs, safe = bench.do("wait", within_s=600.0), bench.do("dark", priority=2)
        await asyncio.sleep(2.0)
        assert how(hangs) == ("INDETERMINATE", "newer")
        assert how(safe) == ("APPLIED", "ok")

    on_bench(story)


def test_a_handler_that_does_not_let_itself_be_broken_off_is_waited_for() -> None:
    """Two handlers of one device at a time could make anything of its fields."""

    async def story(bench: Bench) -> None:
        stubborn = bench.do("stubborn", within_s=600.0)
        await asyncio.sleep(0.5)
        safe = bench.do("dark", priority=1)
        await asyncio.sleep(4.0)
        assert bench.sent() == []
        assert how(stubborn) == ("INDETERMINATE", "newer")
        await asyncio.sleep(4.0)
        assert how(safe) == ("APPLIED", "ok")
        assert how(bench.do("blink")) == ("APPLIED", "ok")

    on_bench(story)


@pytest.mark.parametrize("verb", ["dim", "set", "hold"])
def test_a_command_of_life_safety_waits_for_no_proof_and_what_waits_waits_for_both(
    verb: str,
) -> None:
    async def story(bench: Bench) -> None:
        if verb == "dim":
            first = bench.do("dim", within_s=300.0)
        elif verb == "set":
            first = bench.set_as("ann", 30.0, within_s=300.0)
        else:
            first = bench.hold(30.0, within_s=300.0)
        await asyncio.sleep(0.5)
        waits = bench.set_as("bob", 70.0, within_s=300.0, priority=3)
        inline = bench.do("blink", priority=1)
        assert how(inline) == ("APPLIED", "ok")
        assert first.outcome is None
        safe = bench.do("dark", priority=1, within_s=300.0)
        await asyncio.sleep(1.0)
        assert bench.sent()[:2] == [30.0, 0.0], "life safety has been written"
        await asyncio.sleep(200.0)
        assert first.outcome is not None
        assert safe.outcome is not None
        assert waits.outcome is not None
        done = waits.dispatched_ns or waits.outcome.stages.finished
        assert done >= safe.outcome.stages.finished
        if verb == "hold":  # its lamp is dark by life safety
            assert how(waits) == ("REJECTED", "held")
        else:
            assert done >= first.outcome.stages.finished
        assert how(bench.do("blink")) == ("APPLIED", "ok"), "the device takes commands as before"

    on_bench(story, **SLOW)


def test_a_late_command_of_life_safety_leaves_what_is_in_hand_alone() -> None:
    async def story(bench: Bench) -> None:
        first = bench.do("dim")
        late = bench.do("dark", priority=1, within_s=-1.0)
        assert how(late)[0] == "EXPIRED"
        await asyncio.sleep(3.0)
        assert how(first) == ("APPLIED", "ok")
        assert bench.sent() == [30.0]

    on_bench(story)


def test_a_late_command_of_life_safety_breaks_no_handler_off() -> None:
    async def story(bench: Bench) -> None:
        hangs = bench.do("wait", within_s=600.0)
        await asyncio.sleep(0.5)
        late = bench.do("dark", priority=1, within_s=-1.0)
        assert how(late)[0] == "EXPIRED"
        await asyncio.sleep(1.0)
        assert hangs.outcome is None

    on_bench(story)


def test_sets_of_life_safety_pass_by_in_bounded_number_and_the_last_one_wins() -> None:
    async def story(bench: Bench) -> None:
        bench.set_as("ann", 50.0, within_s=300.0)
        await asyncio.sleep(0.5)
        safe = [
            bench.set_as("fire", float(n % 97), priority=1, within_s=300.0)
            for n in range(20 * MOST_BESIDE)
        ]
        assert bench.lamp._beside is not None
        assert len(bench.lamp._beside) <= MOST_BESIDE
        await asyncio.sleep(200.0)
        assert how(safe[-1]) == ("APPLIED", "ok")
        assert bench.sent()[-1] == safe[-1].value

    on_bench(story, settle_ms=1_000, ramp_s=0.5)
