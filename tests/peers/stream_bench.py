"""A publisher and a follower with a lossy proxy between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from patience import until
from stream_proxy import StreamProxy

from jacquemart.native import frames
from jacquemart.native.batch import Batch
from jacquemart.native.table import PointTable
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.follower import Follower
from jacquemart.runtime.wire.publisher import StreamPublisher

SLOTS = 20
READINGS, EVENTS = "r/north/0/", "e/north/"


class Source:
    """A publisher with a table, as a device cell has one."""

    def __init__(
        self,
        context: sockets.Context,
        epoch: int,
        errors: list[BaseException],
        high_water: int = sockets.HIGH_WATER,
    ) -> None:
        self.table = PointTable(SLOTS, 0)
        socket = sockets.publisher(context, high_water=high_water)
        self.endpoint = sockets.bind(socket, "127.0.0.1")
        loop = asyncio.get_running_loop()
        self.publisher = StreamPublisher(loop, socket, epoch, SystemClock(), errors.append)
        for topic in (READINGS, EVENTS):
            self.publisher.open_topic(topic)
        self.fail_snapshots = 0

    def put(self, slot: int, value: float) -> None:
        now = time.time_ns()
        self.table.update(slot, value, Quality.GOOD, now, now)
        assert self.publisher.readings(READINGS, self.table) == 1

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
    """What a follower makes of it. ``judged``: each batch comes as an object, none natively."""

    def __init__(self, *, judged: bool = False) -> None:
        self.copy = PointTable(SLOTS, 0)
        self.copy.judged = judged
        self.stored_natively = 0
        self.events: list[int] = []
        self.log: list[str] = []

    def snapshot(self, topic: str, content: dict[str, Any]) -> None:
        self.log.append(f"whole {topic}")
        if topic == READINGS:
            slots, values, qualities, source, receive = map(memoryview, content["columns"])
            self.copy.apply_batch(
                slots.cast("I"), values.cast("d"), qualities.cast("B"), source.cast("q"),
                receive.cast("q"),
            )  # fmt: skip

    def batch(self, topic: str, batch: Batch) -> None:
        self.copy.apply_batch(
            batch.slots, batch.values, batch.qualities, batch.source_ns, batch.receive_ns
        )

    def table(self, topic: str) -> PointTable | None:
        return self.copy if topic == READINGS else None

    def stored(self, topic: str) -> None:
        self.stored_natively += 1

    def rows(self, topic: str, rows: list[list[Any]]) -> None: ...

    def event(self, topic: str, event: Event) -> None:
        self.events.append(event.time_ns)

    def stale(self, topic: str) -> None:
        self.log.append(f"stale {topic}")
        if topic == READINGS:
            self.copy.mark(0, SLOTS, Quality.STALE_GAP, time.time_ns())


class StreamBench:
    def __init__(self, *, judged: bool = False) -> None:
        self.errors: list[BaseException] = []
        self.context = sockets.new_context()
        self.source = Source(self.context, 1, self.errors)
        self.proxy = StreamProxy(self.source.endpoint)
        self.copy = Copy(judged=judged)
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
        return self.copy.copy.snapshot() == self.source.table.snapshot()

    async def until(self, found: Callable[[], bool]) -> None:
        await until(found)

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
