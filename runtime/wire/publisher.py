"""Publishing with a sequence a topic: batches, events, rollups, and heartbeats when idle."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jacquemart.native import frames
from jacquemart.native.stream import ROWS_A_FRAME
from jacquemart.native.table import PointTable
from jacquemart.runtime.kernel.stream import Pulse
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.wire import messages, sockets
from jacquemart.runtime.wire.channel import Channel, Message

#: Never longer than this between two things said of a topic: an idle one repeats its number.
HEARTBEAT_S = 0.5
#: Events kept for snapshots, a topic.
EVENTS_KEPT = 1_000


@dataclass(slots=True)
class _Topic:
    name: str
    encoded: bytes
    sequence: int = 0
    pulse: Pulse = field(default_factory=Pulse)
    events: deque[list[Any]] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))


class StreamPublisher:
    """An XPUB with numbered topics. All topics share the epoch of their cell."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socket: sockets.Socket | Channel,
        epoch: int,
        clock: Clock,
        on_error: Callable[[BaseException], None],
        rows_a_frame: int = ROWS_A_FRAME,
    ) -> None:
        """Publish on a bound XPUB socket, or on the channel that somebody made of it.

        ``rows_a_frame``: the most readings in one batch, 1 to 524,288; what a lost frame loses.
        """
        self._rows_a_frame = rows_a_frame
        self.epoch = epoch
        self._loop = loop
        self._clock = clock
        self._topics: dict[str, _Topic] = {}
        self._ended: dict[str, int] = {}
        """Topics that were closed -> their last sequence; should one come again, it goes on."""
        self._channel = (
            socket
            if isinstance(socket, Channel)
            else Channel(loop, socket, self._subscription, on_error)
        )
        self._beat = loop.call_later(HEARTBEAT_S / 2, self._heartbeat)

    def open_topic(self, topic: str) -> None:
        """Announce a topic, so that it has heartbeats before its first message."""
        self._topic(topic)

    def close_topic(self, topic: str) -> None:
        """Let a topic end: no heartbeat tells of it any more."""
        entry = self._topics.pop(topic, None)
        if entry is not None:
            self._ended[topic] = entry.sequence

    def renumber(self, topic: str) -> None:
        """Say by the number of a topic that never has another message that its subject changed.

        The heartbeat with the new number leaves at once, before whatever is published next; who
        misses it learns from the next one. A new topic begins with 0.
        """
        entry = self._topic(topic)
        entry.sequence += 1
        self._say(entry)

    def sequence(self, topic: str) -> int:
        """Return the number of the last message of a topic; 0 before the first."""
        return self._topic(topic).sequence

    def readings(self, topic: str, table: PointTable) -> int:
        """Publish what is dirty in a table, in batches of bounded size, and clear it.

        Return how many batches that took.
        """
        if not table.dirty_count:
            return 0
        entry = self._topic(topic)
        count = self._channel.send_batches(
            table, entry.encoded, self.epoch, entry.sequence + 1, self._rows_a_frame
        )
        entry.sequence += count
        entry.pulse.spoke()
        return count

    def event(self, topic: str, event: Event) -> None:
        """Publish an event and keep it for snapshots.

        Raises:
            TypeError, ValueError: it cannot be encoded; nothing was published or kept.
        """
        # Encoded first: a number without a message would be a gap that no snapshot could heal.
        sequence = self._topic(topic).sequence + 1
        frame = messages.encode_event(topic, self.epoch, sequence, event)
        entry = self._next(topic)
        entry.events.append([entry.sequence, event.as_list()])
        self._channel.send(entry.encoded, frame)

    def rollup(self, topic: str, rows: Sequence[Sequence[Any]]) -> None:
        """Publish aggregates."""
        entry = self._next(topic)
        frame = messages.encode_rollup(
            topic, self.epoch, entry.sequence, self._clock.wall_ns(), rows
        )
        self._channel.send(entry.encoded, frame)

    def kept_events(self, topic: str) -> list[list[Any]]:
        """Return the events kept for a topic, each with its sequence, oldest first."""
        return list(self._topic(topic).events)

    def close(self) -> None:
        """Stop publishing."""
        self._beat.cancel()
        self._channel.close()

    def _topic(self, name: str) -> _Topic:
        entry = self._topics.get(name)
        if entry is None:
            last = self._ended.pop(name, 0)
            entry = self._topics[name] = _Topic(name, name.encode(), last)
        return entry

    def _next(self, name: str) -> _Topic:
        entry = self._topic(name)
        entry.sequence += 1
        entry.pulse.spoke()
        return entry

    def _subscription(self, parts: Message) -> None:
        """Take a subscription off the socket; the XPUB itself keeps account of them."""

    def _heartbeat(self) -> None:
        for entry in self._topics.values():
            if entry.pulse.due():
                self._say(entry)
        self._beat = self._loop.call_later(HEARTBEAT_S / 2, self._heartbeat)

    def _say(self, entry: _Topic) -> None:
        beat = frames.Heartbeat(entry.name, self.epoch, entry.sequence, self._clock.boot_ns())
        self._channel.send(entry.encoded, frames.encode_heartbeat(beat))
