"""A field that speaks by itself: every so often it tells what has changed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence

from jacquemart.drivers.contract import Bad, BoundPoint, Publish, Quality
from jacquemart.drivers.simulated.field import SimulatedField


class Speaker:
    """Publishes the points it has learnt, from one task that lives while the link is open."""

    def __init__(self, field: SimulatedField, publish: Publish, wall_ns: Callable[[], int]) -> None:
        """Speak for a field, through the shell's ``publish``."""
        self._field = field
        self._publish = publish
        self._wall_ns = wall_ns
        self._points: dict[int, BoundPoint] = {}
        self._said: dict[int, tuple[float, int]] = {}
        self._task: asyncio.Task[None] | None = None

    def learn(self, points: Sequence[BoundPoint]) -> None:
        """Speak of these points too."""
        self._points.update({point.slot: point for point in points})

    def retain(self, points: Sequence[BoundPoint]) -> None:
        """Speak of these points only."""
        self._points = {point.slot: point for point in points}
        self._said = {slot: news for slot, news in self._said.items() if slot in self._points}

    def start(self, period_s: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Begin to speak; everything is news at first."""
        self._said.clear()
        self._task = asyncio.get_running_loop().create_task(
            self._speak(period_s, sleep), name=f"simulated {self._field.name} speaks"
        )

    def hush(self) -> None:
        """Say nothing more."""
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        """Say nothing more, and wait until the task is gone."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _speak(self, period_s: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        turn = 0
        while True:
            await sleep(period_s)
            turn += 1
            slots, values, qualities = [], [], []
            for slot, point in self._points.items():
                news = self._look(point, turn)
                if news is not None and news != self._said.get(slot):
                    self._said[slot] = news
                    slots.append(slot)
                    values.append(news[0])
                    qualities.append(news[1])
            if slots:
                self._publish(slots, values, qualities, [self._wall_ns()] * len(slots))

    def _look(self, point: BoundPoint, turn: int) -> tuple[float, int] | None:
        """Return what a point says of itself; None: its device does not speak."""
        device = point.device
        if self._field.judge_read(device.id, device.fed_by, turn).error is not None:
            return None
        found = self._field.read(device.id, point.spec.name, turn)
        # What is bad keeps its last value in the table: a value that is no number never enters it.
        return (math.nan, found.quality) if isinstance(found, Bad) else (found, Quality.GOOD)
