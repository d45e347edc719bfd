"""A stream that loses messages shows it, and is whole again by itself."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from stream_proxy import StreamProxy

from jacquemart.native import frames
from jacquemart.native.batch import Batch
from jacquemart.native.table import PointTable
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.wire import follower as following
from jacquemart.runtime.wire import publisher as publishing
from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.follower import Follower
from jacquemart.runtime.wire.publisher import StreamPublisher

SLOTS = 20
READINGS, EVENTS = "r/north/0/", "e/north/"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(following, "SILENT_S", 0.6)
    monkeypatch.setattr(following, "_RETRY_S", 0.05)


class Source:
    """A publisher with a table, as a device cell has one."""

    def __init__(self, context: sockets.Context, epoch: int, errors: list[BaseException]) -> None:
        self.table = PointTable(SLOTS, 0)
        socket = sockets.publisher(context)
        self.endpoint = sockets.bind(socket, "127.0.0.1")
        loop = asyncio.get_running_loop()
        self.publisher = StreamPublisher(loop, socket, epoch, SystemClock(), errors.append)
        for topic in (READINGS, EVENTS):
            self.publisher.open_topic(topic)
        self.fail_snapshots = 0

    def put(self, slot: int, value: float) -> None:
        now = time.time_ns()
        self.table.update(slot, value, Quality.GOOD, now, now)
        columns = self.table.drain()
        assert columns is not None
        self.publisher.batch(READINGS, columns)

    def tell(self, number: int) -> None:
        event = Event("happened", "north", f"lamp-{number}", number, 0, {"number": number})
        self.publisher.event(EVENTS, event)

    async def snapshot(self, topic: str) -> dict[str, Any] | None:
        await asyncio.sleep(0.01)
        if self.fail_snapshots:
            self.fail_snapshots -= 1
            if self.fail_snapshots % 2:
                raise ConnectionError("no snapshot now")
            return None
        found = {"epoch": self.publisher.epoch, "sequence": self.publisher.sequence(topic)}
        if topic == EVENTS:
            return {**found, "events": self.publisher.kept_events(topic)}
        return {**found, "columns": list(self.table.snapshot())}


class Copy:
    """What a follower makes of it."""

    def __init__(self) -> None:
        self.table = PointTable(SLOTS, 0)
        self.events: list[int] = []
        self.log: list[str] = []

    def snapshot(self, topic: str, content: dict[str, Any]) -> None:
        self.log.append(f"whole {topic}")
        if topic == READINGS:
            slots, values, qualities, source, receive = map(memoryview, content["columns"])
            self.table.apply_batch(
                slots.cast("I"), values.cast("d"), qualities.cast("B"), source.cast("q"),
                receive.cast("q"),
            )  # fmt: skip

    def batch(self, topic: str, batch: Batch) -> None:
        self.table.apply_batch(
            batch.slots, batch.values, batch.qualities, batch.source_ns, batch.receive_ns
        )

    def rows(self, topic: str, rows: list[list[Any]]) -> None: ...

    def event(self, topic: str, event: Event) -> None:
        self.events.append(event.time_ns)

    def stale(self, topic: str) -> None:
        self.log.append(f"stale {topic}")
        if topic == READINGS:
            self.table.mark(0, SLOTS, Quality.STALE_GAP, time.time_ns())


class Bench:
    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.context = sockets.new_context()
        self.source = Source(self.context, 1, self.errors)
        self.proxy = StreamProxy(self.source.endpoint)
        self.copy = Copy()
        self.follower = Follower(
            asyncio.get_running_loop(), self.context, self.proxy.endpoint, SystemClock(),
            self.copy, lambda topic: self.source.snapshot(topic), self.errors.append,
        )  # fmt: skip
        self.follower.follow(READINGS)
        self.follower.follow(EVENTS)

    def restart(self, epoch: int) -> Source:
        """Let the publisher die, and its successor start."""
        self.source.publisher.close()
        self.source = Source(self.context, epoch, self.errors)
        self.proxy.follow(self.source.endpoint)
        return self.source

    @property
    def equal(self) -> bool:
        return self.copy.table.snapshot() == self.source.table.snapshot()

    async def until(self, found: Callable[[], bool], seconds: float = 15.0) -> None:
        give_up = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < give_up, (self.copy.log, self.errors)
            await asyncio.sleep(0.01)

    async def ready(self) -> None:
        """Wait until messages come through: a snapshot may be there before the subscription."""
        await self.until(lambda: self.follower.synchronised)
        self.proxy.drop = lambda _, frame: frames.kind_of(frame) == frames.HEARTBEAT
        await self.until(lambda: self.proxy.lost > 2)
        self.proxy.drop = None
        await asyncio.sleep(0.05)
        self.proxy.lost = 0
        self.copy.log.clear()

    def close(self) -> None:
        self.follower.close()
        self.source.publisher.close()
        self.proxy.close()
        self.context.term()


def on_bench(story: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        bench = Bench()
        try:
            await bench.ready()
            await story(bench)
        finally:
            bench.close()

    asyncio.run(whole())


def test_without_losses_nothing_is_stale_and_values_and_events_arrive() -> None:
    async def story(bench: Bench) -> None:
        for number in range(100):
            bench.source.put(number % SLOTS, float(number))
            bench.source.tell(number)
        await bench.until(lambda: bench.equal and len(bench.copy.events) == 100)
        assert bench.copy.events == list(range(100))
        assert bench.copy.log == []

    on_bench(story)


def test_a_message_lost_in_between_is_seen_at_the_next_one_and_healed() -> None:
    async def story(bench: Bench) -> None:
        bench.proxy.drop = lambda topic, _: topic == READINGS.encode()
        bench.source.put(3, 33.0)
        await bench.until(lambda: bench.proxy.lost == 1)
        bench.proxy.drop = None
        bench.source.put(4, 44.0)
        await bench.until(lambda: bench.equal)
        assert bench.copy.log == [f"stale {READINGS}", f"whole {READINGS}"]
        assert bench.copy.table.value(3) == 33.0
        assert bench.follower.gaps == 1

    on_bench(story)


def test_the_last_message_lost_is_seen_at_the_heartbeat() -> None:
    async def story(bench: Bench) -> None:
        bench.proxy.drop = lambda _, frame: frames.kind_of(frame) != frames.HEARTBEAT
        bench.source.put(3, 33.0)
        bench.source.tell(1)
        await bench.until(lambda: bench.equal and bench.copy.events == [1])
        assert sorted(bench.copy.log) == sorted(
            f"{what} {topic}" for topic in (READINGS, EVENTS) for what in ("stale", "whole")
        )

    on_bench(story)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_whatever_is_lost_the_copy_ends_equal_and_each_event_came_once(share: float) -> None:
    async def story(bench: Bench) -> None:
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

    on_bench(story)


def test_a_publisher_that_falls_silent_is_shown_as_stale_and_is_whole_when_it_speaks() -> None:
    async def story(bench: Bench) -> None:
        bench.source.put(5, 55.0)
        await bench.until(lambda: bench.equal)
        bench.proxy.drop = lambda *_: True
        bench.source.fail_snapshots = 10**9
        await bench.until(lambda: bench.copy.table.quality(5) == Quality.STALE_GAP)
        await asyncio.sleep(1.2)
        assert bench.copy.log.count(f"stale {READINGS}") == 1, "said once, not at each look"
        bench.source.put(6, 66.0)
        bench.source.fail_snapshots = 0
        await bench.until(lambda: bench.equal)
        assert bench.copy.table.quality(5) == Quality.GOOD

    on_bench(story)


def test_a_snapshot_that_fails_is_asked_for_again() -> None:
    async def story(bench: Bench) -> None:
        bench.source.fail_snapshots = 4
        bench.proxy.drop = lambda topic, _: topic == READINGS.encode()
        bench.source.put(3, 33.0)
        await bench.until(lambda: bench.proxy.lost > 0)
        bench.proxy.drop = None
        await bench.until(lambda: bench.equal)
        assert any(isinstance(error, ConnectionError) for error in bench.errors)

    on_bench(story)


def test_a_successor_with_a_higher_epoch_is_followed_and_its_predecessor_is_not_heard() -> None:
    async def story(bench: Bench) -> None:
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
    async def story(bench: Bench) -> None:
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
    async def story(bench: Bench) -> None:
        for detail in (object(), "\udce9", {1, 2}, 2**70):
            with pytest.raises((TypeError, ValueError, OverflowError)):
                bench.source.publisher.event(EVENTS, Event("bad", "n", "s", 1, 0, {"x": detail}))
        bench.source.tell(1)
        await bench.until(lambda: bench.copy.events == [1])
        assert bench.follower.gaps == 0

    on_bench(story)


def test_rubbish_on_a_stream_is_told_and_the_stream_goes_on() -> None:
    async def story(bench: Bench) -> None:
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
    async def story(bench: Bench) -> None:
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
