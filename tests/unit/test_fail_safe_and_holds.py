"""A device that leaves its fail-safe goes to what is held of it by then."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from claim_bench import Bench, Lamp, on_bench

from jacquemart.runtime.cell.fail_safe import FailSafes


def fail_safes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> FailSafes:
    monkeypatch.setattr(Lamp, "safe_values", lambda _: {"setpoint": 90.0})
    loop = asyncio.get_running_loop()
    cell = SimpleNamespace(devices=bench.actors, loop=loop, failed=bench.host.failed)
    return FailSafes(cast(Any, cell), lambda *told: None)


def test_a_hold_that_ended_in_the_meantime_is_not_gone_back_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(bench: Bench) -> None:
        bench.hold(20.0, "bob", priority=12)
        await asyncio.sleep(2.0)
        bench.hold(40.0, lease_s=6.0)
        await asyncio.sleep(2.0)
        safe = fail_safes(bench, monkeypatch)
        safe.enter([bench.lamp])
        await asyncio.sleep(8.0)
        assert bench.sent()[-2:] == [40.0, 90.0]
        safe.leave([bench.lamp.spec.zone])
        await asyncio.sleep(5.0)
        safe.stop()
        assert bench.sent()[-1] == 20.0
        bench.set_as("bob", 30.0)
        await asyncio.sleep(2.0)
        assert bench.sent()[-1] == 30.0, "nothing stands above the hold of slot 12 any more"

    on_bench(story)


def test_who_makes_his_hold_anew_before_the_zone_counts_as_back_gets_what_he_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(bench: Bench) -> None:
        bench.hold(40.0)
        await asyncio.sleep(2.0)
        safe = fail_safes(bench, monkeypatch)
        safe.enter([bench.lamp])
        await asyncio.sleep(2.0)
        bench.hold(50.0)
        await asyncio.sleep(0.1)
        safe.leave([bench.lamp.spec.zone])
        await asyncio.sleep(8.0)
        safe.stop()
        assert bench.sent()[-1] == 50.0

    on_bench(story)


def test_what_somebody_has_set_above_a_hold_is_gone_back_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(bench: Bench) -> None:
        bench.hold(40.0)
        await asyncio.sleep(2.0)
        bench.set_as("bob", 60.0, priority=5)
        await asyncio.sleep(2.0)
        safe = fail_safes(bench, monkeypatch)
        safe.enter([bench.lamp])
        await asyncio.sleep(2.0)
        assert bench.sent()[-1] == 90.0
        safe.leave([bench.lamp.spec.zone])
        await asyncio.sleep(8.0)
        safe.stop()
        assert bench.sent()[-1] == 60.0

    on_bench(story)
