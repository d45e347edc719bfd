"""Timers, stopping, and the state that survives."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from bench_host import BenchHost, Ends, S, how, outcome_of

from jacquemart.runtime.actor import Actor, Ticket, command
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.testing.virtual_time import START_NS, VirtualClock, run


class Keeper(Actor):
    """Counts, and keeps its count."""

    def __init__(self, host: BenchHost) -> None:
        super().__init__("keeper", host)
        self.count = 0
        self.times: list[float] = []
        self.order: list[str] = []
        self.stop_error: Exception | None = None

    def on_start(self) -> None:
        self.order.append("start")

    def on_stop(self) -> None:
        self.order.append("stop")
        if self.stop_error is not None:
            raise self.stop_error

    def save(self) -> Mapping[str, Any]:
        return {"count": self.count}

    def load(self, state: Mapping[str, Any]) -> None:
        self.order.append("load")
        self.count = state["count"]

    def tick(self) -> None:
        self.times.append((self.host.clock.boot_ns() - START_NS) / S)

    def bad_tick(self) -> None:
        self.tick()
        raise RuntimeError("tick")

    async def async_tick(self) -> None:
        self.tick()

    @command("add")
    def add(self, ticket: Ticket) -> int:
        self.count += int(ticket.value or 0)
        return self.count

    @command("at_once")
    async def at_once(self, ticket: Ticket) -> float:
        async with asyncio.timeout(1.0):  # noqa: ASYNC100 - it needs a current task
            return float(self.waiting)

    @command("raises_at_once")
    async def raises_at_once(self, ticket: Ticket) -> None:
        raise RuntimeError("at once")

    @command("stop_and_wait")
    async def stop_and_wait(self, ticket: Ticket) -> None:
        self.stop()
        await self.hang(ticket)

    @command("hang")
    async def hang(self, ticket: Ticket) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.order.append("cancelled")


def bench(clock: VirtualClock) -> tuple[Keeper, Ends, BenchHost]:
    host = BenchHost(clock)
    keeper = Keeper(host)
    keeper.start()
    return keeper, Ends(clock), host


def said_while(story: Callable[[VirtualClock], Coroutine[Any, Any, None]]) -> list[str]:
    """Run a story and return what Python warned of meanwhile."""
    gc.collect()  # what other tests have left
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        run(story)
        gc.collect()
    return [str(warning.message) for warning in said]


def test_after_calls_once_and_every_calls_each_time() -> None:
    async def story(clock: VirtualClock) -> None:
        keeper, _, _ = bench(clock)
        keeper.after(0.5, keeper.tick)
        keeper.every(2.0, keeper.tick)
        cancelled = keeper.after(0.7, keeper.tick)
        cancelled.cancel()
        await asyncio.sleep(6.5)
        assert keeper.times == [0.5, 2.0, 4.0, 6.0]

    run(story)


def test_an_exception_in_a_timer_is_told_and_does_not_end_it() -> None:
    async def story(clock: VirtualClock) -> None:
        keeper, _, host = bench(clock)
        keeper.every(1.0, keeper.bad_tick)
        keeper.after(1.5, keeper.bad_tick)
        await asyncio.sleep(3.5)
        assert keeper.times == [1.0, 1.5, 2.0, 3.0]
        assert [(who, str(error)) for who, error in host.failures] == [(keeper, "tick")] * 4
        assert keeper.order == ["start"], "a timer's failure does not restart the actor"

    run(story)


def test_timers_are_cancelled_when_the_actor_stops_and_none_begins_after_that() -> None:
    async def story(clock: VirtualClock) -> None:
        keeper, _, _ = bench(clock)
        keeper.after(2.0, keeper.tick)
        keeper.every(1.0, keeper.tick)
        keeper.after(1.5, keeper.stop)
        await asyncio.sleep(1.6)
        assert keeper.after(0.1, keeper.tick).cancelled()
        keeper.every(0.1, keeper.tick)
        await asyncio.sleep(10.0)
        assert keeper.times == [1.0]

    run(story)


def test_a_timer_that_stops_its_actor_does_not_come_again() -> None:
    async def story(clock: VirtualClock) -> None:
        keeper, _, _ = bench(clock)

        def last() -> None:
            keeper.tick()
            keeper.stop()

        keeper.every(1.0, last)
        await asyncio.sleep(5.0)
        assert keeper.times == [1.0]

    run(story)


def test_an_async_timer_is_refused_in_words_instead_of_silently_never_run() -> None:
    async def story(clock: VirtualClock) -> None:
        keeper, _, host = bench(clock)
        keeper.after(1.0, keeper.async_tick)
        await asyncio.sleep(2.0)
        ((who, error),) = host.failures
        assert who is keeper
        assert isinstance(error, UsageError)
        assert "async_tick" in str(error)

    assert said_while(story) == []


def test_stop_refuses_what_waits_and_what_comes_later_and_calls_on_stop_once() -> None:
    async def story(clock: VirtualClock) -> None:
        keeper, ends, _ = bench(clock)
        running = ends.ticket(verb="hang")
        waiting = [ends.ticket(1, verb="add", priority=p) for p in (8, 1, 8)]
        for ticket in (running, *waiting):
            keeper.post(ticket)
        await asyncio.sleep(0.1)
        keeper.stop()
        keeper.stop()
        later = ends.ticket(1, verb="add")
        keeper.post(later)
        await asyncio.sleep(0.1)
        assert how(running) == ("INDETERMINATE", "stopping")
        assert {how(t) for t in (*waiting, later)} == {("REJECTED", "stopping")}
        assert keeper.order == ["start", "stop", "cancelled"]
        assert keeper.count == 0
        ends.check()

    run(story)


def test_a_handler_that_has_just_begun_hears_it_where_it_waits_when_the_actor_stops() -> None:
    async def story(clock: VirtualClock) -> None:
        keeper, ends, _ = bench(clock)
        ticket = ends.ticket(verb="hang")
        keeper.post(ticket)
        keeper.stop()
        await asyncio.sleep(0.1)
        assert how(ticket) == ("INDETERMINATE", "stopping")
        assert keeper.order == ["start", "stop", "cancelled"]
        ends.check()

    assert said_while(story) == [], "a coroutine that was never awaited"


def test_a_handler_that_stops_its_own_actor_before_it_waits_is_cancelled_there() -> None:
    async def story(clock: VirtualClock) -> None:
        keeper, ends, _ = bench(clock)
        ticket = ends.ticket(verb="stop_and_wait")
        keeper.post(ticket)
        await asyncio.sleep(0.1)
        assert how(ticket) == ("INDETERMINATE", "stopping")
        assert keeper.order == ["start", "stop", "cancelled"]
        ends.check()

    run(story)


def test_an_async_handler_that_never_waits_ends_as_a_plain_one_does_before_the_call_returns() -> (
    None
):
    async def story(clock: VirtualClock) -> None:
        keeper, ends, _ = bench(clock)
        tasks = asyncio.all_tasks()
        ticket = ends.ticket(verb="at_once")
        keeper.post(ticket)
        assert how(ticket) == ("APPLIED", "ok")
        assert asyncio.all_tasks() == tasks
        failing = ends.ticket(verb="raises_at_once")
        keeper.post(failing)
        assert how(failing) == ("INDETERMINATE", "internal")
        ends.check()

    run(story)


def test_an_on_stop_that_raises_is_told_and_stops_nobody_else() -> None:
    async def story(clock: VirtualClock) -> None:
        keeper, _, host = bench(clock)
        keeper.stop_error = RuntimeError("stop")
        keeper.stop()
        assert [(who, str(error)) for who, error in host.failures] == [(keeper, "stop")]

    run(story)


def test_state_is_carried_by_save_and_load_before_the_start() -> None:
    async def story(clock: VirtualClock) -> None:
        keeper, ends, host = bench(clock)
        for value in (2, 3):
            keeper.post(ends.ticket(value, verb="add"))
        state = keeper.save()
        keeper.stop()
        successor = Keeper(host)
        successor.load(state)
        successor.start()
        ticket = ends.ticket(1, verb="add")
        successor.post(ticket)
        assert outcome_of(ticket).value == 6.0
        assert successor.order == ["load", "start"]

    run(story)


def test_an_event_carries_its_actor_name_severity_and_detail() -> None:
    async def story(clock: VirtualClock) -> None:
        keeper, _, host = bench(clock)
        keeper.emit("door_open", 1, door=3)
        assert host.events == [("keeper", "door_open", 1, {"door": 3})]

    run(story)
