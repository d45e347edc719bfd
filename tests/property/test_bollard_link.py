"""Whatever commands come and whatever the link does: the real bollard on the real write queue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from bollard_bench import LOWER, RAISE, BollardBench, Judge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_driver import Do

from jacquemart.actors.access.bollard_points import DOWN, FAULT, LOCAL, LOOP, UP
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

WHAT = {
    "open": ["ok", "link", "crash", "hang", "cancel"],
    "read": ["ok", "ok", "link", "unit", "bad_unit", "protocol", "crash", "hang", "short", "none",
             "nan", "cancel", "timeout"],
    "write": ["ok", "busy", "busy", "refuse", "unit", "link", "unknown_done", "unknown_lost",
              "unknown_late", "protocol", "crash", "crash_unsent", "short", "hang", "sent_hang",
              "cancel", "exit", "raise_unknown", "timeout"],
    "close": ["ok", "crash", "hang"],
}  # fmt: skip
#: What a story may bring up that is no bug of the bollard.
TOLD = {"ZeroDivisionError", "DriverCrash", "TimeoutError", "ValueError", "TypeError"}
SECONDS = st.sampled_from([0.0, 0.01, 0.2, 0.9, 1.1, 3.0])


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Command:
    verb: str
    point: str
    within_s: float
    priority: int


@dataclass(frozen=True)
class Input:
    point: str
    value: float


@dataclass(frozen=True)
class Script:
    call: str
    do: Do


@dataclass(frozen=True)
class WallJump:
    seconds: float


class Restart:
    def __repr__(self) -> str:
        return "Restart()"


VERBS = st.sampled_from(
    [("raise", ""), ("raise", ""), ("raise", ""), ("set", RAISE), ("set", RAISE), ("pass", ""),
     ("lower", ""), ("set", LOWER)]
)  # fmt: skip
COMMANDS = st.builds(
    lambda verb, within_s, priority: Command(*verb, within_s, priority),
    VERBS,
    st.sampled_from([0.05, 1.0, 10.0, 60.0]),
    st.sampled_from([1, 8, 16]),
)
INPUTS = st.builds(
    Input,
    st.sampled_from([LOOP, LOOP, LOOP, LOOP, FAULT, LOCAL, UP, DOWN]),
    st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.0, 2.0]),
)


def scripts(*calls: str) -> st.SearchStrategy[Script]:
    return st.sampled_from(calls).flatmap(
        lambda call: st.builds(
            Script, st.just(call), st.builds(Do, st.sampled_from(WHAT[call]), SECONDS)
        )
    )


PAUSES = st.builds(Pause, st.sampled_from([9.0, 0.1, 20.0, 4.5, 1.0, 9.0, 0.5, 0.001, 0.0]))
ACTS = st.one_of(
    COMMANDS, COMMANDS, COMMANDS, INPUTS, INPUTS, PAUSES, PAUSES, PAUSES, PAUSES,
    scripts("write"), scripts("read", "open", "close"),
    st.one_of(
        st.builds(Restart), st.builds(WallJump, st.sampled_from([-3_600.0, 0.5, 86_400.0]))
    ),
)  # fmt: skip
STORIES = st.lists(ACTS, min_size=4, max_size=30)


async def act(bench: BollardBench, judge: Judge, clock: VirtualClock, what: object) -> None:
    if isinstance(what, Pause):
        await asyncio.sleep(what.seconds)
    elif isinstance(what, Command):
        judge.tell(what.verb, point=what.point, within_s=what.within_s, priority=what.priority)
    elif isinstance(what, Input):
        if what.point in (UP, DOWN) or what.value == 2.0:
            bench.plc.odd[what.point] = what.value
        else:
            bench.plc.odd.clear()
            bench.plc.inputs[what.point] = what.value
    elif isinstance(what, Script):
        bench.driver.then(what.call, what.do)
    elif isinstance(what, WallJump):
        clock.set_wall_by(what.seconds)
    elif isinstance(what, Restart):
        await bench.restart()
        await asyncio.sleep(0.05)


def play(story: list[object], up: bool, settle_s: float) -> BollardBench:
    """Let a story happen on a real link shell, and judge every pulse that left."""

    async def whole(clock: VirtualClock) -> BollardBench:
        bench = BollardBench(clock, up=up, pass_wait_s=2.0, hold_off_s=1.0)
        judge = Judge(bench)
        async with bench:
            await asyncio.sleep(settle_s)
            for what in story:
                await act(bench, judge, clock, what)
            await asyncio.sleep(90.0)
            bench.ends.check()
        judge.check()
        assert bench.driver.overlaps == 0
        assert {type(error).__name__ for _, error in bench.host.failures} <= TOLD
        return bench

    return run(whole)


DRAWN = given(story=STORIES, up=st.booleans(), settle_s=st.sampled_from([9.0, 9.0, 9.0, 0.1]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@DRAWN
def test_no_pulse_that_raises_leaves_but_after_a_good_look_and_one_a_command(
    story: list[object], up: bool, settle_s: float
) -> None:
    play(story, up, settle_s)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nor_in_thousands_of_stories_in_which_it_does_rise_now_and_then() -> None:
    raised = 0

    @settings(max_examples=900, deadline=None, suppress_health_check=list(HealthCheck))
    @DRAWN
    def many(story: list[object], up: bool, settle_s: float) -> None:
        nonlocal raised
        raised += sum(left.up for left in play(story, up, settle_s).driver.left)

    many()
    print(f"{raised} pulses raised it")
    assert raised > 60, "stories in which nothing rises prove nothing"


@settings(max_examples=100, deadline=None)
@given(
    story=st.lists(st.one_of(COMMANDS, PAUSES, PAUSES), max_size=20),
    up=st.booleans(),
)
def test_over_a_good_link_and_a_clear_loop_a_bollard_ends_where_the_last_command_wants_it(
    story: list[object], up: bool
) -> None:
    async def whole(clock: VirtualClock) -> None:
        bench = BollardBench(clock, up=up)
        judge = Judge(bench)
        async with bench:
            await asyncio.sleep(9.0)
            for what in story:
                await act(bench, judge, clock, what)
            await asyncio.sleep(90.0)
            last = judge.tell("lower")
            await asyncio.sleep(9.0)
            assert last.outcome is not None
            assert last.outcome.applied
            assert bench.position() == "lowered"
            last = judge.tell("raise")
            await asyncio.sleep(9.0)
            assert last.outcome is not None
            assert last.outcome.applied
            assert bench.position() == "raised"
        bench.ends.check()
        judge.check()
        assert bench.host.failures == []

    run(whole)
