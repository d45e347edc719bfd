"""A stream that loses messages shows it, and is whole again by itself."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from stream_bench import EVENTS, READINGS, SLOTS, StreamBench

from jacquemart.native import frames
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.wire import follower as following
from jacquemart.runtime.wire import publisher as publishing


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(following, "SILENT_S", 0.6)
    monkeypatch.setattr(following, "_RETRY_S", 0.05)


def on_bench(
    story: Callable[[StreamBench], Coroutine[Any, Any, None]], *, judged: bool = False
) -> None:
    async def whole() -> None:
        bench = StreamBench(judged=judged)
        try:
            await bench.ready()
            await story(bench)
        finally:
            bench.close()

    asyncio.run(whole())


def test_without_losses_nothing_is_stale_and_values_and_events_arrive() -> None:
    async def story(bench: StreamBench) -> None:
        for number in range(100):
            bench.source.put(number % SLOTS, float(number))
            bench.source.tell(number)
        await bench.until(lambda: bench.equal and len(bench.copy.events) == 100)
        assert bench.copy.events == list(range(100))
        assert bench.copy.log == []
        assert bench.copy.stored_natively > 0

    on_bench(story)


def test_a_message_lost_in_between_is_seen_at_the_next_one_and_healed() -> None:
    async def story(bench: StreamBench) -> None:
        bench.proxy.drop = lambda topic, _: topic == READINGS.encode()
        bench.source.put(3, 33.0)
        await bench.until(lambda: bench.proxy.lost == 1)
        bench.proxy.drop = None
        bench.source.put(4, 44.0)
        await bench.until(lambda: bench.equal)
        assert bench.copy.log == [f"stale {READINGS}", f"whole {READINGS}"]
        assert bench.copy.copy.value(3) == 33.0
        assert bench.follower.gaps == 1

    on_bench(story)


def test_the_last_message_lost_is_seen_at_the_heartbeat() -> None:
    async def story(bench: StreamBench) -> None:
        bench.proxy.drop = lambda _, frame: frames.kind_of(frame) != frames.HEARTBEAT
        bench.source.put(3, 33.0)
        bench.source.tell(1)
        await bench.until(lambda: bench.equal and bench.copy.events == [1])
        assert sorted(bench.copy.log) == sorted(
            f"{what} {topic}" for topic in (READINGS, EVENTS) for what in ("stale", "whole")
        )

    on_bench(story)


@pytest.mark.parametrize(
    ("share", "judged"), [(0.1, False), (0.5, False), (0.5, True), (0.9, True)]
)
def test_whatever_is_lost_the_copy_ends_equal_and_each_event_came_once(
    share: float, *, judged: bool
) -> None:
    async def story(bench: StreamBench) -> None:
        dice = random.Random(share)
        bench.proxy.drop = lambda *_: dice.random() < share
        for number in range(300):
            bench.source.put(dice.randrange(SLOTS), float(number))
            if number % 3 == 0:
                bench.source.tell(number)
            if number % 10 == 0:
                await asyncio.sleep(0.005)
        await bench.until(lambda: bench.proxy.lost > 0)
        bench.proxy.drop = None
        await bench.until(lambda: bench.equal and len(bench.copy.events) >= 100)
        await asyncio.sleep(0.3)
        assert bench.equal
        assert bench.copy.events == list(range(0, 300, 3))

    on_bench(story, judged=judged)


def test_a_publisher_that_falls_silent_is_shown_as_stale_and_is_whole_when_it_speaks() -> None:
    async def story(bench: StreamBench) -> None:
        bench.source.put(5, 55.0)
        await bench.until(lambda: bench.equal)
        bench.proxy.drop = lambda *_: True
        bench.source.fail_snapshots = 10**9
        await bench.until(lambda: bench.copy.copy.quality(5) == Quality.STALE_GAP)
        await asyncio.sleep(1.2)
        assert bench.copy.log.count(f"stale {READINGS}") == 1, "said once, not at each look"
        bench.source.put(6, 66.0)
        bench.source.fail_snapshots = 0
        await bench.until(lambda: bench.equal)
        assert bench.copy.copy.quality(5) == Quality.GOOD

    on_bench(story)


def test_a_snapshot_that_fails_is_asked_for_again() -> None:
    async def story(bench: StreamBench) -> None:
        bench.source.fail_snapshots = 4
        bench.proxy.drop = lambda topic, _: topic == READINGS.encode()
        bench.source.put(3, 33.0)
        await bench.until(lambda: bench.proxy.lost > 0)
        bench.proxy.drop = None
        await bench.until(lambda: bench.equal)
        assert any(isinstance(error, ConnectionError) for error in bench.errors)

    on_bench(story)


def test_a_successor_with_a_higher_epoch_is_followed_and_its_predecessor_is_not_heard() -> None:
    async def story(bench: StreamBench) -> None:
        bench.source.put(3, 33.0)
        bench.source.tell(1)
        await bench.until(lambda: bench.equal and bench.copy.events == [1])
        source = bench.restart(epoch=5)
        source.put(4, 44.0)
        source.tell(2)
        await bench.until(lambda: bench.equal and bench.copy.events == [1, 2])
        old = struct.pack("<I", 3), struct.pack("<d", 3.5), b"\0", bytes(8), bytes(8)
        frame = frames.encode_batch(READINGS, 1, 9_999, *old)
        bench.follower._message((READINGS.encode(), frame))
        await asyncio.sleep(0.05)
        assert bench.equal

    on_bench(story)


def test_events_that_a_successor_tells_again_come_once() -> None:
    async def story(bench: StreamBench) -> None:
        for number in range(5):
            bench.source.tell(number)
        await bench.until(lambda: len(bench.copy.events) == 5)
        source = bench.restart(epoch=2)
        for number in range(3, 8):  # it read some of them from below, and tells them again
            source.tell(number)
        await bench.until(lambda: len(bench.copy.events) >= 8)
        await asyncio.sleep(0.5)
        source.tell(8)
        await bench.until(lambda: len(bench.copy.events) >= 9)
        assert bench.copy.events == list(range(9))

    on_bench(story)


def test_an_event_that_cannot_be_encoded_leaves_no_gap_and_no_broken_snapshot() -> None:
    async def story(bench: StreamBench) -> None:
        for detail in (object(), "\udce9", {1, 2}, 2**70):
            with pytest.raises((TypeError, ValueError, OverflowError)):
                bench.source.publisher.event(EVENTS, Event("bad", "n", "s", 1, 0, {"x": detail}))
        bench.source.tell(1)
        await bench.until(lambda: bench.copy.events == [1])
        assert bench.follower.gaps == 0

    on_bench(story)


def test_rubbish_on_a_stream_is_told_and_the_stream_goes_on() -> None:
    async def story(bench: StreamBench) -> None:
        channel = bench.source.publisher._channel
        for parts in (
            (b"",),
            (b"x",),
            (b"\xff\xfe",),
            (b"a", b"b"),
            (frames.pack(frames.EVENT, 2),),
        ):
            channel.send(READINGS.encode(), *parts)
        bench.source.put(3, 33.0)
        await bench.until(lambda: bench.equal)
        assert len(bench.errors) == 5
        assert bench.follower.gaps == 0

    on_bench(story)


def test_a_topic_that_is_followed_no_more_is_silent_and_never_stale() -> None:
    async def story(bench: StreamBench) -> None:
        bench.follower.follow_only([EVENTS])
        bench.source.put(3, 33.0)
        bench.source.tell(1)
        await bench.until(lambda: bench.copy.events == [1])
        bench.proxy.drop = lambda topic, _: topic == READINGS.encode()
        await asyncio.sleep(1.2)
        assert bench.copy.log == []
        assert bench.proxy.lost == 0, "it is not even sent any more"
        bench.follower.follow_only([READINGS, EVENTS])
        bench.proxy.drop = None
        await bench.until(lambda: bench.equal)

    on_bench(story)
