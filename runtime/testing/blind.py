"""Is anybody blind? Watches readings through the public client, and counts the ticks without one.

A tick of a point is one poll period. It is blind if a reading of it that was seen is not good
(STALE, BAD, UNCERTAIN), or if none was taken in the field for two periods and more. Every reading
that the stream brings counts, by the cell's receive time: a watcher that is slow for a moment, and
would be given the newest only, is not blind.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Self

from jacquemart.runtime.client import AsyncClient
from jacquemart.runtime.client.updates import UpdateSink
from jacquemart.runtime.model.errors import StartError
from jacquemart.runtime.model.reading import Reading

#: So many points that were blind are kept by name.
NAMED = 20
#: Seconds in which every point must have been seen good once.
SEEN_S = 30.0


@dataclass(slots=True)
class Blindness:
    """What was seen of the watched points."""

    readings: int = 0
    bad_ticks: int = 0
    missing_ticks: int = 0
    longest_ms: float = 0.0
    """The longest time between two readings of one point."""
    points: dict[str, str] = field(default_factory=dict)
    """The first points that were blind, and how."""

    @property
    def ticks(self) -> int:
        """Return how many ticks were blind."""
        return self.bad_ticks + self.missing_ticks

    def note(self, point: str, how: str) -> None:
        """Keep the first by name."""
        if len(self.points) < NAMED:
            self.points.setdefault(point, how)


class _EverySink(UpdateSink):
    """Hands on each reading as it comes; nothing waits for a consumer, nothing is left out."""

    def __init__(self, pattern: str, take: Callable[[Reading], None]) -> None:
        super().__init__(pattern)
        self._take = take

    def _keep(self, topic: str, slot: int, reading: Reading) -> None:
        self._known.setdefault(topic, {})[slot] = reading
        self._take(reading)


class _EveryClient(AsyncClient):
    """A client whose subscription brings every reading."""

    def __init__(self, api: str, take: Callable[[Reading], None]) -> None:
        super().__init__(api)
        self._take = take

    def _new_sink(self, pattern: str) -> UpdateSink:
        return _EverySink(pattern, self._take)


class BlindWatch:
    """``with BlindWatch(api, {"lamp-1/level": 1000}) as watch: …; watch.count()``."""

    def __init__(self, api: str, points: Mapping[str, int]) -> None:
        """Watch from ``with`` on.

        Args:
            api: the gateway's address.
            points: the points to watch, with the poll period of each in ms.
        """
        self._api = api
        self._periods = {point: ms * 1_000_000 for point, ms in points.items()}
        self._lock = threading.Lock()
        self._last: dict[str, int] = {}
        self._found = Blindness()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="blind-watch", daemon=True)

    def __enter__(self) -> Self:
        """Begin, and wait until every point has been seen good once.

        Raises:
            StartError: some were not within ``SEEN_S``.
        """
        self._thread.start()
        until = time.monotonic() + SEEN_S
        while len(self._last) < len(self._periods):
            if time.monotonic() > until or not self._thread.is_alive():
                missing = sorted(self._periods.keys() - self._last.keys())[:5]
                self._stop.set()
                raise StartError(f"never seen good: {missing}", where=self._api) from self._failure
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._stop.set()
        self._thread.join(10.0)

    def count(self, leave_out: Collection[str] = (), *, settle_s: float = 5.0) -> Blindness:
        """Return what was seen since the last count, and begin anew.

        Blocks until a reading of every point has come that was taken after the call, as a rule
        one period: what is still on its way to this watcher is not missing.

        Args:
            leave_out: points to watch no longer.
            settle_s: seconds after which a point without one is taken for blind.

        Raises:
            StartError: the subscription itself failed.
        """
        if self._failure is not None:
            raise StartError(f"the watch failed: {self._failure}", where=self._api)
        asked_ns = time.time_ns()
        until_s = time.monotonic() + settle_s
        while min(self._last.values(), default=asked_ns) < asked_ns and time.monotonic() < until_s:
            time.sleep(0.02)
        with self._lock:
            now = time.time_ns()
            for point, last in self._last.items():
                if last < asked_ns:
                    self._gap(point, now - last)
                    self._last[point] = now  # counted; what follows is counted from here on
            self._leave_out(leave_out)
            found, self._found = self._found, Blindness()
        return found

    def _leave_out(self, points: Collection[str]) -> None:
        for point in points:
            self._periods.pop(point, None)
            self._last.pop(point, None)

    def _run(self) -> None:
        try:
            asyncio.run(self._watch())
        except BaseException as error:  # noqa: BLE001 - told by count()
            self._failure = error

    async def _watch(self) -> None:
        async with _EveryClient(self._api, self._take) as client:
            work = asyncio.create_task(self._follow(client))
            stop = asyncio.create_task(asyncio.to_thread(self._stop.wait))
            await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
            self._stop.set()
            if work.done():
                work.result()
            work.cancel()
            await asyncio.wait([work, stop])

    async def _follow(self, client: AsyncClient) -> None:
        async for update in client.subscribe("readings"):
            if isinstance(update, Reading):  # of a point that is gone; all others came at once
                self._take(update)

    def _take(self, reading: Reading) -> None:
        point = reading.point
        if point not in self._periods:
            return
        with self._lock:
            last = self._last.get(point)
            if last is None:  # not seen good yet
                if reading.good:
                    self._last[point] = reading.receive_ns
                return
            self._found.readings += 1
            if not reading.good:
                self._found.bad_ticks += 1
                self._found.note(point, reading.quality.text)
                return
            if reading.receive_ns > last:
                self._gap(point, reading.receive_ns - last)
                self._last[point] = reading.receive_ns

    def _gap(self, point: str, pause_ns: int) -> None:
        self._found.longest_ms = max(self._found.longest_ms, pause_ns / 1e6)
        missing = pause_ns // self._periods[point] - 1
        if missing > 0:
            self._found.missing_ticks += missing
            self._found.note(point, f"nothing for {pause_ns / 1e6:.0f} ms")
