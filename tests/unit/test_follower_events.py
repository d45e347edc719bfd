"""Events that nobody can have any more are told as lost, by their number."""

from __future__ import annotations

import asyncio
from typing import Any

from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.follower import Follower


class Heard:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def snapshot(self, topic: str, content: dict[str, Any]) -> None:
        pass

    def stale(self, topic: str) -> None:
        pass

    def event(self, topic: str, event: Event) -> None:
        self.events.append(event)


def event(number: int) -> list[Any]:
    return [number, Event("door_open", "north", f"cab-{number}", number).as_list()]


async def followed(*snapshots: dict[str, Any]) -> list[Event]:
    heard = Heard()
    waiting = list(snapshots)
    errors: list[BaseException] = []

    async def ask(_: str) -> dict[str, Any]:
        return waiting.pop(0)

    context = sockets.new_context()
    loop = asyncio.get_running_loop()
    follower = Follower(
        loop,
        context,
        "tcp://127.0.0.1:9",
        SystemClock(),
        heard,
        ask,
        errors.append,  # type: ignore[arg-type]
    )
    try:
        follower.follow("e/north/")
        while waiting:
            await asyncio.sleep(0.01)
            for entry in follower._topics.values():
                if entry.position.synchronised and waiting:
                    entry.position.synchronised = False
                    entry.position.asking = True
                    follower._resync(entry)
        await asyncio.sleep(0.05)
    finally:
        follower.close()
        context.term()
    assert not errors
    return heard.events


def test_events_that_fell_out_of_the_snapshot_are_told_as_lost_once() -> None:
    first = {"epoch": 1, "sequence": 2, "events": [event(1), event(2)]}
    later = {"epoch": 1, "sequence": 9, "events": [event(8), event(9)]}
    events = asyncio.run(followed(first, later))
    assert [e.name for e in events] == ["door_open", "door_open", "events_lost"] + ["door_open"] * 2
    assert events[2].detail == {"number": 5, "topic": "e/north/"}


def test_who_joins_late_has_lost_nothing_and_a_gapless_snapshot_tells_of_no_loss() -> None:
    first = {"epoch": 1, "sequence": 7, "events": [event(6), event(7)]}
    later = {"epoch": 1, "sequence": 8, "events": [event(7), event(8)]}
    events = asyncio.run(followed(first, later))
    assert [e.subject for e in events] == ["cab-6", "cab-7", "cab-8"]
