"""Following streams: subscribe, take a snapshot, apply what comes after, heal what is missed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from jacquemart.native import frames
from jacquemart.native.batch import Batch
from jacquemart.native.stream import Feed
from jacquemart.native.table import PointTable
from jacquemart.runtime.kernel.stream import Step, TopicFollower, VersionFollower
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.errors import FrameError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.wire import messages, sockets
from jacquemart.runtime.wire.channel import Channel, Message
from jacquemart.runtime.wire.feeds import FeedChannel
from jacquemart.runtime.wire.substitute import SubstituteSocket

#: Messages held back while a snapshot is on its way.
HELD = 10_000
#: Without a message or heartbeat for so long, a topic's publisher counts as silent: one heartbeat
#: (publisher.HEARTBEAT_S) after the one that did not come.
SILENT_S = 1.0
#: Looks for silence are so far apart.
LOOK_S = 0.1
_RETRY_S = 0.5
#: Events remembered, a topic, to know those that a publisher's successor tells again.
TOLD = 10_000


class Sink(Protocol):
    """Where a follower puts what it hears. Called on the loop."""

    def snapshot(self, topic: str, content: dict[str, Any]) -> None:
        """Take the whole state of a topic."""
        ...

    def batch(self, topic: str, batch: Batch) -> None:
        """Take changed points, in order, none missing."""
        ...

    def rows(self, topic: str, rows: list[list[Any]]) -> None:
        """Take changed aggregates, in order, none missing."""
        ...

    def event(self, topic: str, event: Event) -> None:
        """Take an event: each once, also those that only a snapshot tells of."""
        ...

    def stale(self, topic: str) -> None:
        """Show what is known of the topic as STALE until the next snapshot."""
        ...


@runtime_checkable
class TableSink(Sink, Protocol):
    """A sink whose batches go straight into tables of its own, natively, where that can be."""

    def table(self, topic: str) -> PointTable | None:
        """Return the table of a topic that begins to be followed; None: ``batch`` gets all."""
        ...

    def stored(self, topic: str) -> None:
        """Take note that batches of a topic were stored in its table, in order, none missing."""
        ...


@dataclass(slots=True)
class _Topic:
    name: str
    position: TopicFollower = field(default_factory=TopicFollower)
    held: deque[tuple[int, int, Any]] = field(default_factory=lambda: deque(maxlen=HELD))
    heard_ns: int = 0
    shown_stale: bool = False
    feed: Feed | None = None
    """Stores what needs no judgement; while it is armed, it has the position."""
    told: OrderedDict[tuple[int, str, str], int] = field(default_factory=OrderedDict)
    """Time, name and subject of an event -> the epoch that told it."""

    def take_over(self) -> None:
        """Have the position here, and nothing stored natively."""
        feed = self.feed
        if feed is not None:
            if feed.epoch == self.position.epoch and self.position.synchronised:
                self.position.sequence = max(self.position.sequence, feed.sequence)
            feed.pause()

    def hand_over(self) -> None:
        """Have what follows stored natively, if nothing is missing."""
        if self.feed is not None and self.position.synchronised and not self.held:
            self.feed.arm(self.position.epoch, self.position.sequence)

    def is_new(self, epoch: int, event: Event) -> bool:
        """Take note of an event; whether no epoch before has told it."""
        key = (event.time_ns, event.name, event.subject)
        first = self.told.setdefault(key, epoch)
        if len(self.told) > TOLD:
            self.told.popitem(last=False)
        return first >= epoch


class Follower:
    """Follows topics of one publisher."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: sockets.Context,
        endpoint: str,
        clock: Clock,
        sink: Sink,
        ask_snapshot: Callable[[str], Awaitable[dict[str, Any] | None]],
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Connect; ``follow`` adds topics."""
        self._loop = loop
        self._clock = clock
        self._sink = sink
        self._ask_snapshot = ask_snapshot
        self._on_error = on_error
        self._topics: dict[str, _Topic] = {}
        self._versions: dict[str, VersionFollower] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.gaps = 0
        socket = sockets.subscriber(context)
        socket.connect(endpoint)
        self._tables: TableSink | None = None
        self._feeds: FeedChannel | None = None
        if isinstance(sink, TableSink) and not isinstance(socket, SubstituteSocket):
            self._tables = sink
            self._feeds = FeedChannel(loop, socket, self._message, on_error, self._stored)
        self._channel = self._feeds or Channel(loop, socket, self._message, on_error)
        self._look_due = 0.0
        self._look_later()

    def follow(self, topic: str) -> None:
        """Subscribe to one topic (exact, ending in ``/``) and ask for its state."""
        if topic not in self._topics:
            entry = self._topics[topic] = _Topic(topic, heard_ns=self._clock.boot_ns())
            table = self._tables.table(topic) if self._tables is not None else None
            if table is not None and self._feeds is not None:
                entry.feed = Feed(topic.encode(), table)
                self._feeds.add(entry.feed)
            self._channel.send(b"\x01" + topic.encode())
            entry.position.asking = True
            self._resync(entry)

    def watch(self, topic: str, known: tuple[int, int] | None = None) -> None:
        """Subscribe to a topic that tells by its number that something else is to be known.

        ``sink.snapshot`` gets that then. Of a layout (``l/…``), nothing is asked before the
        snapshot of its readings (``r/…``) has told which one that was made with; of any other
        topic, ``known`` says which epoch and number the follower's user knows already.
        """
        if topic not in self._versions:
            self._versions[topic] = VersionFollower(known or (-1, 0))
            self._channel.send(b"\x01" + topic.encode())

    def unfollow(self, topic: str) -> None:
        """Forget a topic, which is somebody else's now, or nobody's."""
        if self._versions.pop(topic, None) is not None:
            self._channel.send(b"\x00" + topic.encode())
        entry = self._topics.pop(topic, None)
        if entry is not None:
            if entry.feed is not None and self._feeds is not None:
                self._feeds.remove(entry.feed)
            self._channel.send(b"\x00" + topic.encode())

    def follow_only(self, topics: Collection[str]) -> None:
        """Follow these topics and no others."""
        for topic in [name for name in self._topics if name not in topics]:
            self.unfollow(topic)
        for topic in topics:
            self.follow(topic)

    @property
    def readings_stored(self) -> int:
        """Readings that went natively into the tables of the topics that are followed."""
        feeds = (entry.feed for entry in self._topics.values())
        return sum(feed.readings for feed in feeds if feed is not None)

    @property
    def synchronised(self) -> bool:
        """Whether every topic has its state."""
        return all(topic.position.synchronised for topic in self._topics.values())

    def abandon(self) -> None:
        """Stop following a publisher that is gone: what it said is STALE from now on."""
        for entry in self._topics.values():
            self._show_stale(entry)
        self.close()

    def close(self) -> None:
        """Stop following."""
        self._watch.cancel()
        for task in self._tasks:
            task.cancel()
        self._channel.close()

    def _message(self, parts: Message) -> None:
        if len(parts) != 2:
            raise FrameError(f"a stream message has topic and frame, not {len(parts)} parts")
        name, frame = parts[0].decode(errors="replace"), parts[1]
        entry = self._topics.get(name)
        if entry is None:
            version = self._versions.get(name)
            if version is not None:
                beat = frames.decode_heartbeat(frame)
                if version.heartbeat(beat.epoch, beat.sequence):
                    self._start(self._learn(name, version))
            return
        entry.take_over()
        try:
            self._judge(entry, frame)
        finally:
            entry.hand_over()

    def _stored(self, feeds: Sequence[Feed]) -> None:
        now = self._clock.boot_ns()
        for feed in feeds:
            entry = self._topics.get(feed.topic.decode())
            if entry is not None and self._tables is not None:
                entry.heard_ns = now
                self._tables.stored(entry.name)

    def _judge(self, entry: _Topic, frame: bytes) -> None:
        kind = messages.kind_of(frame)
        if kind == frames.HEARTBEAT:
            beat = frames.decode_heartbeat(frame)
            self._hear(entry, beat.epoch)
            step = entry.position.heartbeat(beat.epoch, beat.sequence)
            if step is Step.RESYNC:
                self._gap(entry)
            return
        content: Any
        if kind == frames.BATCH:
            content = frames.decode_batch(frame)
            epoch, sequence = content.epoch, content.sequence
        else:
            _, epoch, sequence, content = messages.decode_stream(frame)
        self._hear(entry, epoch)
        self._take(entry, epoch, sequence, content)

    def _hear(self, entry: _Topic, epoch: int) -> None:
        if epoch >= entry.position.epoch:  # what an old incarnation says is no sign of life
            entry.heard_ns = self._clock.boot_ns()

    def _take(self, entry: _Topic, epoch: int, sequence: int, content: Any) -> None:
        step = entry.position.message(epoch, sequence)
        if step is Step.APPLY:
            if isinstance(content, Batch):
                self._sink.batch(entry.name, content)
            elif isinstance(content, Event):
                self._tell(entry, epoch, content)
            else:
                self._sink.rows(entry.name, content)
        elif step is not Step.DROP:
            entry.held.append((epoch, sequence, content))
            if step is Step.RESYNC:
                self._gap(entry)

    def _tell(self, entry: _Topic, epoch: int, event: Event) -> None:
        if entry.is_new(epoch, event):
            self._sink.event(entry.name, event)

    def _gap(self, entry: _Topic) -> None:
        self.gaps += 1
        self._show_stale(entry)
        self._resync(entry)

    def _show_stale(self, entry: _Topic) -> None:
        if not entry.shown_stale:
            entry.shown_stale = True
            self._sink.stale(entry.name)

    def _resync(self, entry: _Topic) -> None:
        self._start(self._fetch(entry))

    async def _learn(self, topic: str, version: VersionFollower) -> None:
        """Ask what there is to know, until it is known; what is known meanwhile stays true."""
        while self._versions.get(topic) is version and version.behind:
            try:
                content = await self._ask_snapshot(topic)
                if content is not None:
                    if version.answered(content["epoch"], content["sequence"]):
                        self._sink.snapshot(topic, content)
                    if not version.behind:
                        break
            except Exception as error:  # noqa: BLE001 - try again; said once each time
                self._on_error(error)
            await asyncio.sleep(_RETRY_S)
        version.asking = False

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fetch(self, entry: _Topic) -> None:
        while self._topics.get(entry.name) is entry:
            try:
                content = await self._ask_snapshot(entry.name)
                if content is not None and self._whole_again(entry, content):
                    return
            except Exception as error:  # noqa: BLE001 - try again; said once each time
                self._on_error(error)
            await asyncio.sleep(_RETRY_S)
            entry.position.asking = True

    def _whole_again(self, entry: _Topic, content: dict[str, Any]) -> bool:
        """Take a snapshot, tell the events that were missed, go on with what was held back."""
        before = (entry.position.epoch, entry.position.sequence)
        epoch = content["epoch"]
        if not entry.position.snapshot(epoch, content["sequence"]):
            return False
        kept = content.get("events", ())
        known = before[1] if epoch == before[0] else 0
        if kept and before != (0, 0) and kept[0][0] > known + 1:
            lost = {"number": kept[0][0] - known - 1, "topic": entry.name}
            zone = entry.name.split("/")[1]
            now = self._clock.wall_ns()
            self._sink.event(entry.name, Event("events_lost", zone, zone, now, 1, lost))
        for sequence, event in kept:
            if (epoch, sequence) > before:
                self._tell(entry, epoch, Event.from_list(event))
        self._sink.snapshot(entry.name, content)
        layout = f"l/{entry.name[2:]}"
        version = self._versions.get(layout)
        if version is not None and version.took(epoch, content.get("layout", 0)):
            self._start(self._learn(layout, version))
        entry.shown_stale = False
        entry.heard_ns = self._clock.boot_ns()
        self._release(entry)
        entry.hand_over()
        return True

    def _release(self, entry: _Topic) -> None:
        held, entry.held = entry.held, deque(maxlen=HELD)
        for epoch, sequence, content in held:
            self._take(entry, epoch, sequence, content)

    def _look_for_silence(self) -> None:
        # While this loop was held up, messages waited unread: that is no silence.
        own_ns = int(max(0.0, self._loop.time() - self._look_due) * 1e9)
        now = self._clock.boot_ns()
        limit = now - int(SILENT_S * 1e9)
        for entry in self._topics.values():
            if own_ns > LOOK_S * 1e9:
                entry.heard_ns = min(now, entry.heard_ns + own_ns)
            if entry.position.synchronised and entry.heard_ns < limit:
                entry.take_over()
                self._show_stale(entry)
                entry.position.synchronised = False
                entry.position.asking = True
                self._resync(entry)
        self._look_later()

    def _look_later(self) -> None:
        self._look_due = self._loop.time() + LOOK_S
        self._watch = self._loop.call_at(self._look_due, self._look_for_silence)
