"""From stream frames to updates: names for slots, patterns, and the newest value of each point."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from re import compile
from typing import Any

from jacquemart.native.batch import Batch
from jacquemart.native.table import Rollup
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.reading import Reading

#: Events that may wait for a slow consumer; older ones leave first, and are counted.
EVENTS_WAITING = 10_000

_PREFIXES = {"readings": "r/", "rollups": "z/", "events": "e/"}


@dataclass(frozen=True, slots=True)
class RollupUpdate:
    """An aggregate of one point of one kind in a zone (zone "" is the city)."""

    zone: str
    kind: str
    point: str
    rollup: Rollup
    stale: bool = False


Update = Reading | RollupUpdate | Event
Row = tuple[float, int, int, int]


def topics_of(what: str, topics: Sequence[str], zone: Callable[[str], bool]) -> list[str]:
    """Return the topics that a subscription needs.

    Raises:
        UsageError: ``what`` is none of readings, rollups, events.
    """
    prefix = _PREFIXES.get(what)
    if prefix is None:
        raise UsageError(f"cannot subscribe to {what!r}", advice="readings, rollups or events")
    return [t for t in topics if t.startswith(prefix) and zone(t.split("/")[1])]


class UpdateSink:
    """Collects updates until they are taken. Readings and rollups keep only the newest."""

    def __init__(self, pattern: str) -> None:
        """Keep readings whose ``device/point`` matches the pattern."""
        text = pattern if "/" in pattern else f"{pattern}/*"
        self._everything = text in ("*/*", "*")
        self._matches = compile(translate(text)).match
        self.on_topics: Callable[[Sequence[str]], None] | None = None
        """Gets the topics that there are, when they are others than before."""
        self._names: dict[str, dict[int, tuple[str, str]]] = {}
        """Topic -> slot -> name and unit."""
        self._words: dict[str, tuple[str, ...]] = {}
        """Of enumerations: name -> words."""
        self._ends: dict[str, int] = {}
        """Topic -> the first slot that has no name yet."""
        self._early: dict[str, dict[int, Row]] = {}
        """Topic -> slot without a name yet -> its newest reading."""
        self._known: dict[str, dict[int, Reading]] = {}
        self._rollups: dict[str, dict[tuple[str, str], RollupUpdate]] = {}
        self._waiting: dict[Any, Update] = {}
        self._events = 0
        self._ready = asyncio.Event()
        self.closed = False
        self.dropped_events = 0

    async def take(self) -> list[Update]:
        """Wait for updates and return them, oldest first; none when the stream is closed."""
        await self._ready.wait()
        self._ready.clear()
        waiting, self._waiting = self._waiting, {}
        return list(waiting.values())

    def close(self) -> None:
        """Let who waits go on: nothing will come any more."""
        self.closed = True
        self._ready.set()

    # What the follower says ------------------------------------------------------------------

    def snapshot(self, topic: str, content: dict[str, Any]) -> None:
        """Take the whole state of a topic."""
        if topic == "t/":
            if self.on_topics is not None:
                self.on_topics(content["topics"])
        elif topic.startswith("l/"):
            self._grown(f"r/{topic[2:]}", content)
        elif topic.startswith("r/"):
            self._early.pop(topic, None)
            self._known.pop(topic, None)
            self._layout(topic, content)
            slots, values, qualities, source, receive = content["columns"]
            count = len(slots) // 4
            self._readings(
                topic,
                struct.unpack(f"<{count}I", slots),
                struct.unpack(f"<{count}d", values),
                qualities,
                struct.unpack(f"<{count}q", source),
                struct.unpack(f"<{count}q", receive),
            )
        elif "rows" in content:
            self.rows(topic, content["rows"])

    def batch(self, topic: str, batch: Batch) -> None:
        """Take changed points."""
        self._readings(
            topic, batch.slots, batch.values, batch.qualities, batch.source_ns, batch.receive_ns
        )

    def event(self, topic: str, event: Event) -> None:
        """Take an event; a consumer that is far too slow loses the oldest, counted."""
        if len(self._waiting) >= EVENTS_WAITING:
            self._waiting.pop(next(iter(self._waiting)))
            self.dropped_events += 1
        self._events += 1
        self._put((topic, "event", self._events), event)

    def gone(self, topic: str) -> None:
        """Tell that what a topic told of is no longer in the city."""
        self._rename(topic, {})
        for sort in (self._names, self._ends, self._early, self._known):
            sort.pop(topic, None)
        self.rows(topic, ())
        self._rollups.pop(topic, None)

    def stale(self, topic: str) -> None:
        """Show everything known of the topic as STALE."""
        for slot, reading in self._known.get(topic, {}).items():
            if reading.quality.usable:
                self._keep(topic, slot, replace(reading, quality=Quality.STALE_GAP))
        known = self._rollups.get(topic, {})
        for key, update in known.items():
            known[key] = replace(update, stale=True)  # so that the same again is news
            self._put((topic, key), known[key])

    # Inside ----------------------------------------------------------------------------------

    def _layout(self, topic: str, content: dict[str, Any]) -> None:
        units = content["units"]
        templates = {
            template: list(zip(points, units[template], strict=True))
            for template, points in content["templates"].items()
        }
        words = content.get("words", {})
        names: dict[int, tuple[str, str]] = {}
        slot = 0
        for device, template in content["devices"]:
            for point, unit in templates[template]:
                name = f"{device}/{point}"
                if device and (self._everything or self._matches(name)):
                    names[slot] = name, unit
                    meant = words.get(template, {}).get(point)
                    if meant:
                        self._words[name] = tuple(meant)
                slot += 1
        self._rename(topic, names)
        self._ends[topic] = slot

    def _rename(self, topic: str, names: dict[int, tuple[str, str]]) -> None:
        """Take the names of slots; tell which points are nowhere any more."""
        before = self._names.get(topic, {})
        self._names[topic] = names
        left = {entry: slot for slot, entry in before.items() if names.get(slot) != entry}
        if left:
            for others in self._names.values():
                for entry in others.values():
                    left.pop(entry, None)
        for (name, unit), slot in left.items():
            self._known.get(topic, {}).pop(slot, None)
            gone = Reading(name, math.nan, Quality.BAD_REMOVED, 0, 0, unit)
            self._put((topic, slot), gone)

    def _grown(self, topic: str, content: dict[str, Any]) -> None:
        """Take a new layout while the readings go on: nothing is read anew, nothing is STALE."""
        if topic not in self._ends:
            return  # the readings are on their way, with a layout of their own
        end = self._ends[topic]
        self._layout(topic, content)
        early = self._early.pop(topic, {})
        never = (math.nan, int(Quality.BAD_NEVER_READ), 0, 0)
        fresh = sorted(slot for slot in self._names[topic] if slot >= end)
        rows = [(slot, *early.get(slot, never)) for slot in fresh]
        if rows:
            self._readings(topic, *zip(*rows, strict=True))
        later = {slot: row for slot, row in early.items() if slot >= self._ends[topic]}
        if later:
            self._early[topic] = later

    def _readings(
        self, topic: str, slots: Any, values: Any, qualities: Any, source: Any, receive: Any
    ) -> None:
        names = self._names.get(topic, {})
        end = self._ends.get(topic, 0)
        for at, slot in enumerate(slots):
            found = names.get(slot)
            if slot >= end:
                row = (values[at], qualities[at], source[at], receive[at])
                self._early.setdefault(topic, {})[slot] = row
            if found is not None:
                name, unit = found
                quality = Quality.from_code(qualities[at])
                reading = Reading(
                    name, values[at], quality, source[at], receive[at], unit,
                    self._words.get(name, ()),
                )  # fmt: skip
                self._keep(topic, slot, reading)

    def _keep(self, topic: str, slot: int, reading: Reading) -> None:
        self._known.setdefault(topic, {})[slot] = reading
        self._put((topic, slot), reading)

    def rows(self, topic: str, rows: Any) -> None:
        """Take changed aggregates."""
        zone = topic.split("/")[1] if topic.startswith("z/") else ""
        known = self._rollups.setdefault(topic, {})
        rows = list(rows)
        left = known.keys() - {(row[0], row[1]) for row in rows}
        rows.extend([*key, 0, 0, math.nan, math.nan, math.nan, 0] for key in left)
        for kind, point, *fields in rows:
            update = RollupUpdate(zone, kind, point, Rollup(*fields))
            if known.get((kind, point)) != update:
                known[kind, point] = update
                self._put((topic, (kind, point)), update)
        for key in left:
            del known[key]

    def _put(self, key: Any, update: Update) -> None:
        self._waiting.pop(key, None)
        self._waiting[key] = update
        self._ready.set()
