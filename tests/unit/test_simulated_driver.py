"""The simulated driver's shell: what it waits for, what it reports, and how its link breaks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from jacquemart.drivers.contract import (
    Bad,
    BoundPoint,
    DeviceRefused,
    LinkError,
    OutcomeUnknown,
    Quality,
    UnitError,
)
from jacquemart.drivers.simulated import SimulatedDriver, SimulatedField
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec
from jacquemart.runtime.model.errors import UnknownPoint, UsageError

SET = PointSpec("set", writable=True, feedback="level", address={"ramp_per_s": 50, "lag_ms": 100})
LEVEL = PointSpec("level")
_NAMES = itertools.count()


class Bench:
    """A simulated link with two lamps, in virtual time: a sleep takes no time at all."""

    def __init__(self, **options: Any) -> None:
        self.now = 100.0
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        self.link = LinkSpec(f"bench-{next(_NAMES)}", "simulated", "z", options)
        self.driver = self.make()
        self.field = SimulatedField.of(self.link.id)
        points = [(d, p) for d in ("a", "b") for p in (SET, LEVEL)]
        self.points = [
            BoundPoint(slot, DeviceSpec(d, "lamp", "z", self.link.id), p, f"{d}/{p.name}")
            for slot, (d, p) in enumerate(points)
        ]
        self.a_set, _, self.b_set, _ = self.points

    def make(self) -> SimulatedDriver:
        def publish(*columns: Any) -> None:
            self.said.put_nowait(columns)

        return SimulatedDriver(self.link, publish, clock=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(**options))
        return made[-1]

    yield make
    for one in made:
        SimulatedField.forget(one.link.id)


def run(body: Coroutine[Any, Any, None]) -> None:
    asyncio.run(body)


def test_a_lamp_ramps_and_takes_its_time(bench: Callable[..., Bench]) -> None:
    async def body() -> None:
        b = bench(latency_ms=20)
        await b.driver.open()
        plan = b.driver.plan(b.points)
        assert await b.driver.read(plan) == [0.0, 0.0, 0.0, 0.0]
        assert b.now == pytest.approx(100.04)
        assert await b.driver.write([(b.a_set, 80.0)]) == [None]
        await b.sleep(1.07)
        assert await b.driver.read(plan) == pytest.approx([80.0, 50.0, 0.0, 0.0])
        assert b.field.account()["a/level"] == pytest.approx(50.0)

    run(body())


def test_the_field_outlives_its_driver(bench: Callable[..., Bench]) -> None:
    async def body() -> None:
        b = bench()
        await b.driver.open()
        await b.driver.write([(b.a_set, 80.0)])
        await b.driver.close()
        second = b.make()
        await second.open()
        assert (await second.read(second.plan(b.points)))[0] == 80.0

    run(body())


def test_other_options_start_the_field_anew(bench: Callable[..., Bench]) -> None:
    async def body() -> None:
        b = bench()
        await b.driver.open()
        await b.driver.write([(b.a_set, 80.0)])
        b.link = LinkSpec(b.link.id, "simulated", "z", {"seed": 9})
        second = b.make()
        await second.open()
        assert (await second.read(second.plan(b.points)))[0] == 0.0

    run(body())


def test_silent_units_cost_the_timeout_and_no_more_than_themselves(
    bench: Callable[..., Bench],
) -> None:
    async def body() -> None:
        b = bench(timeout_ms=500)
        await b.driver.open()
        b.field.inject("silent", "a")
        answer = await b.driver.read(b.driver.plan(b.points))
        assert answer[:2] == [Bad(Quality.BAD_UNIT, "no answer")] * 2
        assert answer[2:] == [0.0, 0.0]
        assert b.now == 100.5
        with pytest.raises(UnitError, match="a: no answer"):
            await b.driver.read(b.driver.plan(b.points[:2]))
        results = await b.driver.write([(b.a_set, 1.0), (b.b_set, 2.0)])
        assert [type(result) for result in results] == [OutcomeUnknown, type(None)]
        assert b.field.value("a/set") == 0.0

    run(body())


def test_values_that_cannot_be_sent_never_reach_the_field(bench: Callable[..., Bench]) -> None:
    async def body() -> None:
        b = bench()
        await b.driver.open()
        writes = [(b.a_set, float("nan")), (b.points[1], 5.0), (b.b_set, 7.0)]
        results = await b.driver.write(writes)
        assert [type(result) for result in results] == [DeviceRefused, DeviceRefused, type(None)]
        assert [arrival.point for arrival in b.field.arrivals] == ["b/set"]

    run(body())


def test_the_link_drops_in_the_nth_call_and_can_be_opened_again(
    bench: Callable[..., Bench],
) -> None:
    async def body() -> None:
        b = bench(drop_after_n=2)
        await b.driver.open()
        plan = b.driver.plan(b.points)
        await b.driver.read(plan)
        with pytest.raises(LinkError, match="the link broke"):
            await b.driver.read(plan)
        with pytest.raises(LinkError, match="not open"):
            await b.driver.read(plan)
        await b.driver.open()
        assert await b.driver.write([(b.a_set, 1.0)]) == [None]
        results = await b.driver.write([(b.a_set, 3.0), (b.b_set, 3.0)])
        assert [type(result) for result in results] == [type(None), OutcomeUnknown]
        assert b.field.connections == 0

    run(body())


def test_a_cut_ends_what_is_under_way(bench: Callable[..., Bench]) -> None:
    async def body() -> None:
        b = bench(latency_ms=3_600_000)
        b.driver = SimulatedDriver(b.link, print)
        opening = asyncio.create_task(b.driver.open())
        await asyncio.sleep(0.01)
        b.field.cut()
        with pytest.raises(LinkError, match="broke"):
            await opening

    run(body())


def test_a_link_that_refuses_twice_opens_the_third_time(bench: Callable[..., Bench]) -> None:
    async def body() -> None:
        b = bench(refuse=2)
        for _ in range(2):
            with pytest.raises(LinkError, match="refused"):
                await b.driver.open()
        await b.driver.open()
        assert b.field.opened == 1

    run(body())


def test_a_hanging_link_fails_after_the_timeout(bench: Callable[..., Bench]) -> None:
    async def body() -> None:
        b = bench(timeout_ms=2_000, hang=True)
        with pytest.raises(LinkError, match="no answer"):
            await b.driver.open()
        assert b.now == pytest.approx(102.0)
        b.field.hang = False
        await b.driver.open()
        b.field.hang = True
        with pytest.raises(LinkError, match="no answer"):
            await b.driver.read(b.driver.plan(b.points))

    run(body())


def test_a_flapping_link_comes_and_goes(bench: Callable[..., Bench]) -> None:
    async def body() -> None:
        b = bench(flap={"up_s": 10, "down_s": 5})
        await b.driver.open()
        plan = b.driver.plan(b.points)
        await b.driver.read(plan)
        b.now += 12.0
        with pytest.raises(LinkError, match="is down"):
            await b.driver.read(plan)
        with pytest.raises(LinkError, match="is down"):
            await b.driver.open()
        b.now += 4.0
        await b.driver.open()
        await b.driver.read(plan)

    run(body())


def test_two_calls_at_once_are_the_callers_fault(bench: Callable[..., Bench]) -> None:
    async def body() -> None:
        b = bench(latency_ms=5)
        await b.driver.open()
        plan = b.driver.plan(b.points)
        first = asyncio.create_task(b.driver.read(plan))
        await asyncio.sleep(0)
        with pytest.raises(UsageError, match="at the same time"):
            await b.driver.read(plan)
        await first

    run(body())


def test_the_field_speaks_by_itself_about_what_changed(bench: Callable[..., Bench]) -> None:
    async def body() -> None:
        b = bench(publish_ms=100)
        b.driver.plan(b.points)
        await b.driver.open()
        slots, values, qualities, times = await b.said.get()
        assert (slots, values, qualities) == ([0, 1, 2, 3], [0.0] * 4, [0] * 4)
        assert len(times) == 4
        b.field.set("b/set", 5.0)
        slots, values, qualities, times = await b.said.get()
        assert (slots[0], values[0], qualities[0]) == (2, 5.0, 0)
        await b.driver.close()
        assert len(asyncio.all_tasks()) == 1

    run(body())


def test_a_test_may_change_the_field_but_not_what_follows(bench: Callable[..., Bench]) -> None:
    b = bench()
    with pytest.raises(UnknownPoint):
        b.field.value("a/set")
    b.driver.plan(b.points)
    b.field.set("a/set", 40.0)
    with pytest.raises(UsageError, match="follows from other points"):
        b.field.set("a/level", 40.0)


def test_what_the_field_cannot_tell_is_said_as_no_number_and_once(
    bench: Callable[..., Bench],
) -> None:
    async def body() -> None:
        b = bench(publish_ms=100)
        b.driver.plan(b.points)
        b.field.inject("bad_value", "a/set")
        await b.driver.open()
        _, values, qualities, _ = await b.said.get()
        assert (str(values[0]), qualities[0]) == ("nan", Quality.BAD_VALUE)
        b.field.set("b/set", 5.0)
        slots, *_ = await b.said.get()
        assert 0 not in slots
        await b.driver.close()

    run(body())
