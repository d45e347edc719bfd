"""A passage: lowered, a vehicle drives through, raised again; or left lowered, and told so."""

from __future__ import annotations

import asyncio
from typing import Any

from bench_host import how, outcome_of
from bollard_bench import BollardBench, always
from test_bollard import on_bench

from jacquemart.actors.access.bollard_points import FAULT, LOCAL, LOOP

OPTIONS = {"pass_wait_s": 10.0, "hold_off_s": 3.0, "loop_stuck_s": 60.0}


def test_a_vehicle_passes_and_it_rises_when_the_loop_was_clear_for_the_hold_off() -> None:
    async def story(bench: BollardBench) -> None:
        ticket = bench.tell("pass", within_s=60.0)
        await asyncio.sleep(6.0)
        assert bench.position() == "lowered"
        bench.plc.inputs[LOOP] = 1.0
        await asyncio.sleep(20.0)
        assert bench.pulses() == ["lower"], "it waits as long as somebody is there"
        bench.plc.inputs[LOOP] = 0.0
        await asyncio.sleep(2.5)
        assert bench.pulses() == ["lower"], "and for the hold-off"
        await asyncio.sleep(7.0)
        assert bench.pulses() == ["lower", "raise"]
        assert how(ticket) == ("APPLIED", "ok")
        stages = outcome_of(ticket).stages
        assert stages.received < stages.dispatched <= stages.acknowledged < stages.finished
        event = next(event for event in bench.host.events if event[1] == "bollard_passed")
        assert event[3] == {"vehicle": True}

    on_bench(story, up=True, **OPTIONS)


def test_when_nobody_comes_it_rises_again_after_a_while() -> None:
    async def story(bench: BollardBench) -> None:
        ticket = bench.tell("pass", within_s=60.0)
        await asyncio.sleep(13.5)
        assert bench.pulses() == ["lower"]
        await asyncio.sleep(6.0)
        assert bench.pulses() == ["lower", "raise"]
        assert how(ticket) == ("APPLIED", "ok")

    on_bench(story, up=True, **OPTIONS)


def test_a_second_vehicle_right_behind_the_first_is_waited_for_too() -> None:
    async def story(bench: BollardBench) -> None:
        bench.tell("pass", within_s=60.0)
        await asyncio.sleep(6.0)
        for occupied in (1.0, 0.0, 1.0, 0.0):
            bench.plc.inputs[LOOP] = occupied
            await asyncio.sleep(2.5)
        assert bench.pulses() == ["lower"]
        await asyncio.sleep(3.0)
        assert bench.pulses() == ["lower", "raise"]

    on_bench(story, up=True, **OPTIONS)


def test_a_vehicle_that_comes_in_the_last_moment_keeps_it_down_and_it_tries_again() -> None:
    async def story(bench: BollardBench) -> None:
        plain, came = bench.driver.read, []

        async def read(plan: Any) -> Any:
            if bench.bollard._rules._wanted and not came:
                bench.plc.inputs[LOOP] = 1.0  # right when it would rise
                came.append(True)
            return await plain(plan)

        bench.driver.read = read  # type: ignore[method-assign]
        ticket = bench.tell("pass", within_s=60.0)
        await asyncio.sleep(6.0)
        bench.plc.inputs[LOOP] = 1.0
        await asyncio.sleep(1.5)
        bench.plc.inputs[LOOP] = 0.0
        await asyncio.sleep(8.0)
        assert came
        assert bench.pulses() == ["lower"]
        bench.plc.inputs[LOOP] = 0.0
        await asyncio.sleep(10.0)
        assert bench.pulses() == ["lower", "raise"]
        assert how(ticket) == ("APPLIED", "ok")

    on_bench(story, up=True, **OPTIONS)


