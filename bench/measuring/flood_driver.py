"""A driver that publishes readings at a rate that is written to it: load for a cell."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from jacquemart.drivers.contract import Bad, BoundPoint, Driver, DriverError

#: A batch of readings is published so often.
EVERY_S = 0.02


class FloodDriver(Driver):
    """Publishes the points whose address says ``flood``, one after the other, in columns."""

    def __init__(self, link: Any, publish: Any) -> None:
        """Publish nothing."""
        super().__init__(link, publish)
        self._rate = 0.0
        self._told = 0
        self._slots: list[int] = []
        self._owed = 0.0
        self._at = 0
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def check_point(cls, point: Any, address: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Allow a role alone."""
        role = address.get("role", "none")
        roles = ("none", "flood", "rate", "told")
        return [] if role in roles else [("role", role, " or ".join(roles))]

    def plan(self, points: Sequence[BoundPoint]) -> Sequence[BoundPoint]:
        """Take note of the points that are to be published."""
        known = set(self._slots)
        self._slots += [
            one.slot
            for one in points
            if one.address.get("role") == "flood" and one.slot not in known
        ]
        return points

    async def open(self) -> None:
        """Begin to look at the rate."""
        self._last = asyncio.get_running_loop().time()
        self._tick()

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float | Bad]:
        """Say how fast and how many."""
        values = {"rate": self._rate, "told": float(self._told)}
        return [values.get(one.address.get("role", "none"), 0.0) for one in plan]

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Take another rate, in readings a second."""
        for _, value in writes:
            self._rate, self._owed = value, 0.0
        return [None] * len(writes)

    async def close(self) -> None:
        """Publish no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._owed += self._rate * (now - self._last)
        self._last = now
        due = int(self._owed)
        self._owed -= due
        while due > 0 and self._slots:
            begin = self._at
            slots = self._slots[begin : begin + due]
            self._at = (begin + len(slots)) % len(self._slots)
            self._told += len(slots)
            due -= len(slots)
            values = array("d", [float(self._told % 100)]) * len(slots)
            self.publish(array("I", slots), values)
        self._timer = loop.call_later(EVERY_S, self._tick)
