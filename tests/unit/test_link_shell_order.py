"""Who comes first on a link, and what a deadline means there."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from bench_host import S, how, outcome_of
from link_bench import LinkBench
from scripted_driver import Do

from jacquemart.runtime.cell.polled import bind
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.virtual_time import VirtualClock, run


def test_commands_go_before_polls() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock, lamps=2) as bench:
            bench.driver.always["read"] = Do(seconds=0.4)
            await asyncio.sleep(0.2)  # in the middle of the first poll
            for actor in bench.actors.values():
                actor.shard.links["street"]._schedule.hasten(clock.boot_ns())  # type: ignore[attr-defined]
            tickets = [bench.set(50.0, lamp) for lamp in (1, 2)]
            await asyncio.sleep(3.0)
            assert bench.calls("read", "write")[:3] == ["read", "write", "read"]
            assert {how(t) for t in tickets} == {("APPLIED", "ok")}

    run(story)


@pytest.mark.parametrize("write_s", [0.004, 0.02])
def test_a_stream_of_commands_starves_neither_polls_nor_read_backs(write_s: float) -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock, lamps=20) as bench:
            bench.driver.always["write"] = Do(seconds=write_s)
            await asyncio.sleep(0.5)
            stop = clock.boot_ns() + 5 * S
            bench.driver.calls.clear()

            async def commander(lamp: int) -> None:
                value = 0.0
                while clock.boot_ns() < stop:
                    value += 1.0
                    over = asyncio.Event()
                    bench.set(value, lamp, end=lambda _, over=over: over.set())
                    await over.wait()

            await asyncio.gather(*(commander(lamp) for lamp in range(1, 21)))
            ends = [how(t)[0] for t in bench.ends.made if t.outcome is not None]
            assert set(ends) == {"APPLIED"}
            seen = [bench.shard.table.read(a.base + 1)[3] for a in bench.actors.values()]
            polls = bench.shard.links["street"]._schedule
            assert clock.wall_ns() - min(seen) < 3 * S
            due = polls.next_due()
            assert due is not None
            assert due > clock.boot_ns() - 2 * S, "polls are not left behind"
            in_a_row, longest = 0, 0
            for call in bench.calls("read", "write"):
                in_a_row = in_a_row + 1 if call == "write" else 0
                longest = max(longest, in_a_row)
            assert longest <= 8

    run(story)


def test_where_the_next_poll_is_always_due_the_link_is_ready_and_first_looks_have_their_turn() -> (
    None
):
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock) as bench:
            bench.driver.always["read"] = Do(seconds=1.5)  # levels are polled each second
            await asyncio.sleep(2.0)
            assert bench.shell.settled
            assert bench.quality("setpoint") is Quality.BAD_NEVER_READ, "nobody polls it"
            bench.shell.look_once([bind(bench.driver, bench.actors["lamp-1"], 0)])
            await asyncio.sleep(3.5)
            assert bench.quality("setpoint") is Quality.GOOD

    run(story)


def test_a_command_that_waits_for_its_link_past_its_deadline_expires_and_is_never_sent() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock, lamps=3) as bench:
            await asyncio.sleep(0.1)
            bench.driver.then("read", Do(seconds=10.0))
            await asyncio.sleep(1.5)
            late = [bench.set(50.0, lamp, within_s=lamp * 1.0) for lamp in (1, 2)]
            patient = bench.set(50.0, 3, within_s=30.0)
            await asyncio.sleep(20.0)
            assert [how(t) for t in late] == [("EXPIRED", "deadline")] * 2
            for ticket in late:
                assert outcome_of(ticket).stages.finished == ticket.deadline_ns
                assert outcome_of(ticket).stages.dispatched == 0
            assert how(patient) == ("APPLIED", "ok")
            assert bench.sent(1) == bench.sent(2) == []
            bench.ends.check()

    run(story)


def test_a_write_call_still_running_at_its_deadline_is_cut_and_nothing_is_sent_after_it() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock) as bench:
            await asyncio.sleep(0.5)
            bench.driver.then("write", Do(seconds=5.0))  # sends only when these are over
            ticket = bench.set(80.0, within_s=2.0)
            await asyncio.sleep(30.0)
            assert bench.sent() == []
            # The driver was at it when it was cut, so nobody can say what had left.
            assert how(ticket) == ("INDETERMINATE", "no_answer")
            assert outcome_of(ticket).stages.finished <= ticket.deadline_ns + int(4.5 * S)
            assert bench.shell.up, "the link was opened anew"
            bench.ends.check()

    run(story)


def test_a_write_that_was_sent_before_it_was_cut_is_proven_after_the_link_is_back() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock) as bench:
            await asyncio.sleep(0.5)
            bench.driver.then("write", "sent_hang")
            ticket = bench.set(80.0, within_s=2.0)
            await asyncio.sleep(30.0)
            assert bench.sent() == [80.0]
            assert how(ticket) == ("APPLIED", "ok")
            assert outcome_of(ticket).stages.finished <= ticket.deadline_ns + S

    run(story)


def test_writes_of_one_call_that_is_cut_all_have_an_end_and_none_is_sent_again() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock, lamps=5) as bench:
            await asyncio.sleep(0.5)
            bench.driver.then("write", "sent_hang")
            tickets = [bench.set(50.0, lamp, within_s=1 + lamp / 10) for lamp in range(1, 6)]
            await asyncio.sleep(20.0)
            assert {how(t) for t in tickets} == {("APPLIED", "ok")}
            assert len(bench.field.sends) == 5
            bench.ends.check()

    run(story)


def test_a_write_with_much_time_is_not_cut_by_the_deadline_of_one_with_little() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock, lamps=2) as bench:
            await asyncio.sleep(0.5)
            bench.driver.always["write"] = Do(seconds=0.7)
            tickets = [bench.set(50.0, 1, within_s=1.0), bench.set(50.0, 2, within_s=9.0)]
            await asyncio.sleep(20.0)
            assert {how(t) for t in tickets} == {("APPLIED", "ok")}
            assert bench.driver.batches == [1, 1]

    run(story)


def test_a_link_that_is_cut_off_refuses_what_waited_and_says_whose_fault_it_is() -> None:
    async def story(clock: VirtualClock) -> None:
        for fed_by, reason in (("", "unreachable"), ("cab-1", "unreachable_by")):
            async with LinkBench(clock, fed_by=fed_by) as bench:
                await asyncio.sleep(0.1)
                bench.driver.then("read", Do("link", seconds=2.0))
                bench.driver.always["open"] = Do("link")
                await asyncio.sleep(1.5)
                waiting = bench.set(80.0)
                await asyncio.sleep(3.0)
                late = bench.set(80.0)
                assert how(waiting) == how(late) == ("REJECTED", reason)
                assert "read refused" in outcome_of(waiting).detail
                assert bench.sent() == []
                bench.ends.check()

    run(story)


def test_polls_keep_their_period_without_drift() -> None:
    async def story(clock: VirtualClock) -> None:
        async with LinkBench(clock) as bench:
            bench.driver.always["read"] = Do(seconds=0.3)
            await asyncio.sleep(60.0)
            times = [at for at, call in bench.driver.calls if call == "read"][2:]
            gaps = {round((b - a) / S, 6) for a, b in pairwise(times)}
            assert gaps == {1.0}

    run(story)
