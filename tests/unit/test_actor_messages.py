"""One message at a time: order, lanes, deadlines, handlers of both kinds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bench_host import BenchHost, Ends, S, how, outcome_of

from jacquemart.runtime.actor import Actor, Ticket, command
from jacquemart.runtime.model.errors import InternalError, UsageError
from jacquemart.runtime.testing.virtual_time import VirtualClock, run


class Clerk(Actor):
    """Writes down what it does, and when."""

    def __init__(self, host: BenchHost) -> None:
        super().__init__("clerk", host)
        self.seen: list[Any] = []
        self.inside = 0
        self.gate = asyncio.Event()

    @command("note")
    def note(self, ticket: Ticket) -> Any:
        self.seen.append(ticket.value)
        return ticket.value

    @command("work")
    async def work(self, ticket: Ticket) -> float:
        self.inside += 1
        assert self.inside == 1, "two messages at a time"
        self.seen.append(("begin", ticket.value))
        await asyncio.sleep(1.0)
        self.seen.append(("end", ticket.value))
        self.inside -= 1
        return 2.0 * float(ticket.value)  # type: ignore[arg-type]

    @command("wait")
    async def wait(self, ticket: Ticket) -> None:
        await self.gate.wait()

    @command("answer")
    def answer(self, ticket: Ticket) -> None:
        self._refuse(ticket, "rule", "because I say so")


def bench(clock: VirtualClock) -> tuple[Clerk, Ends, BenchHost]:
    host = BenchHost(clock)
    clerk = Clerk(host)
    clerk.start()
    return clerk, Ends(clock), host


def test_a_plain_handler_runs_inline_and_its_number_is_the_value() -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, _ = bench(clock)
        for value, found in ((7, 7.0), (True, 1.0), (None, None), ("text", None)):
            ticket = ends.ticket(value, verb="note")
            clerk.post(ticket)
            assert how(ticket) == ("APPLIED", "ok")
            assert outcome_of(ticket).value == found
        ends.check()

    run(story)


def test_an_async_handler_ends_later_and_the_next_message_waits_for_it() -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, _ = bench(clock)
        began = clock.boot_ns()
        tickets = [ends.ticket(n, verb="work") for n in range(3)]
        for ticket in tickets:
            clerk.post(ticket)
        assert clerk.waiting == 2
        await asyncio.sleep(10.0)
        marks = [(mark, n) for n in range(3) for mark in ("begin", "end")]
        assert clerk.seen == marks
        assert [outcome_of(t).value for t in tickets] == [0.0, 2.0, 4.0]
        finished = [outcome_of(t).stages.finished - began for t in tickets]
        assert finished == [S, 2 * S, 3 * S]
        ends.check()

    run(story)


def test_messages_are_done_in_the_order_they_came() -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, _ = bench(clock)
        clerk.post(ends.ticket(verb="wait"))
        for number in range(100):
            clerk.post(ends.ticket(number, verb="note"))
        assert clerk.seen == []
        clerk.gate.set()
        await asyncio.sleep(0.01)
        assert clerk.seen == list(range(100))
        ends.check()

    run(story)


def test_life_safety_goes_first() -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, _ = bench(clock)
        clerk.post(ends.ticket(verb="wait"))
        for priority in (16, 3, 2, 8, 1):
            clerk.post(ends.ticket(priority, verb="note", priority=priority))
        clerk.gate.set()
        await asyncio.sleep(0.01)
        assert clerk.seen == [2, 1, 16, 3, 8]

    run(story)


def test_a_message_posted_by_a_handler_comes_after_it() -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, _ = bench(clock)
        second = ends.ticket("second", verb="note")
        clerk.post(ends.ticket("first", verb="note", end=lambda _: clerk.post(second)))
        assert clerk.seen == ["first", "second"]
        ends.check()

    run(story)


@pytest.mark.parametrize(("priority", "room"), [(8, 256), (1, 64)])
def test_a_full_lane_refuses_at_once_as_busy(priority: int, room: int) -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, _ = bench(clock)
        clerk.post(ends.ticket(verb="wait"))
        waiting = [ends.ticket(n, verb="note", priority=priority) for n in range(room)]
        for ticket in waiting:
            clerk.post(ticket)
        refused = ends.ticket("too much", verb="note", priority=priority)
        clerk.post(refused)
        assert how(refused) == ("REJECTED", "busy")
        assert not any(ticket.outcome for ticket in waiting)
        clerk.gate.set()
        await asyncio.sleep(0.01)
        assert clerk.seen == list(range(room))
        ends.check()

    run(story)


def test_a_command_that_is_late_already_expires_and_is_not_done() -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, _ = bench(clock)
        for within_s in (0.0, -3.0):
            ticket = ends.ticket(verb="note", within_s=within_s)
            clerk.post(ticket)
            assert how(ticket) == ("EXPIRED", "deadline")
        assert clerk.seen == []
        ends.check()

    run(story)


def test_a_command_that_waits_past_its_deadline_expires_then_and_not_when_its_turn_comes() -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, _ = bench(clock)
        began = clock.boot_ns()
        clerk.post(ends.ticket(verb="wait", within_s=3_600.0))
        late = [ends.ticket(s, verb="note", within_s=s, priority=p)
                for s, p in ((5.0, 8), (2.0, 8), (3.0, 1))]  # fmt: skip
        patient = ends.ticket("patient", verb="note", within_s=3_600.0)
        for ticket in (*late, patient):
            clerk.post(ticket)
        await asyncio.sleep(600.0)
        assert [how(t) for t in late] == [("EXPIRED", "deadline")] * 3
        assert [outcome_of(t).stages.finished - began for t in late] == [5 * S, 2 * S, 3 * S]
        assert clerk.waiting == 1
        clerk.gate.set()
        await asyncio.sleep(0.01)
        assert clerk.seen == ["patient"]
        ends.check()

    run(story)


def test_a_handler_that_never_ends_costs_its_command_and_not_the_actor() -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, host = bench(clock)
        began = clock.boot_ns()
        stuck = ends.ticket(verb="wait", within_s=2.0)
        after = ends.ticket("after", verb="note", within_s=60.0)
        clerk.post(stuck)
        clerk.post(after)
        await asyncio.sleep(60.0)
        assert how(stuck) == ("INDETERMINATE", "no_answer")
        assert outcome_of(stuck).stages.finished - began == int(6.5 * S)
        assert how(after) == ("APPLIED", "ok")
        assert [type(error) for _, error in host.failures] == [TimeoutError]
        ends.check()

    run(story)


def test_an_unknown_command_is_refused_by_name() -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, _ = bench(clock)
        ticket = ends.ticket(verb="dance")
        clerk.post(ticket)
        assert how(ticket) == ("REJECTED", "unknown_command")
        assert "'dance'" in outcome_of(ticket).detail
        assert "answer, note, wait, work" in outcome_of(ticket).detail

    run(story)


def test_a_handler_may_end_its_command_itself() -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, _ = bench(clock)
        ticket = ends.ticket(verb="answer")
        clerk.post(ticket)
        assert how(ticket) == ("REJECTED", "rule")
        ends.check()

    run(story)


def test_a_ticket_ends_once_and_a_second_end_is_our_bug() -> None:
    async def story(clock: VirtualClock) -> None:
        clerk, ends, _ = bench(clock)
        ticket = ends.ticket(verb="note")
        clerk.post(ticket)
        first = ticket.outcome
        with pytest.raises(InternalError, match="ended twice"):
            clerk._refuse(ticket, "busy", "again")
        assert ticket.outcome is first
        ends.check()

    run(story)


def test_commands_are_inherited_replaced_and_never_declared_twice() -> None:
    class Chief(Clerk):
        @command("answer")
        def answer(self, ticket: Ticket) -> float:  # type: ignore[override]
            return 42.0

    assert set(Chief.commands) == set(Clerk.commands)

    async def story(clock: VirtualClock) -> None:
        chief, ends = Chief(BenchHost(clock)), Ends(clock)
        ticket = ends.ticket(verb="answer")
        chief.post(ticket)
        assert outcome_of(ticket).value == 42.0

    run(story)
    with pytest.raises(UsageError, match="twice"):

        class Torn(Clerk):
            @command("note")
            def another(self, ticket: Ticket) -> None: ...
