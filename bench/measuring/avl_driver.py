"""A feed of positions: buses that drive along streets of signals, each told once a second.

It writes down when it tells the position with which a bus comes onto an approach: that is the
moment from which on the city could know.
"""

from __future__ import annotations

import asyncio
import math
import time
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from jacquemart.drivers.contract import Bad, BoundPoint, Driver, DriverError, Quality

PARTS = ("status", "latitude", "longitude", "speed", "heading", "line")
LAT, LON = 47.32, 5.04
A_METRE = 1.0 / 111_195.08
EAST = A_METRE / math.cos(math.radians(LAT))
#: Signals of a street, and from stop line to stop line.
OF_STREET = 10
APART_M = 400.0
#: An approach begins so far behind the stop line before it, and is noticed so far before that.
BEGINS_M = 50.0
NOTICED_M = 20.0
#: So often a part of all buses is told, so that all are told within a second.
STEP_S = 0.02
STEPS = 50


def place(metres: float, row: int) -> tuple[float, float]:
    """Return a place on a street that runs north; streets are 150 m apart."""
    return LAT + metres * A_METRE, LON + row * 150.0 * EAST


def pace(number: int) -> float:
    """Return how fast a bus drives, in m/s."""
    return 7.0 + number % 5 * 0.5


class AvlDriver(Driver):
    """Tells positions; the options ``streets`` and ``log`` say where buses are, and what file."""

    def __init__(self, link: Any, publish: Any) -> None:
        """Tell nothing yet."""
        super().__init__(link, publish)
        self._slots: dict[str, dict[str, int]] = {}
        self._task: asyncio.Task[None] | None = None
        self._last: dict[str, float] = {}
        self._told: dict[int, float] = {}

    @classmethod
    def check_point(cls, point: Any, address: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Allow anything: a point is what its name says."""
        return []

    def plan(self, points: Sequence[BoundPoint]) -> Sequence[int]:
        """Take note of where the points are."""
        for one in points:
            self._slots.setdefault(one.device.id, {})[one.spec.name] = one.slot
        return [one.slot for one in points]

    async def open(self) -> None:
        """Begin to tell."""
        await self.close()
        self._task = asyncio.get_running_loop().create_task(self._tell())

    async def read(self, plan: Sequence[int]) -> Sequence[float | Bad]:
        """Say what was told last."""
        never = Bad(Quality.BAD_NEVER_READ, "not told yet")
        return [self._told.get(slot, never) for slot in plan]

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Take nothing."""
        raise NotImplementedError

    async def close(self) -> None:
        """Tell no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _tell(self) -> None:
        loop = asyncio.get_running_loop()
        began, step = loop.time(), 0
        with self._log() as log:
            while True:
                step += 1
                await asyncio.sleep(max(0.0, began + step * STEP_S - loop.time()))
                names = list(self._slots)[step % STEPS :: STEPS]
                if names:
                    self._round(names, loop.time() - began, log)

    def _log(self) -> TextIO:
        return open(self.link.options["log"], "a", encoding="ascii", buffering=1)

    def _round(self, names: Sequence[str], now_s: float, log: TextIO) -> None:
        slots, values = array("I"), array("d")
        entered = []
        streets = self.link.options["streets"]
        for name in names:
            number = int(name.rpartition("-")[2])
            street, length = number % streets, OF_STREET * APART_M
            metres = (number * 97.0 + now_s * pace(number)) % length
            lat, lon = place(metres, street)
            shown = (1.0, lat, lon, pace(number), 0.0, 5.0)
            mine = self._slots[name]
            for part, value in zip(PARTS, shown, strict=True):
                slots.append(mine[part])
                values.append(value)
            begins = metres // APART_M * APART_M + BEGINS_M - NOTICED_M
            before = self._last.get(name, math.inf)
            # After the jump from the end of a street to its begin a bus is not believed at once.
            if before < begins <= metres and metres >= APART_M:
                entered.append(f"{street * OF_STREET + int(metres // APART_M)} {name}")
            self._last[name] = metres
        self._told.update(zip(slots, values, strict=True))
        stamps = [time.time_ns()] * len(slots)
        at_ns = time.monotonic_ns()
        self.publish(slots, values, [0] * len(slots), stamps)
        log.writelines(f"{at_ns} {one}\n" for one in entered)