def test_without_time_left_it_stays_down_and_says_so() -> None:
    async def story(bench: BollardBench) -> None:
        ticket = bench.tell("pass", within_s=15.0)
        await asyncio.sleep(6.0)
        bench.plc.inputs[LOOP] = 1.0
        await asyncio.sleep(12.0)
        assert how(ticket) == ("FAILED", "deadline")
        assert "left lowered" in outcome_of(ticket).detail
        assert outcome_of(ticket).stages.finished <= ticket.deadline_ns
        assert "bollard_left_lowered" in bench.events()
        bench.plc.inputs[LOOP] = 0.0
        await asyncio.sleep(20.0)
        assert bench.pulses() == ["lower"]

    on_bench(story, up=True, **OPTIONS)


def test_a_passage_of_what_is_down_already_sends_no_pulse_until_it_rises() -> None:
    async def story(bench: BollardBench) -> None:
        late = bench.tell("pass", within_s=8.0)
        await asyncio.sleep(8.0)
        assert how(late) == ("EXPIRED", "deadline")
        assert bench.pulses() == []
        ticket = bench.tell("pass", within_s=60.0)
        await asyncio.sleep(16.0)
        assert how(ticket) == ("APPLIED", "ok")
        assert bench.pulses() == ["raise"]

    on_bench(story, **OPTIONS)


def test_lowering_ends_a_passage_at_any_time_and_it_stays_down() -> None:
    async def story(bench: BollardBench) -> None:
        ticket = bench.tell("pass", within_s=60.0)
        await asyncio.sleep(7.0)
        down = bench.tell("lower")
        assert how(ticket)[0] == "SUPERSEDED"
        assert how(down) == ("APPLIED", "ok")
        await asyncio.sleep(60.0)
        assert bench.pulses() == ["lower"]
        rising = bench.tell("pass", within_s=60.0)
        await asyncio.sleep(11.0)
        assert bench.pulses() == ["lower", "raise"]
        bench.tell("lower")
        assert how(rising)[0] == "SUPERSEDED"
        await asyncio.sleep(6.0)
        assert bench.pulses() == ["lower", "raise", "lower"]

    on_bench(story, up=True, **OPTIONS)


def test_a_passage_in_local_mode_is_refused_and_one_with_a_fault_leaves_it_down() -> None:
    async def story(bench: BollardBench) -> None:
        bench.plc.inputs[LOCAL] = 1.0
        await asyncio.sleep(1.5)
        refused = bench.tell("pass", within_s=60.0)
        assert bench.pulses() == []
        await asyncio.sleep(0.1)
        assert how(refused) == ("REJECTED", "rule")
        bench.plc.inputs[LOCAL] = 0.0
        await asyncio.sleep(1.5)
        ticket = bench.tell("pass", within_s=30.0)
        await asyncio.sleep(6.0)
        bench.plc.inputs[FAULT] = 1.0
        await asyncio.sleep(30.0)
        assert how(ticket) == ("FAILED", "deadline")
        assert "it reports a fault" in outcome_of(ticket).detail
        assert bench.pulses() == ["lower"]

    on_bench(story, up=True, **OPTIONS)


def test_a_passage_whose_link_is_lost_leaves_it_down_or_goes_on_when_it_is_back() -> None:
    async def story(bench: BollardBench) -> None:
        ticket = bench.tell("pass", within_s=60.0)
        await asyncio.sleep(6.0)
        always(bench.driver, "read", "link")
        always(bench.driver, "open", "link")
        await asyncio.sleep(14.0)
        assert bench.pulses() == ["lower"]
        always(bench.driver, "read", "ok")
        always(bench.driver, "open", "ok")
        await asyncio.sleep(30.0)
        assert bench.pulses() == ["lower", "raise"]
        assert how(ticket) == ("APPLIED", "ok")

    on_bench(story, up=True, **OPTIONS)


def test_a_cell_that_stops_ends_a_passage_as_unknown() -> None:
    async def story(bench: BollardBench) -> None:
        ticket = bench.tell("pass", within_s=60.0)
        await asyncio.sleep(6.0)
        await bench.stop()
        assert how(ticket) == ("INDETERMINATE", "stopping")

    on_bench(story, up=True, **OPTIONS)
