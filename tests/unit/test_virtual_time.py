"""Virtual time: hours pass in no time, in order, and a program that can never go on is told."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from jacquemart.runtime.testing import virtual_time
from jacquemart.runtime.testing.virtual_time import START_NS, Stalled, VirtualClock, run

S = 1_000_000_000


def test_hours_pass_at_once_and_the_clock_shows_them() -> None:
    async def story(clock: VirtualClock) -> tuple[int, int]:
        wall = clock.wall_ns()
        await asyncio.sleep(7_200.0)
        return clock.boot_ns(), clock.wall_ns() - wall

    begun = time.monotonic()
    assert run(story) == (START_NS + 7_200 * S, 7_200 * S)
    assert time.monotonic() - begun < 60.0


def test_timers_fire_in_the_order_of_their_times_each_at_its_own() -> None:
    async def story(clock: VirtualClock) -> list[tuple[str, int]]:
        seen: list[tuple[str, int]] = []

        async def sleeper(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append((name, clock.boot_ns() - START_NS))

        await asyncio.gather(sleeper("late", 3.0), sleeper("soon", 0.25), sleeper("next", 0.5))
        return seen

    assert run(story) == [("soon", S // 4), ("next", S // 2), ("late", 3 * S)]


def test_a_time_out_cuts_at_its_very_time_even_if_the_work_would_end_then() -> None:
    async def story(clock: VirtualClock) -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.sleep(1.0)
        return clock.boot_ns() - START_NS

    assert run(story) == S


def test_work_without_pauses_takes_no_time() -> None:
    async def story(clock: VirtualClock) -> int:
        for _ in range(1_000):
            await asyncio.sleep(0)
        return clock.boot_ns()

    assert run(story) == START_NS


def test_the_wall_clock_can_be_set_without_touching_the_other_one() -> None:
    async def story(clock: VirtualClock) -> tuple[int, int]:
        wall, boot = clock.wall_ns(), clock.boot_ns()
        clock.set_wall_by(-3_600.0)
        return clock.wall_ns() - wall, clock.boot_ns() - boot

    assert run(story) == (-3_600 * S, 0)


def test_who_waits_for_what_cannot_happen_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "PATIENCE_S", 0.05)

    async def story(_: VirtualClock) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stalled):
        run(story)


def test_a_thread_is_heard() -> None:
    async def story(_: VirtualClock) -> str:
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[str] = loop.create_future()
        threading.Timer(0.05, loop.call_soon_threadsafe, (heard.set_result, "from outside")).start()
        return await heard

    assert run(story) == "from outside"
