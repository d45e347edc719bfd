"""A mirror: a city's points as columns in the client, kept up to date natively.

*Theory.* ``subscribe`` makes an object of each reading, at some 100,000 a second. A mirror takes
batches from the socket into point tables, at millions a second, and an object is made of what
somebody asks for. It has the same truths: a gap shows as STALE until the snapshot is here.

*Rules.* One loop. What is shown is the newest value of each point; how many readings were stored
is counted, so that who compares with what was published sees what was conflated before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from typing import Any

from jacquemart.native.batch import Batch
from jacquemart.native.table import PointTable, Rollup
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.errors import UnknownPoint, UsageError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.ids import split_point
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.reading import Reading
from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.follower import Follower

#: The topic that tells by its number that there are other topics.
TOPICS = "t/"
_FOLLOWED = ("r/", "z/", "c/")


class _Copy:
    """One topic of readings: its table, and where its devices are in it."""

    __slots__ = ("bases", "points", "stored", "table", "units", "words")

    def __init__(self) -> None:
        self.table = PointTable(0, 0)
        self.bases: dict[str, tuple[int, str]] = {}
        """Device -> its first slot, its template."""
        self.points: Mapping[str, Sequence[str]] = {}
        self.units: Mapping[str, Sequence[str]] = {}
        self.words: Mapping[str, Mapping[str, Sequence[str]]] = {}
        self.stored = 0
        """Readings that came as objects."""

    def reserve(self, slots: int) -> None:
        """Have at least so many slots."""
        if slots > self.table.capacity:
            self.table.grow(slots, 0)

    def name(self, content: Mapping[str, Any]) -> None:
        """Take a layout."""
        self.points, self.units = content["templates"], content["units"]
        self.words = content.get("words", {})
        bases: dict[str, tuple[int, str]] = {}
        at = 0
        for device, template in content["devices"]:
            if device:
                bases[device] = at, template
            at += len(self.points[template])
        self.bases = bases
        self.reserve(at)

    def apply(self, columns: Sequence[Any], count: int) -> None:
        """Store columns; slots that no layout has told of yet are kept for the one that will."""
        try:
            self.table.apply_batch(*columns)
        except IndexError:
            slots = memoryview(columns[0])
            self.reserve(max(slots if slots.format == "I" else slots.cast("B").cast("I")) + 1)
            self.table.apply_batch(*columns)
        self.stored += count


class Mirror:
    """The points of some zones, and the rollups of these and of the city."""

    def __init__(self) -> None:
        """Know nothing yet; see ``AsyncClient.mirror``."""
        self._copies: dict[str, _Copy] = {}
        self._follower: Follower | None = None
        self._changed = asyncio.Event()
        self.rollups: dict[tuple[str, str, str], Rollup] = {}
        """(zone, kind, point) -> its aggregate, as the supervisors tell it; zone "": the city."""
        self.stale_topics: set[str] = set()
        """Topics with a gap, or whose publisher is silent, until they are whole again."""
        self.on_topics: Callable[[Sequence[str]], None] | None = None

    def read(self, point: str) -> Reading:
        """Return what is known of ``device/point`` now.

        Raises:
            UsageError: it is no such text. UnknownPoint: the mirror has no such point.
        """
        device, name = split_point(point)
        for copy in self._copies.values():
            found = copy.bases.get(device)
            if found is not None and name in copy.points[found[1]]:
                at = copy.points[found[1]].index(name)
                value, quality, source_ns, receive_ns = copy.table.read(found[0] + at)
                return Reading(
                    point, value, Quality.from_code(quality), source_ns, receive_ns,
                    copy.units[found[1]][at], tuple(copy.words.get(found[1], {}).get(name, ())),
                )  # fmt: skip
        raise UnknownPoint(f"the mirror has no point {point!r}")

    def points(self) -> Iterator[str]:
        """Yield all points as ``device/point``."""
        for copy in self._copies.values():
            for device, (_, template) in copy.bases.items():
                for name in copy.points[template]:
                    yield f"{device}/{name}"

    def columns(self) -> Mapping[str, tuple[bytes, bytes, bytes, bytes, bytes]]:
        """Return slots, values, qualities, source and receive times of each topic, copied."""
        return {topic: copy.table.snapshot() for topic, copy in self._copies.items()}

    @property
    def received(self) -> int:
        """Readings stored so far, each that came; snapshots are not counted."""
        natively = self._follower.readings_stored if self._follower is not None else 0
        return natively + sum(copy.stored for copy in self._copies.values())

    @property
    def gaps(self) -> int:
        """Gaps so far: something on the way was lost, and then healed by a snapshot."""
        return self._follower.gaps if self._follower is not None else 0

    def attach(self, follower: Follower) -> None:
        """Count what this follower stores."""
        self._follower = follower

    async def changed(self) -> None:
        """Wait until something is told that was not told before the last call."""
        await self._changed.wait()
        self._changed.clear()

    # What the follower says ----------------------------------------------------------------

    def table(self, topic: str) -> PointTable | None:
        """Return where the readings of a topic are stored."""
        if not topic.startswith("r/"):
            return None
        return self._copies.setdefault(topic, _Copy()).table

    def stored(self, topic: str) -> None:
        """Take note of changed points, which are in their table."""
        self._copies[topic].table.forget()
        self._changed.set()

    def snapshot(self, topic: str, content: dict[str, Any]) -> None:
        """Take the whole state of a topic."""
        self.stale_topics.discard(topic)
        if topic == TOPICS:
            if self.on_topics is not None:
                self.on_topics(content["topics"])
        elif topic.startswith("l/"):
            copy = self._copies.get(f"r/{topic[2:]}")
            if copy is not None:
                copy.name(content)
        elif topic.startswith("r/"):
            copy = self._copies[topic]
            copy.name(content)
            copy.apply([memoryview(column) for column in content["columns"]], 0)
        elif "rows" in content:
            self.rows(topic, content["rows"])
        self._changed.set()

    def batch(self, topic: str, batch: Batch) -> None:
        """Take changed points that were not stored natively."""
        columns = (batch.slots, batch.values, batch.qualities, batch.source_ns, batch.receive_ns)
        self._copies[topic].apply(columns, batch.count)
        self._changed.set()

    def rows(self, topic: str, rows: list[list[Any]]) -> None:
        """Take changed aggregates, all of a zone."""
        zone = topic.split("/")[1] if topic.startswith("z/") else ""
        for key in [key for key in self.rollups if key[0] == zone]:
            del self.rollups[key]
        self.rollups.update({(zone, row[0], row[1]): Rollup(*row[2:8]) for row in rows})
        self._changed.set()

    def event(self, topic: str, event: Event) -> None:
        """Events are not mirrored."""

    def stale(self, topic: str) -> None:
        """Show everything known of a topic as STALE."""
        self.stale_topics.add(topic)
        copy = self._copies.get(topic)
        if copy is not None:
            qualities = copy.table.snapshot()[2]
            usable = [slot for slot, code in enumerate(qualities) if code < Quality.STALE_AGE]
            copy.table.mark_slots(usable, Quality.STALE_GAP, SystemClock().wall_ns())
        else:
            zone = topic.split("/")[1] if topic.startswith("z/") else ""
            for key, row in self.rollups.items():
                if key[0] == zone:
                    worst = max(row.worst, Quality.STALE_GAP)
                    self.rollups[key] = row._replace(online=0, worst=worst)
        self._changed.set()

    def gone(self, topic: str) -> None:
        """Forget what a topic told of: it is no longer in the city."""
        self.stale_topics.discard(topic)
        self._copies.pop(topic, None)
        if topic.startswith("z/"):
            self.rows(topic, [])
        self._changed.set()


class AsyncMirroring:
    """What :class:`jacquemart.AsyncClient` can do to mirror a city. Mixed into it."""

    api: str
    hello: dict[str, Any]
    _context: sockets.Context | None

    async def query(self, verb: str, **args: Any) -> Any:
        """Ask a question; the client does."""
        raise NotImplementedError

    def _broken(self, error: BaseException) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def mirror(self, *, zone: str = "*") -> AsyncIterator[Mirror]:
        """Mirror the points of some zones: ``async with client.mirror() as mirror: …``.

        Whole when it is handed over, and again after each gap, by itself. Devices that come to the
        city or leave it come and go here too.

        Args:
            zone: zone id or pattern.

        Raises:
            UsageError: this client is closed. GatewayUnreachable: nobody answers.
        """
        news = await self.query("snapshot", topic=TOPICS)
        context = self._context
        if context is None:
            raise UsageError("this client is closed", where=self.api)
        mirror = Mirror()

        async def ask(topic: str) -> dict[str, Any] | None:
            content = await self.query("snapshot", topic=topic)
            return content if isinstance(content, dict) else None

        follower = Follower(
            asyncio.get_running_loop(), context, self.hello["stream"], SystemClock(), mirror, ask,
            self._broken,
        )  # fmt: skip
        followed: set[str] = set()

        def follow(there_are: Sequence[str]) -> None:
            wanted = {topic for topic in there_are if topic.startswith(_FOLLOWED)}
            wanted = {t for t in wanted if t == "c/" or fnmatchcase(t.split("/")[1], zone)}
            for topic in sorted(followed - wanted):
                follower.unfollow(topic)
                follower.unfollow(f"l/{topic[2:]}")
                mirror.gone(topic)
            for topic in sorted(wanted - followed):
                follower.follow(topic)
                layout = f"l/{topic[2:]}"
                if topic.startswith("r/") and layout in there_are:
                    follower.watch(layout)
            followed.clear()
            followed.update(wanted)

        try:
            mirror.attach(follower)
            follow(news["topics"])
            mirror.on_topics = follow
            follower.watch(TOPICS, (news["epoch"], news["sequence"]))
            while not follower.synchronised:
                await mirror.changed()
            yield mirror
        finally:
            follower.close()
