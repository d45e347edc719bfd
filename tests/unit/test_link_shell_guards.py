"""Guards, interlocks and pulses: what the writing side of a link does right before the field."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from bench_host import S, how, outcome_of
from link_bench import LEVEL, SETPOINT, LinkBench
from scripted_driver import Do

from jacquemart.actors.generic import GenericDevice
from jacquemart.runtime.actor import DeviceActor
from jacquemart.runtime.kernel.guarding import GUARD_AGE_NS, look
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

GATE = PointSpec("gate", low=0, high=1, poll_ms=1_000)
GUARDED = replace(SETPOINT, guards=("gate",))
POINTS = (GUARDED, LEVEL, GATE)


class Gated(DeviceActor):
    """A lamp that must not be set while its gate is 1."""

    __slots__ = ("asked", "seen")
    kind = "gated"
    watched = frozenset({"gate"})

    def on_start(self) -> None:
        self.asked: list[float] = []
        self.seen: list[float] = []

    def reading(self, point: str, value: float, quality: int) -> None:
        self.seen.append(value)

    def interlock(self, point: str, value: float) -> str | None:
        self.asked.append(self.value("gate"))
        return "the gate is shut" if self.value("gate") else None


def on_bench(story: Callable[[LinkBench], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def whole(clock: VirtualClock) -> None:
        options.setdefault("points", POINTS)
        options.setdefault("kind", Gated)
        async with LinkBench(clock, **options) as bench:
            await asyncio.sleep(0.5)
            await story(bench)
        bench.ends.check()
        assert bench.driver.overlaps == 0

    run(whole)


def gated(bench: LinkBench) -> Gated:
    actor = bench.actors["lamp-1"]
    assert isinstance(actor, Gated)
    return actor


def test_the_guards_are_read_again_and_then_the_interlock_is_asked_and_then_it_is_sent() -> None:
    async def story(bench: LinkBench) -> None:
        before = len(bench.driver.calls)
        ticket = bench.set(80.0)
        await asyncio.sleep(0.1)
        assert [call for _, call in bench.driver.calls[before:]][:2] == ["read", "write"]
        assert gated(bench).asked == [0.0]
        assert how(ticket) == ("APPLIED", "ok")

    on_bench(story)


def test_what_became_true_since_the_last_poll_is_seen_by_the_actor_and_refuses_the_write() -> None:
    async def story(bench: LinkBench) -> None:
        bench.field.write("lamp-1/gate", 1.0)
        assert gated(bench).value("gate") == 0.0, "the last poll"
        ticket = bench.set(80.0)
        await asyncio.sleep(0.1)
        assert how(ticket) == ("REJECTED", "interlock")
        assert outcome_of(ticket).detail == "the gate is shut"
        assert outcome_of(ticket).stages.dispatched == 0
        assert bench.sent() == []
        assert gated(bench).seen == [0.0, 1.0]

    on_bench(story)


@pytest.mark.parametrize(
    "does", ["link", "unit", "bad_unit", "half", "protocol", "crash", "short", "none", "text",
             "nan", "exit", "timeout"],
)  # fmt: skip
def test_guards_that_were_not_read_well_in_that_very_read_refuse_the_write(does: str) -> None:
    async def story(bench: LinkBench) -> None:
        assert bench.quality("gate") == 0
        bench.driver.then("read", does)
        ticket = bench.set(80.0)
        await asyncio.sleep(0.4)
        assert how(ticket) == ("REJECTED", "interlock"), outcome_of(ticket)
        assert bench.sent() == []
        assert gated(bench).asked == [], "what was not read says nothing"
        await asyncio.sleep(3.0)
        later = bench.set(30.0)
        await asyncio.sleep(2.0)
        assert how(later) == ("APPLIED", "ok"), "the link goes on"

    on_bench(story)


def test_an_answer_that_took_longer_than_a_second_is_too_old_to_act_on() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("read", Do("ok", 1.1))
        ticket = bench.set(80.0)
        await asyncio.sleep(2.0)
        assert how(ticket) == ("REJECTED", "interlock")
        bench.driver.then("read", Do("ok", 0.9))
        ticket = bench.set(80.0)
        await asyncio.sleep(2.0)
        assert how(ticket) == ("APPLIED", "ok")

    on_bench(story, points=(GUARDED, replace(LEVEL, poll_ms=0), replace(GATE, poll_ms=0)))


def test_a_deadline_that_passes_while_the_guards_are_read_ends_the_write_then() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("read", Do("ok", 0.5))
        ticket = bench.set(80.0, within_s=0.2)
        await asyncio.sleep(0.3)
        assert how(ticket) == ("EXPIRED", "deadline")
        assert outcome_of(ticket).stages.finished - ticket.deadline_ns < 0.01 * S
        await asyncio.sleep(2.0)
        assert bench.sent() == []

    on_bench(story)


@pytest.mark.parametrize("how_it_ends", ["stopping", "link"])
def test_a_write_whose_guards_are_being_read_ends_with_its_link(how_it_ends: str) -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("read", Do("link" if how_it_ends == "link" else "hang", 0.3))
        ticket = bench.set(80.0)
        await asyncio.sleep(0.1)
        if how_it_ends == "stopping":
            await bench.stop()
        await asyncio.sleep(1.0)
        reason = "stopping" if how_it_ends == "stopping" else "interlock"
        assert how(ticket) == ("REJECTED", reason)
        assert bench.sent() == []

    on_bench(story)


def test_a_guarded_write_has_a_call_of_its_own_and_others_share_one_as_before() -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", Do("ok", 0.1))
        bench.set(1.0, 1)
        await asyncio.sleep(0.05)
        tickets = [bench.set(float(lamp), lamp) for lamp in range(2, 6)]
        await asyncio.sleep(5.0)
        assert bench.driver.batches == [1] * 5
        assert {how(ticket) for ticket in tickets} == {("APPLIED", "ok")}

    on_bench(story, lamps=5)
    plain = replace(SETPOINT, guards=())

    async def plain_story(bench: LinkBench) -> None:
        for lamp in range(1, 6):
            bench.set(float(lamp), lamp)
        await asyncio.sleep(5.0)
        assert bench.driver.batches == [5]

    on_bench(plain_story, lamps=5, points=(plain, LEVEL, GATE))


def test_an_interlock_is_asked_before_each_write_also_without_guards() -> None:
    async def story(bench: LinkBench) -> None:
        bench.field.write("lamp-2/gate", 1.0)
        await asyncio.sleep(1.1)
        tickets = [bench.set(50.0, lamp) for lamp in (1, 2, 3)]
        await asyncio.sleep(1.0)
        assert [how(t)[0] for t in tickets] == ["APPLIED", "REJECTED", "APPLIED"]
        assert bench.driver.batches == [2]
        assert bench.sent(2) == []

    on_bench(story, lamps=3, points=(replace(SETPOINT, guards=()), LEVEL, GATE))


class Broken(DeviceActor):
    """Its interlock does what it must not."""

    __slots__ = ()
    kind = "broken"
    answer: Any = None

    def interlock(self, point: str, value: float) -> str | None:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "answer", [ZeroDivisionError("bug"), SystemExit(1), asyncio.CancelledError(), False, "", 0, 7]
)
def test_an_interlock_that_raises_or_says_anything_but_none_refuses(answer: Any) -> None:
    async def story(bench: LinkBench) -> None:
        ticket = bench.set(80.0)
        await asyncio.sleep(1.0)
        assert how(ticket) == ("REJECTED", "interlock")
        assert bench.sent() == []
        raised = isinstance(answer, BaseException)
        assert len(bench.host.failures) == raised, "a bug is told"
        assert bench.shell.up

    kind = type("BrokenNow", (Broken,), {"answer": answer, "__slots__": ()})
    on_bench(story, kind=kind)


@pytest.mark.parametrize(
    ("does", "status", "reason"),
    [
        ("busy", "FAILED", "busy"),
        ("unknown_done", "APPLIED", "ok"),
        ("unknown_lost", "INDETERMINATE", "no_answer"),
        ("sent_hang", "APPLIED", "ok"),
        ("protocol", "APPLIED", "ok"),
        ("crash", "APPLIED", "ok"),
        ("lie", "FAILED", "not_following"),
        ("refuse", "FAILED", "refused"),
    ],
)
def test_a_pulse_is_sent_once_whatever_the_driver_says(does: str, status: str, reason: str) -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", does)
        ticket = bench.set(80.0, within_s=3.0)
        await asyncio.sleep(20.0)
        assert how(ticket) == (status, reason)
        assert bench.sent() == [80.0]

    on_bench(story, pulse=True)


@pytest.mark.parametrize("does", ["bad_unit", "unit", "protocol", "nan"])
def test_guards_alone_refuse_also_where_a_kind_has_no_interlock(does: str) -> None:
    async def story(bench: LinkBench) -> None:
        bench.driver.then("read", does)
        ticket = bench.set(80.0)
        await asyncio.sleep(0.4)
        assert how(ticket) == ("REJECTED", "interlock")
        assert bench.sent() == []
        good = bench.set(80.0)
        await asyncio.sleep(2.0)
        assert how(good) == ("APPLIED", "ok")

    on_bench(story, kind=GenericDevice)


def test_nothing_shares_the_call_of_a_guarded_write_that_comes_first() -> None:
    plain = PointSpec("plain", writable=True, poll_ms=0)

    async def story(bench: LinkBench) -> None:
        bench.driver.then("write", Do("ok", 0.1))
        bench.set(1.0, 1)
        await asyncio.sleep(0.05)
        bench.set(2.0, 2)
        for lamp in (3, 4):
            bench.actors[f"lamp-{lamp}"].post(
                bench.ends.ticket(5.0, device=f"lamp-{lamp}", point="plain")
            )
        await asyncio.sleep(3.0)
        assert bench.driver.batches == [1, 1, 2]

    on_bench(story, lamps=4, points=(*POINTS, plain))


@pytest.mark.parametrize("quality", list(Quality))
def test_only_a_good_guard_is_good(quality: Quality) -> None:
    said = look([("gate", 0.0, Quality.GOOD), ("door", 0.0, quality)], 0, 1)
    assert (said is None) == (quality is Quality.GOOD)
    assert look([("gate", float("nan"), Quality.GOOD)], 0, 1)
    assert look([("gate", 0.0, Quality.GOOD)], 0, GUARD_AGE_NS) is None
    assert look([("gate", 0.0, Quality.GOOD)], 0, GUARD_AGE_NS + 1)
