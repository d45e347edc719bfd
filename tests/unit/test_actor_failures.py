"""A handler that fails costs its own command; the actor starts again and goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bench_host import BenchHost, Ends, how, outcome_of

from jacquemart.runtime.actor import Actor, Ticket, command
from jacquemart.runtime.kernel.supervision import Intensity
from jacquemart.runtime.testing.virtual_time import VirtualClock, run


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this works")


class Fragile(Actor):
    """Fails on request, in every way."""

    def __init__(self, host: BenchHost) -> None:
        super().__init__("fragile", host)
        self.error: BaseException = ValueError("no such thing")
        self.starts = 0
        self.beats = 0
        self.seen: list[Any] = []
        self.fail_to_start = False

    def on_start(self) -> None:
        self.starts += 1
        self.every(1.0, self.beat)
        if self.fail_to_start:
            raise OSError("cannot start")

    def beat(self) -> None:
        self.beats += 1

    @command("plain")
    def plain(self, ticket: Ticket) -> None:
        raise self.error

    @command("later")
    async def later(self, ticket: Ticket) -> None:
        await asyncio.sleep(0.1)
        raise self.error

    @command("too_late")
    def too_late(self, ticket: Ticket) -> None:
        ticket.finish(*(self._done()), now_ns=1)
        raise self.error

    @command("note")
    def note(self, ticket: Ticket) -> None:
        self.seen.append((ticket.value, self.starts))

    def _done(self) -> Any:
        from jacquemart.runtime.model.outcome import Reason, Status

        return Status.REJECTED, Reason.RULE


class Patient(Fragile):
    """May fail as often as it likes, and starts again at once."""

    intensity = Intensity(restarts=1_000, first_pause_s=0.0)


ERRORS: list[BaseException] = [
    ValueError("no such thing"),
    RuntimeError("broken \udc80 text"),
    TimeoutError("its own"),
    asyncio.CancelledError(),
    SystemExit(3),
    Unreadable(),
]


@pytest.mark.parametrize("verb", ["plain", "later"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_what_a_handler_raises_ends_its_command_unknown_and_the_actor_goes_on(
    verb: str, error: BaseException
) -> None:
    async def story(clock: VirtualClock) -> None:
        host = BenchHost(clock)
        actor, ends = Fragile(host), Ends(clock)
        actor.start()
        actor.error = error
        failed, after = ends.ticket(verb=verb), ends.ticket("after", verb="note")
        actor.post(failed)
        actor.post(after)
        await asyncio.sleep(0.2)
        assert how(failed) == ("INDETERMINATE", "internal")
        detail = outcome_of(failed).detail
        assert detail.startswith(type(error).__name__)
        detail.encode()
        assert [(who, what) for who, what in host.failures] == [(actor, error)]
        assert how(after) == ("APPLIED", "ok")
        assert actor.seen == [("after", 2)], "the actor starts again before its next message"
        ends.check()

    run(story)


def test_an_end_that_was_given_before_the_failure_stands() -> None:
    async def story(clock: VirtualClock) -> None:
        host = BenchHost(clock)
        actor, ends = Fragile(host), Ends(clock)
        ticket = ends.ticket(verb="too_late")
        actor.post(ticket)
        assert how(ticket) == ("REJECTED", "rule")
        assert len(host.failures) == 1
        ends.check()

    run(story)


def test_a_command_that_the_failing_ones_end_brings_meets_the_actor_started_anew() -> None:
    async def story(clock: VirtualClock) -> None:
        actor, ends = Fragile(BenchHost(clock)), Ends(clock)
        actor.start()
        after = ends.ticket("after", verb="note")
        actor.post(ends.ticket(verb="plain", end=lambda _: actor.post(after)))
        assert actor.seen == [("after", 2)]
        ends.check()

    run(story)


def test_an_actor_that_starts_anew_has_its_timers_once() -> None:
    async def story(clock: VirtualClock) -> None:
        actor, ends = Patient(BenchHost(clock)), Ends(clock)
        actor.start()
        for number in range(5):
            actor.post(ends.ticket(number, verb="plain"))
        await asyncio.sleep(10.5)
        assert actor.starts == 6
        assert actor.beats == 10
        actor.stop()

    run(story)


def test_an_actor_that_cannot_start_again_is_tried_again_and_answers_then() -> None:
    async def story(clock: VirtualClock) -> None:
        host = BenchHost(clock)
        actor, ends = Fragile(host), Ends(clock)
        actor.start()
        actor.fail_to_start = True
        actor.post(ends.ticket(verb="plain"))
        after = ends.ticket("after", verb="note")
        actor.post(after)
        assert after.outcome is None, "nobody is there to do it"
        actor.fail_to_start = False
        await asyncio.sleep(0.2)
        assert how(after) == ("APPLIED", "ok")
        assert [type(error) for _, error in host.failures] == [ValueError, OSError]
        ends.check()

    run(story)


def test_a_hundred_failures_in_a_row_each_end_their_own_command() -> None:
    async def story(clock: VirtualClock) -> None:
        host = BenchHost(clock)
        actor, ends = Patient(host), Ends(clock)
        actor.start()
        tickets = [ends.ticket(n, verb=("later", "plain")[n % 2]) for n in range(100)]
        for ticket in tickets:
            actor.post(ticket)
        await asyncio.sleep(9.0)
        assert {how(t) for t in tickets} == {("INDETERMINATE", "internal")}
        assert len(host.failures) == 100
        ends.check()

    run(story)
