"""Readings from one process to another: ours, and the raw limit. A process a role.

    python readings.py pull|push|publish|follow …    (``telemetry.py`` does)

``push`` and ``pull`` are the raw limit: libzmq's PUSH and PULL over TCP, in C without the
interpreter lock, into last values and sums of zones; with ``stream``, PUB and SUB with the topic as
a part before each, as streams have it. ``publish`` and ``follow`` are the library's
own: a point table whose changes its ``StreamPublisher`` sends, and a ``Follower`` that has them in
another table, whose groups (zones) are summed up ten times a second. The publisher never is more
than ``WINDOW`` messages ahead of what the follower says that it has stored, as PUSH waits for PULL.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import random
import struct
import sys
import time
from array import array
from pathlib import Path
from typing import Any

import zmq

from jacquemart.native import limit
from jacquemart.native.batch import Batch
from jacquemart.native.table import PointTable
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.follower import Follower
from jacquemart.runtime.wire.publisher import StreamPublisher

SLOTS, ZONES = 100_000, 20
TOPIC = "r/north/0/"
#: Messages on their way. Both queues of a stream take 100,000 each, but libzmq tells a sender only
#: with every 50,000 that there is room again.
WINDOW = 40_000
ROLLUP_S = 0.1
LOOK_S = 0.005
#: Neighbours that change together: the points behind one link.
RUN = 50
#: Slots whose readings change between two sends.
ROUND = 10_000


def spent() -> float:
    """Return the processor seconds of this process."""
    times = os.times()
    return times.user + times.system


def say(**facts: Any) -> None:
    """Tell the bench."""
    print(json.dumps(facts), flush=True)


def order() -> list[int]:
    """Return all slots, in runs as links answer, which come in no order."""
    runs = [range(at, at + RUN) for at in range(0, SLOTS, RUN)]
    random.Random(1).shuffle(runs)
    return [slot for run in runs for slot in run]


def pull(rows: int, count: int, *, stream: bool) -> None:
    """Take so many messages."""
    socket = zmq.Context().socket(zmq.SUB if stream else zmq.PULL)
    socket.setsockopt(zmq.RCVHWM, 0 if stream else sockets.HIGH_WATER)
    if stream:
        socket.setsockopt(zmq.SUBSCRIBE, TOPIC.encode())
    say(port=socket.bind_to_random_port("tcp://127.0.0.1"))
    sys.stdin.readline()
    began = spent()
    stored, _ = limit.pull(socket, SLOTS, ZONES, count)
    say(stored=stored, cpu_s=spent() - began, at=time.monotonic(), lost=rows * count - stored)


def push(port: int, rows: int, count: int, *, stream: bool) -> None:
    """Send so many messages, from a block that is ready."""
    socket = zmq.Context().socket(zmq.XPUB if stream else zmq.PUSH)
    socket.setsockopt(zmq.SNDHWM, 0 if stream else sockets.HIGH_WATER)
    socket.connect(f"tcp://127.0.0.1:{port}")
    record = struct.Struct("<IIdq")
    block = b"".join(record.pack(slot, slot % ZONES, float(slot), 1) for slot in order())
    say(ready=True)
    sys.stdin.readline()
    if stream:
        socket.recv()  # somebody follows, and listens by now
    began, at = spent(), time.monotonic()
    limit.push(socket, block, rows, count, TOPIC.encode() if stream else b"")
    say(cpu_s=spent() - began, at=at)
    sys.stdin.readline()  # what is still in the queue leaves


class Zones:
    """Where a follower stores: last values, and rollups of zones."""

    def __init__(self) -> None:
        """Have no reading yet."""
        self.held = PointTable(SLOTS, ZONES)
        for slot in range(SLOTS):
            self.held.define(slot, slot % ZONES, 0)
        self.judged = 0
        self.stale_shown = 0
        self.rollups = 0

    def table(self, topic: str) -> PointTable:
        """Return where readings are stored."""
        return self.held

    def stored(self, topic: str) -> None:
        """The rollups look by themselves."""

    def snapshot(self, topic: str, content: dict[str, Any]) -> None:
        """Nothing was said before."""

    def batch(self, topic: str, batch: Batch) -> None:
        """Take a batch that was not stored natively: around heartbeats."""
        self.held.apply_batch(
            batch.slots, batch.values, batch.qualities, batch.source_ns, batch.receive_ns
        )
        self.judged += batch.count

    def rows(self, topic: str, rows: list[list[Any]]) -> None:
        """Nobody publishes aggregates here."""

    def event(self, topic: str, event: Event) -> None:
        """Nobody publishes events here."""

    def stale(self, topic: str) -> None:
        """Count it: something was lost."""
        self.stale_shown += 1

    def roll_up(self) -> None:
        """Sum up what changed, as a zone cell does."""
        for group in self.held.changed_groups():
            self.held.rollup(group)
            self.rollups += 1
        self.held.forget()


async def follow(endpoint: str, shared: str, readings: int) -> None:
    """Store so many readings, and say how far it is."""
    loop, zones = asyncio.get_running_loop(), Zones()

    async def ask(_: str) -> dict[str, Any]:
        return {"epoch": 1, "sequence": 0}

    follower = Follower(
        loop, sockets.new_context(), endpoint, SystemClock(), zones, ask,
        lambda error: say(error=repr(error)),
    )  # fmt: skip
    follower.follow(TOPIC)
    while not follower.synchronised:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    with open(shared, "r+b") as file, mmap.mmap(file.fileno(), 8) as told:  # noqa: ASYNC230
        say(ready=True)
        began, due, stored, moved = spent(), 0.0, 0, time.monotonic()
        while stored < readings and time.monotonic() < moved + 10.0:
            await asyncio.sleep(LOOK_S)
            before, stored = stored, follower.readings_stored + zones.judged
            if stored != before:
                moved = time.monotonic()
            told[:] = stored.to_bytes(8, "little")
            if loop.time() >= due:
                due = loop.time() + ROLLUP_S
                zones.roll_up()
        zones.roll_up()
        told[:] = readings.to_bytes(8, "little")  # also what was lost: nobody waits for that
        say(
            stored=stored, cpu_s=spent() - began, at=moved, lost=readings - stored,
            gaps=follower.gaps, judged=zones.judged, rollups=zones.rollups,
        )  # fmt: skip
    follower.close()


async def publish(shared: str, rows: int, readings: int) -> None:
    """Change the readings of a table, round after round, and publish what changed."""
    loop = asyncio.get_running_loop()
    socket = sockets.publisher(sockets.new_context())
    endpoint = sockets.bind(socket, "127.0.0.1")
    publisher = StreamPublisher(
        loop, socket, 1, SystemClock(), lambda error: say(error=repr(error)), rows_a_frame=rows
    )
    publisher.open_topic(TOPIC)
    table, slots = PointTable(SLOTS, 1), order()
    rounds = [
        (array("I", slots[at : at + ROUND]), array("d", [float(at)]) * ROUND)
        for at in range(0, SLOTS, ROUND)
    ]
    with open(shared, "r+b") as file, mmap.mmap(file.fileno(), 8) as told:  # noqa: ASYNC230
        say(endpoint=endpoint)
        await asyncio.to_thread(sys.stdin.readline)
        began, at, sent = spent(), time.monotonic(), 0
        while sent < readings:
            while sent - int.from_bytes(told[:], "little") > WINDOW * min(rows, 32):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)
            columns = rounds[sent // ROUND % len(rounds)]
            table.update_columns(*columns, None, None, sent + 1)
            publisher.readings(TOPIC, table)
            sent += ROUND
            await asyncio.sleep(0)
        say(cpu_s=spent() - began, at=at)
        await asyncio.to_thread(sys.stdin.readline)  # what is still in the queue leaves
    publisher.close()


if __name__ == "__main__":
    role, *given = sys.argv[1:]
    if role == "pull":
        pull(int(given[0]), int(given[1]), stream="stream" in given)
    elif role == "push":
        push(int(given[0]), int(given[1]), int(given[2]), stream="stream" in given)
    elif role == "follow":
        asyncio.run(follow(given[0], str(Path(given[1])), int(given[2])))
    else:
        asyncio.run(publish(str(Path(given[0])), int(given[1]), int(given[2])))
