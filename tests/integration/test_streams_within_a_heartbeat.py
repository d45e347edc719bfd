"""Who missed anything of a stream knows within one heartbeat, and is whole again by itself."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import until
from small_city import small_city
from stream_bench import EVENTS, READINGS, SLOTS, Copy, Source, StreamBench

from jacquemart.native import frames
from jacquemart.runtime.client import AsyncClient
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.reading import Reading
from jacquemart.runtime.testing import LocalCity
from jacquemart.runtime.wire import follower as following
from jacquemart.runtime.wire import messages, sockets
from jacquemart.runtime.wire.calls import Caller
from jacquemart.runtime.wire.follower import LOOK_S, SILENT_S, Follower
from jacquemart.runtime.wire.publisher import HEARTBEAT_S

PEERS = Path(__file__).parent.parent / "peers"
#: What a loaded machine may add to any of these times.
SLACK_S = 0.4


def test_silence_is_told_one_heartbeat_after_the_one_that_did_not_come() -> None:
    assert SILENT_S == 2 * HEARTBEAT_S
    assert LOOK_S <= HEARTBEAT_S / 5


def test_the_last_message_lost_is_known_within_one_heartbeat() -> None:
    async def story() -> None:
        bench = StreamBench()
        try:
            await bench.ready()
            for wait in (0.0, 0.13, 0.31):  # wherever between two heartbeats it is
                bench.copy.log.clear()
                await asyncio.sleep(wait)
                bench.proxy.drop = lambda _, frame: frames.kind_of(frame) == frames.BATCH
                bench.source.put(3, wait)
                sent = time.monotonic()
                await bench.until(lambda: f"stale {READINGS}" in bench.copy.log)
                assert time.monotonic() - sent < HEARTBEAT_S + SLACK_S
                bench.proxy.drop = None
                await bench.until(lambda: bench.equal)
        finally:
            bench.close()

    asyncio.run(story())


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """Run a publisher as a process of its own."""
    found = subprocess.Popen(
        [sys.executable, str(PEERS / "frozen_publisher.py"), "1"],
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(PEERS)},
    )  # fmt: skip
    yield found
    found.kill()
    found.wait(10.0)
    assert found.stdout is not None
    found.stdout.close()


def test_p7_a_stopped_publisher_is_stale_within_a_heartbeat_and_whole_when_it_goes_on(
    process: subprocess.Popen[str],
) -> None:
    assert process.stdout is not None
    stream, service = process.stdout.readline().split()

    async def story() -> None:
        loop, clock = asyncio.get_running_loop(), SystemClock()
        context, copy = sockets.new_context(), Copy()
        errors: list[BaseException] = []
        caller = Caller(loop, context, service, "follower", clock, errors.append)

        async def ask(topic: str) -> Any:
            frame = await caller.ask(messages.query("snapshot", topic=topic), 5.0)
            return None if frame is None else messages.decode_reply(frame)

        follower = Follower(loop, context, stream, clock, copy, ask, errors.append)
        follower.follow(READINGS)
        try:
            await until(lambda: copy.copy.value(1) > 10)
            await asyncio.sleep(0.6)  # its subscription is through: no gap any more
            copy.log.clear()
            os.kill(process.pid, signal.SIGSTOP)
            stopped = time.monotonic()
            await until(lambda: copy.copy.quality(1) == Quality.STALE_GAP)
            assert SILENT_S - 0.1 < time.monotonic() - stopped < SILENT_S + LOOK_S + SLACK_S
            await asyncio.sleep(0.3)
            before = copy.copy.value(1)
            os.kill(process.pid, signal.SIGCONT)
            went_on = time.monotonic()
            await until(lambda: copy.copy.quality(1) == Quality.GOOD)
            assert time.monotonic() - went_on < HEARTBEAT_S + SLACK_S
            await until(lambda: copy.copy.value(1) > before + 5)
            assert copy.log == [f"stale {READINGS}", f"whole {READINGS}"], "once, and not again"
            assert not errors
        finally:
            follower.close()
            caller.close()
            context.term()

    asyncio.run(story())


def test_what_the_high_water_mark_drops_is_known_and_healed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    narrow = functools.partial(sockets.subscriber, high_water=10)
    monkeypatch.setattr(following.sockets, "subscriber", narrow)

    async def story() -> None:
        loop, clock, context = asyncio.get_running_loop(), SystemClock(), sockets.new_context()
        errors: list[BaseException] = []
        source, copy = Source(context, 1, errors, high_water=10), Copy()
        follower = Follower(
            loop, context, source.endpoint, clock, copy, source.snapshot, errors.append
        )
        follower.follow(READINGS)
        follower.follow(EVENTS)
        try:
            await until(lambda: follower.synchronised)
            await asyncio.sleep(HEARTBEAT_S * 2)
            for number in range(20_000):  # in one turn: nobody reads meanwhile
                source.put(number % SLOTS, float(number))
                if number % 100 == 0:
                    source.tell(number)
            await until(lambda: copy.copy.snapshot() == source.table.snapshot())
            await until(lambda: len(copy.events) >= 200)
            assert copy.events == list(range(0, 20_000, 100))
            assert follower.gaps > 0, "or nothing was dropped, and this shows nothing"
            assert not errors
        finally:
            follower.close()
            source.publisher.close()
            context.term()

    asyncio.run(story())


def test_a_follower_that_was_held_up_itself_calls_nobody_silent() -> None:
    async def story() -> None:
        bench = StreamBench()
        try:
            await bench.ready()  # it loses heartbeats, so there may be something to heal
            await asyncio.sleep(HEARTBEAT_S * 2)
            await bench.until(lambda: bench.follower.synchronised)
            bench.copy.log.clear()
            # The publisher, on this loop too, says nothing meanwhile.
            asyncio.get_running_loop().call_soon(time.sleep, SILENT_S + 0.5)
            await asyncio.sleep(0)
            await asyncio.sleep(LOOK_S * 2)
            assert bench.copy.log == []
        finally:
            bench.close()

    asyncio.run(story())


def test_what_an_old_incarnation_says_is_no_sign_of_life() -> None:
    async def story() -> None:
        bench = StreamBench()
        try:
            await bench.ready()
            bench.restart(epoch=7)
            await bench.until(lambda: bench.follower._topics[READINGS].position.epoch == 7)
            await bench.until(lambda: bench.follower.synchronised)
            heard = bench.follower._topics[READINGS].heard_ns
            beat = frames.encode_heartbeat(frames.Heartbeat(READINGS, 1, 99, 0))
            bench.follower._message((READINGS.encode(), beat))
            assert bench.follower._topics[READINGS].heard_ns == heard
        finally:
            bench.close()

    asyncio.run(story())


def test_a_frozen_cell_behind_a_gateway_is_stale_in_time_and_whole_when_it_wakes(
    tmp_path: Path,
) -> None:
    async def story(city: LocalCity) -> None:
        async with AsyncClient(city.api) as client:
            seen: dict[str, Reading] = {}

            async def watch() -> None:
                async for update in client.subscribe("readings", pattern="*/level"):
                    assert isinstance(update, Reading)
                    seen[update.point] = update

            watching = asyncio.create_task(watch())
            await until(lambda: len(seen) == 3)
            await asyncio.sleep(HEARTBEAT_S)
            cell = next(name for name in city.hosts if name.startswith("device"))
            city.freeze(cell, 2.5)
            frozen = time.monotonic()
            await until(lambda: all(r.quality is Quality.STALE_GAP for r in seen.values()))
            assert time.monotonic() - frozen < SILENT_S + LOOK_S + SLACK_S
            await until(lambda: all(r.quality is Quality.GOOD for r in seen.values()))
            assert time.monotonic() - frozen > 2.3
            assert (await client.set("north-1/setpoint", 61.0)).applied
            await until(lambda: seen["north-1/level"].value == 61.0)
            watching.cancel()

    with small_city(tmp_path) as city:
        asyncio.run(story(city))
