"""What a restart finds of claims, setpoints and minimum times."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from bench_host import S, how, outcome_of
from claim_bench import Bench, Lamp, on_bench

from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.testing.virtual_time import WALL_START_NS


def test_what_stood_before_a_restart_stands_again() -> None:
    wall = WALL_START_NS
    held = Claim(
        "hold", "lamp-1", "setpoint", 8, 40.0, "ann", "works", 0, id=b"1" * 16, since_wall_ns=wall
    )
    over = replace(held, slot=10, owner="bob", until_wall_ns=wall - 1, id=b"2" * 16)

    async def story(bench: Bench) -> None:
        bench.lamp.restore(
            {
                "claims": [held.as_plain(), over.as_plain()],
                "setpoints": {"setpoint": [80.0, "bob", 8, wall - 5 * S], "gone": [1, "x", 8, 0]},
            }
        )
        await asyncio.sleep(3.0)
        assert bench.sent() == [40.0]
        assert [(claim.owner, why) for claim, why in bench.host.ended] == [("bob", "expired")]
        assert how(bench.set_as("bob", 1.0)) == ("REJECTED", "held")
        bench.release()
        await asyncio.sleep(2.0)
        assert bench.sent() == [40.0, 80.0]

    on_bench(story)


def test_a_restart_writes_nothing_where_the_field_shows_what_is_held() -> None:
    held = Claim("hold", "lamp-1", "setpoint", 8, 40.0, "ann", "works", id=b"1" * 16)

    async def story(bench: Bench) -> None:
        bench.field.write("lamp-1/setpoint", 40.0)
        await asyncio.sleep(2.0)
        bench.lamp.restore({"claims": [held.as_plain()]})
        await asyncio.sleep(10.0)
        assert bench.sent() == []

    on_bench(story)


def test_a_set_above_a_hold_stands_above_it_after_a_restart_too() -> None:
    wall = WALL_START_NS
    held = Claim(
        "hold", "lamp-1", "setpoint", 8, 40.0, "ann", "", id=b"1" * 16, since_wall_ns=wall - 9 * S
    )

    async def story(bench: Bench) -> None:
        sets = {"setpoint": [100.0, "fire", 1, wall - 5 * S]}
        bench.lamp.restore({"claims": [held.as_plain()], "setpoints": sets})
        await asyncio.sleep(3.0)
        assert bench.sent() == [100.0]
        assert "fire has set it to 100" in outcome_of(bench.set_as("ann", 30.0)).detail

    on_bench(story)


def test_a_set_that_its_zone_says_is_above_no_hold_is_not_put_there_by_a_restart() -> None:
    wall = WALL_START_NS
    held = Claim(
        "hold", "lamp-1", "setpoint", 8, 40.0, "ann", "", id=b"1" * 16, since_wall_ns=wall - 9 * S
    )

    async def story(bench: Bench) -> None:
        sets = {"setpoint": [90.0, "bob", 5, wall - 5 * S]}
        bench.lamp.restore({"claims": [held.as_plain()], "setpoints": sets, "above": []})
        await asyncio.sleep(3.0)
        assert bench.sent() == [40.0]

    on_bench(story)


def test_a_set_that_its_zone_says_is_above_a_newer_hold_is_above_it_after_a_restart() -> None:
    wall = WALL_START_NS
    held = Claim("hold", "lamp-1", "setpoint", 8, 40.0, "ann", "", id=b"1" * 16, since_wall_ns=wall)

    async def story(bench: Bench) -> None:
        sets = {"setpoint": [100.0, "fire", 1, wall - 5 * S]}
        bench.lamp.restore({"claims": [held.as_plain()], "setpoints": sets, "above": ["setpoint"]})
        await asyncio.sleep(3.0)
        assert bench.sent() == [100.0]
        assert "fire has set it to 100" in outcome_of(bench.set_as("ann", 30.0)).detail

    on_bench(story)


def test_what_a_device_has_saved_is_given_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []
    monkeypatch.setattr(Lamp, "restore_state", lambda _, content: loaded.append(content))

    async def story(bench: Bench) -> None:
        bench.lamp.restore({"kind": "generic", "state": {"turns": 3}})
        assert len(loaded) == 1

    on_bench(story)


def test_a_minimum_time_outlives_a_restart() -> None:
    wall = WALL_START_NS

    async def story(bench: Bench) -> None:
        bench.lamp.restore({"setpoints": {"setpoint": [80.0, "bob", 8, wall - 10 * S]}})
        assert how(bench.set(0.0)) == ("REJECTED", "held")
        await asyncio.sleep(20.0)
        off = bench.set(0.0)
        await asyncio.sleep(2.0)
        assert how(off) == ("APPLIED", "ok")

    on_bench(story, min_on_s=30.0)
