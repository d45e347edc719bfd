"""A bollard on its link: what it does, what it says, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from bench_host import how, outcome_of
from bollard_bench import BollardBench, Judge, Plc, always
from scripted_driver import Do

from jacquemart.actors.access import Bollard
from jacquemart.actors.access.bollard_points import DOWN, FAULT, LOCAL, LOOP, LOWER, RAISE, UP
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

Story = Callable[[BollardBench], Coroutine[Any, Any, None]]


def on_bench(story: Story, *, settle_s: float = 9.0, **options: Any) -> None:
    async def whole(clock: VirtualClock) -> None:
        async with BollardBench(clock, **options) as bench:
            await asyncio.sleep(settle_s)
            await story(bench)
        bench.ends.check()
        assert bench.driver.overlaps == 0
        assert bench.host.failures == []

    run(whole)


def test_it_rises_and_shows_moving_until_its_limit_switch_says_that_it_is_up() -> None:
    async def story(bench: BollardBench) -> None:
        assert bench.position() == "lowered"
        ticket = bench.tell("raise")
        await asyncio.sleep(0.5)
        assert bench.position() == "moving"
        await asyncio.sleep(3.0)
        assert bench.position() == "moving"
        assert ticket.outcome is None
        await asyncio.sleep(1.0)
        assert bench.position() == "raised"
        assert how(ticket) == ("APPLIED", "ok")
        assert bench.pulses() == ["raise"]
        assert bench.events() == ["bollard_raised"]

    on_bench(story)


def test_raising_what_is_up_and_lowering_what_is_down_is_applied_without_a_pulse() -> None:
    async def up(bench: BollardBench) -> None:
        tickets = [bench.tell("raise"), bench.tell("set", point=RAISE)]
        assert [how(ticket) for ticket in tickets] == [("APPLIED", "ok")] * 2
        assert bench.pulses() == []

    async def down(bench: BollardBench) -> None:
        tickets = [bench.tell("lower"), bench.tell("set", point=LOWER)]
        assert [how(ticket) for ticket in tickets] == [("APPLIED", "ok")] * 2
        assert bench.pulses() == []

    on_bench(up, up=True)
    on_bench(down)


@pytest.mark.parametrize("route", ["raise", "set"])
@pytest.mark.parametrize(
    ("point", "words"),
    [(LOOP, "the loop is occupied"), (FAULT, "it reports a fault"), (LOCAL, "it is in local mode")],
)
def test_what_became_true_after_the_last_poll_refuses_it_right_before_the_pulse(
    route: str, point: str, words: str
) -> None:
    async def story(bench: BollardBench) -> None:
        bench.plc.inputs[point] = 1.0
        ticket = bench.tell(route, point=RAISE if route == "set" else "")
        await asyncio.sleep(0.1)
        assert how(ticket) == ("REJECTED", "interlock")
        assert words in outcome_of(ticket).detail
        assert outcome_of(ticket).stages.dispatched == 0
        await asyncio.sleep(1.5)
        again = bench.tell(route, point=RAISE if route == "set" else "")
        assert how(again) == ("REJECTED", "rule")
        bench.plc.inputs[point] = 0.0
        await asyncio.sleep(1.5)
        assert bench.pulses() == []
        third = bench.tell("raise")
        await asyncio.sleep(5.0)
        assert how(third) == ("APPLIED", "ok")

    on_bench(story)


@pytest.mark.parametrize("point", [LOOP, UP, DOWN, FAULT, LOCAL])
@pytest.mark.parametrize("shows", [2.0, -1.0, 0.5, float("nan")])
def test_an_input_that_is_neither_0_nor_1_is_not_known_and_nothing_rises(
    point: str, shows: float
) -> None:
    async def story(bench: BollardBench) -> None:
        bench.plc.odd[point] = shows
        early = bench.tell("raise")
        await asyncio.sleep(2.0)
        late = bench.tell("raise")
        await asyncio.sleep(1.0)
        assert {how(early)[0], how(late)[0]} == {"REJECTED"}
        assert bench.pulses() == []

    on_bench(story)


def test_both_limit_switches_at_once_are_a_fault_and_nothing_rises() -> None:
    async def story(bench: BollardBench) -> None:
        bench.plc.odd[UP] = 1.0
        await asyncio.sleep(1.5)
        assert bench.position() == "fault"
        assert bench.events() == ["bollard_fault"]
        ticket = bench.tell("raise")
        await asyncio.sleep(1.0)
        assert how(ticket) == ("REJECTED", "rule")
        del bench.plc.odd[UP]
        await asyncio.sleep(1.5)
        assert bench.events() == ["bollard_fault", "bollard_fault_cleared"]

    on_bench(story)


def test_it_lowers_also_while_loop_limits_and_fault_say_nothing_but_not_in_local_mode() -> None:
    async def story(bench: BollardBench) -> None:
        bench.plc.inputs[LOOP] = 1.0
        bench.plc.inputs[FAULT] = 1.0
        await asyncio.sleep(1.5)
        ticket = bench.tell("lower")
        await asyncio.sleep(5.0)
        assert bench.pulses() == ["lower"]
        assert how(ticket) == ("APPLIED", "ok")
        bench.plc.stand(up=True)
        bench.plc.inputs[LOCAL] = 1.0
        await asyncio.sleep(1.5)
        refused = bench.tell("lower")
        assert how(refused) == ("REJECTED", "rule")
        assert bench.pulses() == ["lower"]

    on_bench(story, up=True)


def test_lowering_does_not_wait_for_the_raising_before_and_takes_its_place() -> None:
    async def story(bench: BollardBench) -> None:
        up, waiting = bench.tell("raise"), bench.tell("raise")
        await asyncio.sleep(1.0)
        down = bench.tell("lower")
        assert how(up)[0] == how(waiting)[0] == "SUPERSEDED"
        assert outcome_of(up).stages.dispatched > 0, "it was sent"
        assert outcome_of(waiting).stages.dispatched == 0
        await asyncio.sleep(0.1)
        assert bench.pulses() == ["raise", "lower"]
        await asyncio.sleep(5.0)
        assert how(down) == ("APPLIED", "ok")
        again = bench.tell("raise")
        await asyncio.sleep(9.0)
        assert how(again) == ("APPLIED", "ok")

    on_bench(story)


class SlowDrive(Plc):
    """Leaves its limit switch a while after it was told to; it may take no order meanwhile."""

    deaf = False

    def write(self, point: str, value: float, after_s: float = 0.0) -> None:
        if not (self._moves and self.deaf):
            super().write(point, value, after_s + 0.6)


@pytest.mark.parametrize(("deaf", "ends"), [(True, "FAILED"), (False, "APPLIED")])
def test_lowered_is_not_believed_while_the_pulse_before_may_still_raise_it(
    deaf: bool, ends: str
) -> None:
    async def story(bench: BollardBench) -> None:
        plc = bench.plc = bench.driver.field = SlowDrive(bench.clock)
        plc.deaf = deaf
        await asyncio.sleep(9.0)
        bench.tell("raise")
        await asyncio.sleep(0.2)
        lowered = bench.tell("lower") if deaf else bench.tell("set", point=LOWER)
        await asyncio.sleep(0.3)
        assert bench.plc.truth(DOWN) == 1.0, "it has not begun to move"
        assert (bench.position(), lowered.outcome) == ("moving", None)
        await asyncio.sleep(9.0)
        assert how(lowered)[0] == ends
        assert bench.pulses() == ["raise", "lower"]
        assert bench.position() == ("raised" if deaf else "lowered")

    on_bench(story)


def test_a_raising_that_was_given_up_before_it_was_sent_is_never_sent() -> None:
    async def story(bench: BollardBench) -> None:
        bench.driver.then("read", Do("ok", 0.5))
        up = bench.tell("raise")
        await asyncio.sleep(0.2)
        down = bench.tell("lower")
        assert how(up)[0] == "SUPERSEDED"
        assert how(down) == ("APPLIED", "ok"), "it is down already"
        await asyncio.sleep(10.0)
        assert bench.pulses() == []

    on_bench(story)


def test_a_pulse_whose_answer_was_lost_is_not_sent_again_and_nothing_rises_until_it_is_known() -> (
    None
):
    async def story(bench: BollardBench) -> None:
        bench.driver.then("write", "unknown_lost")
        first = bench.tell("raise", within_s=1.0)
        await asyncio.sleep(0.5)
        second = bench.tell("raise", within_s=3.0)
        await asyncio.sleep(6.0)
        assert how(first) == ("INDETERMINATE", "no_answer")
        assert how(second)[0] in ("EXPIRED", "REJECTED")
        assert bench.pulses() == ["raise"]
        await asyncio.sleep(3.0)
        assert "bollard_does_not_move" in bench.events()
        third = bench.tell("raise")
        await asyncio.sleep(5.0)
        assert how(third) == ("APPLIED", "ok")
        assert bench.pulses() == ["raise", "raise"], "one for each command"

    on_bench(story)


def test_a_plc_that_is_busy_gets_the_pulse_once() -> None:
    async def story(bench: BollardBench) -> None:
        bench.driver.then("write", "busy")
        ticket = bench.tell("raise")
        await asyncio.sleep(5.0)
        assert how(ticket) == ("FAILED", "busy")
        assert bench.pulses() == ["raise"]

    on_bench(story)


def test_a_drive_that_stops_half_way_is_unknown_after_its_time_and_only_lowers() -> None:
    async def story(bench: BollardBench) -> None:
        bench.plc.odd.update({UP: 0.0, DOWN: 0.0})
        await asyncio.sleep(2.0)
        assert bench.position() == "moving"
        await asyncio.sleep(8.0)
        assert bench.position() == "unknown"
        assert bench.events() == ["bollard_position_unknown"]
        assert how(bench.tell("raise")) == ("REJECTED", "rule")
        bench.tell("lower")
        await asyncio.sleep(0.1)
        assert bench.pulses() == ["lower"]
        await asyncio.sleep(12.0)

    on_bench(story)


def test_right_after_a_start_nothing_rises_since_somebody_may_have_sent_a_pulse() -> None:
    async def story(bench: BollardBench) -> None:
        early = bench.tell("raise")
        assert how(early) == ("REJECTED", "rule")
        await asyncio.sleep(8.0)
        late = bench.tell("raise")
        await asyncio.sleep(5.0)
        assert how(late) == ("APPLIED", "ok")

    on_bench(story, settle_s=2.0)


def test_a_link_that_is_lost_makes_the_position_unknown_and_tells_nothing_of_the_bollard() -> None:
    async def story(bench: BollardBench) -> None:
        always(bench.driver, "read", "link")
        always(bench.driver, "open", "link")
        await asyncio.sleep(3.0)
        assert bench.position() == "unknown"
        assert how(bench.tell("raise")) == ("REJECTED", "unreachable")
        always(bench.driver, "read", "ok")
        always(bench.driver, "open", "ok")
        await asyncio.sleep(40.0)
        assert bench.position() == "lowered"
        assert bench.events() == []

    on_bench(story)


def test_inputs_that_nobody_reads_any_more_become_stale_and_show_it() -> None:
    async def story(bench: BollardBench) -> None:
        always(bench.driver, "read", "hang")
        for _ in range(12):
            await asyncio.sleep(1.0)
            bench.shard.table.sweep(bench.clock.wall_ns())
        await asyncio.sleep(1.5)
        assert bench.position() == "unknown"
        assert how(bench.tell("raise", within_s=0.5))[0] == "REJECTED"

    on_bench(story)


def test_a_loop_that_stays_occupied_is_told_once_and_keeps_it_down() -> None:
    async def story(bench: BollardBench) -> None:
        bench.plc.inputs[LOOP] = 1.0
        await asyncio.sleep(25.0)
        assert bench.events() == ["loop_stuck"]
        assert bench.bollard.value("loop_stuck") == 1.0
        ticket = bench.tell("pass", within_s=60.0)
        await asyncio.sleep(1.0)
        assert how(ticket) == ("REJECTED", "rule")
        bench.plc.inputs[LOOP] = 0.0
        await asyncio.sleep(2.0)
        assert "loop_stuck_cleared" in bench.events()
        assert bench.pulses() == []

    on_bench(story, loop_stuck_s=20.0)


@pytest.mark.parametrize(
    ("point", "value"),
    [(RAISE, 0.0), (RAISE, 2.0), (LOWER, 0.0), (LOOP, 0.0), ("position", 1.0), ("no", 1.0)],
)
def test_nothing_but_a_pulse_can_be_set(point: str, value: float) -> None:
    async def story(bench: BollardBench) -> None:
        ticket = bench.tell("set", point=point, value=value)
        await asyncio.sleep(1.0)
        assert how(ticket)[0] == "REJECTED"
        assert bench.driver.calls[-1][1] == "read"
        assert bench.pulses() == []

    on_bench(story)


def test_the_judge_of_the_drawn_stories_sees_a_missing_look_and_a_missing_interlock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def late_read(clock: VirtualClock) -> None:
        bench = BollardBench(clock)
        judge = Judge(bench)
        async with bench:
            await asyncio.sleep(9.0)
            bench.driver.then("read", Do("ok", 1.5))
            judge.tell("raise")
            await asyncio.sleep(5.0)
        judge.check()

    async def occupied(clock: VirtualClock) -> None:
        bench = BollardBench(clock)
        judge = Judge(bench)
        async with bench:
            await asyncio.sleep(9.0)
            bench.plc.inputs[LOOP] = 1.0
            judge.tell("raise")
            await asyncio.sleep(5.0)
        judge.check()

    run(late_read)
    run(occupied)
    with monkeypatch.context() as patch:
        patch.setattr("jacquemart.runtime.cell.writing.look", lambda *_: None)
        with pytest.raises(AssertionError, match="old"):
            run(late_read)
    with monkeypatch.context() as patch:
        patch.setattr(Bollard, "interlock", lambda *_: None)
        with pytest.raises(AssertionError, match="all the same"):
            run(occupied)


def test_limit_switches_read_at_different_times_are_no_contradiction() -> None:
    async def story(bench: BollardBench) -> None:
        bench.tell("raise")
        await asyncio.sleep(0.3)
        bench.plc.odd[DOWN] = 1.0  # what its last poll has left in the table
        await asyncio.sleep(1.0)
        bench.plc.odd[UP] = 0.0
        await asyncio.sleep(1.0)
        bench.plc.odd = {UP: 1.0, DOWN: 0.0}  # a look at the upper one alone comes first
        await asyncio.sleep(0.45)
        assert "bollard_fault" not in bench.events()
        await asyncio.sleep(2.0)
        assert bench.position() == "raised"

    on_bench(story)


def test_a_write_that_was_given_up_cannot_use_what_a_newer_command_was_allowed() -> None:
    async def story(bench: BollardBench) -> None:
        bench.driver.then("read", Do("ok", 0.4))
        while not bench.driver._inside:  # noqa: ASYNC110 - a poll holds the link
            await asyncio.sleep(0.05)
        old = bench.tell("raise")
        bench.tell("lower")
        new = bench.tell("raise")
        assert how(old)[0] == "SUPERSEDED"
        await asyncio.sleep(6.0)
        assert how(new) == ("APPLIED", "ok")
        assert bench.pulses() == ["raise"]
        assert outcome_of(old).stages.dispatched == 0

    on_bench(story)
