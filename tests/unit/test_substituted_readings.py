"""A value in place of a broken sensor's reading: seen, marked, and never used to move anything."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from bench_host import S, how, outcome_of
from claim_bench import BUTTON, Bench, Lamp
from link_bench import LEVEL, SETPOINT
from scripted_driver import Do

from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

SENSORS = (
    SETPOINT, LEVEL, PointSpec("rain", "mm", low=0.0, high=99.0, poll_ms=1_000),
    PointSpec("loop", poll_ms=1_000), replace(BUTTON, guards=("loop",)),
    PointSpec("pulses", poll_ms=1_000, keep="every"),
    PointSpec("sum", address={"derived": True}), PointSpec("seen", poll_ms=1_000),
)  # fmt: skip


class Watcher(Lamp):
    watched = frozenset({"se*"})


def on_sensors(story: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def whole(clock: VirtualClock) -> None:
        async with Bench(clock, kind=Watcher, points=SENSORS) as bench:
            bench.field.write("lamp-1/rain", 3.0)
            await asyncio.sleep(2.5)
            await story(bench)
            assert bench.host.failures == []

    run(whole)


def test_a_value_in_place_of_a_reading_stays_whatever_is_read_and_is_not_for_control() -> None:
    async def story(bench: Bench) -> None:
        lamp = bench.lamp
        assert lamp.good("rain") == 3.0
        held = bench.claim("hold", 7.5, point="rain", lease_s=60.0)
        assert (how(held), outcome_of(held).value) == (("APPLIED", "ok"), 7.5)
        for trouble in (Do(), Do("bad_unit"), Do("link")):
            bench.driver.always["read"] = trouble
            await asyncio.sleep(5.0)
            assert (lamp.value("rain"), lamp.quality("rain")) == (7.5, Quality.GOOD_SUBSTITUTED)
        bench.shard.table.sweep(bench.clock.wall_ns() + 3_600 * S)
        assert lamp.quality("rain") == Quality.GOOD_SUBSTITUTED
        assert lamp.good("rain") is None
        bench.driver.always["read"] = Do()
        stronger = bench.claim("hold", 9.0, "bob", point="rain", priority=5)
        assert (how(stronger), lamp.value("rain")) == (("APPLIED", "ok"), 9.0)
        weaker = bench.claim("hold", 1.0, "bob", point="rain", priority=12)
        assert (how(weaker), lamp.value("rain")) == (("SUPERSEDED", "outranked"), 9.0)
        assert how(bench.release("bob", point="rain", priority=12)) == ("APPLIED", "ok")
        assert how(bench.release("bob", point="rain", priority=5)) == ("APPLIED", "ok")
        assert lamp.value("rain") == 7.5
        await asyncio.sleep(50.0)
        assert (lamp.value("rain"), lamp.quality("rain")) == (3.0, Quality.GOOD), (
            "the lease is over"
        )
        assert lamp.claims is None
        assert bench.sent() == []

    on_sensors(story)


def test_after_a_release_a_substituted_value_is_never_taken_for_a_reading() -> None:
    async def story(bench: Bench) -> None:
        bench.claim("hold", 7.5, point="rain")
        bench.driver.always["read"] = Do("link")
        bench.driver.always["open"] = Do("link")
        await asyncio.sleep(3.0)
        bench.release(point="rain")
        assert bench.quality("rain") is Quality.BAD_NEVER_READ
        assert math.isnan(bench.lamp.value("rain"))

    on_sensors(story)


@pytest.mark.parametrize(
    ("point", "why"),
    [("level", "proves what"), ("loop", "guards"), ("pulses", "every value"), ("sum", "computes"),
     ("seen", "acts on it")],
)  # fmt: skip
def test_what_something_depends_on_that_moves_is_real_or_bad(point: str, why: str) -> None:
    async def story(bench: Bench) -> None:
        held = bench.claim("hold", 1.0, point=point)
        assert how(held) == ("REJECTED", "not_writable")
        assert why in outcome_of(held).detail
        assert how(bench.claim("hold", 100.0, point="rain")) == ("REJECTED", "out_of_range")

    on_sensors(story)


def test_a_substituted_value_survives_a_restart() -> None:
    held = Claim("hold", "lamp-1", "rain", 8, 7.5, "ann", "broken", id=b"1" * 16)
    guard = replace(held, point="loop", value=0.0, id=b"2" * 16)

    async def story(bench: Bench) -> None:
        bench.lamp.restore({"claims": [held.as_plain(), guard.as_plain()]})
        await asyncio.sleep(3.0)
        assert bench.lamp.quality("rain") == Quality.GOOD_SUBSTITUTED
        assert bench.lamp.quality("loop") == Quality.GOOD
        assert [(c.point, why) for c, why in bench.host.ended] == [("loop", "the city has changed")]

    on_sensors(story)
