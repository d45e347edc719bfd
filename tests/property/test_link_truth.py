"""The truth about commands, whatever commands come and whatever the driver does meanwhile.

Random stories in virtual time, over a field that writes down what reached it and when.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import pairwise

from bench_host import S, outcome_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from link_bench import LinkBench
from scripted_driver import Do, Send

from jacquemart.runtime.actor import Ticket
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

LAMPS = 3
NEVER_SENT = (Status.REJECTED, Status.EXPIRED, Status.SUPERSEDED)
WHAT = {
    "open": ["ok", "link", "crash", "hang", "cancel"],
    "read": ["ok", "link", "unit", "bad_unit", "protocol", "crash", "hang", "hang", "short", "none",
             "nan", "cancel", "timeout"],
    "write": ["ok", "lie", "busy", "busy", "busy", "refuse", "unit", "link", "unknown_done",
              "unknown_lost", "unknown_late", "protocol", "crash", "crash_unsent", "short", "hang",
              "sent_hang", "cancel", "exit", "raise_unknown", "timeout"],
    "close": ["ok", "crash", "hang"],
}  # fmt: skip
#: What a story may bring up that is no bug of the shell.
TOLD = {"ZeroDivisionError", "DriverCrash", "TimeoutError", "ValueError", "TypeError"}


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Command:
    lamp: int
    within_s: float
    priority: int


@dataclass(frozen=True)
class Script:
    call: str
    do: Do


@dataclass(frozen=True)
class WallJump:
    seconds: float


SECONDS = st.sampled_from([0.0, 0.0, 0.001, 0.02, 0.2, 1.0, 3.0])
COMMANDS = st.builds(
    Command,
    st.integers(1, LAMPS),
    st.sampled_from([0.001, 0.05, 0.3, 1.0, 4.0, 10.0]),
    st.sampled_from([1, 8, 16]),
)
SCRIPTS = st.sampled_from(sorted(WHAT)).flatmap(
    lambda call: st.builds(
        Script, st.just(call), st.builds(Do, st.sampled_from(WHAT[call]), SECONDS)
    )
)
STORIES = st.lists(
    st.one_of(
        COMMANDS,
        COMMANDS,
        SCRIPTS,
        st.builds(Pause, SECONDS),
        st.builds(WallJump, st.sampled_from([-3_600.0, -0.01, 0.5, 86_400.0])),
    ),
    max_size=40,
)


class Judge:
    """Keeps, for each command, what was really true when it ended."""

    def __init__(self, bench: LinkBench) -> None:
        self.bench = bench
        self.truths: dict[bytes, float] = {}
        self.number = 0

    def command(self, what: Command) -> None:
        self.number += 1

        def ended(ticket: Ticket) -> None:
            assert ticket.id not in self.truths, "a second end"
            self.truths[ticket.id] = self.bench.level(what.lamp)

        self.bench.set(
            2.0 * self.number, what.lamp, within_s=what.within_s, priority=what.priority, end=ended
        )

    def check(self) -> None:
        self.bench.ends.check()
        for ticket in self.bench.ends.made:
            self.check_one(ticket, [s for s in self.bench.field.sends if s.value == ticket.value])

    def check_one(self, ticket: Ticket, sends: list[Send]) -> None:
        outcome = outcome_of(ticket)
        stages = outcome.stages
        assert stages.received <= stages.finished <= ticket.deadline_ns + 5 * S
        assert all(send.time_ns < ticket.deadline_ns for send in sends), "sent too late"
        assert all(send.point.startswith(ticket.device) for send in sends)
        assert all(send.busy for send in sends[:-1]), "sent twice, and not for being busy"
        assert len(sends) <= 3
        assert (stages.dispatched == 0) == (outcome.status in NEVER_SENT)
        holds = abs(self.truths[ticket.id] - float(ticket.value or 0.0)) <= 0.5
        if outcome.status in NEVER_SENT:
            assert sends == [], "said to be never sent"
        if outcome.status is Status.APPLIED:
            assert holds, "said to be applied"
            assert outcome.value == self.truths[ticket.id]
        if outcome.status is Status.FAILED:
            assert not holds, "said to have failed"
            assert len(sends) >= 1


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    story=STORIES,
    ramp_s=st.sampled_from([0.0, 0.3, 2.0]),
    settle_ms=st.sampled_from([0, 300, 1_000, 5_000]),
    fed=st.booleans(),
    stop_at_once=st.booleans(),
)
def test_every_end_is_true_in_time_and_the_only_one(
    story: list[object], ramp_s: float, settle_ms: int, fed: bool, stop_at_once: bool
) -> None:
    async def play(clock: VirtualClock) -> None:
        fed_by = "cab-1" if fed else ""
        bench = LinkBench(clock, lamps=LAMPS, ramp_s=ramp_s, settle_ms=settle_ms, fed_by=fed_by)
        judge = Judge(bench)
        async with bench:
            await asyncio.sleep(0.01)
            for act in story:
                if isinstance(act, Pause):
                    await asyncio.sleep(act.seconds)
                elif isinstance(act, Command):
                    judge.command(act)
                elif isinstance(act, Script):
                    bench.driver.then(act.call, act.do)
                elif isinstance(act, WallJump):
                    clock.set_wall_by(act.seconds)
            if not stop_at_once:
                await asyncio.sleep(30.0)
                bench.ends.check()
        judge.check()
        assert bench.driver.overlaps == 0, "one call at a time"
        ups = [up for _, up, _ in bench.host.links]
        assert all(a != b for a, b in pairwise(ups)), "one event a change"
        assert {type(error).__name__ for _, error in bench.host.failures} <= TOLD

    run(play)


@settings(max_examples=50, deadline=None)
@given(
    story=st.lists(st.one_of(COMMANDS, st.builds(Pause, SECONDS)), max_size=30),
    ramp_s=st.sampled_from([0.0, 0.3, 2.0]),
)
def test_over_a_good_link_a_command_is_applied_or_came_too_late(
    story: list[object], ramp_s: float
) -> None:
    async def play(clock: VirtualClock) -> None:
        bench = LinkBench(clock, lamps=LAMPS, ramp_s=ramp_s, settle_ms=3_000)
        judge = Judge(bench)
        async with bench:
            await asyncio.sleep(0.1)
            for act in story:
                if isinstance(act, Pause):
                    await asyncio.sleep(act.seconds)
                elif isinstance(act, Command):
                    judge.command(act)
            await asyncio.sleep(30.0)
        judge.check()
        found = [outcome_of(ticket) for ticket in bench.ends.made]
        ends = {one.status for one in found if "life safety" not in one.detail}
        assert ends <= {Status.APPLIED, Status.EXPIRED, Status.SUPERSEDED}
        assert bench.host.failures == []

    run(play)
