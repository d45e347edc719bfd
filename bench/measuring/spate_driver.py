"""A driver that publishes as fast as it can, in ways that are written to it; and takes writes."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from jacquemart.drivers.contract import Bad, BoundPoint, Driver, DriverError

#: Readings in one call of ``publish`` in columns.
COLUMN = 1_000
#: Readings published singly before the loop has a turn.
SINGLES = 100
#: Rounds of all points are published so often: the default tick of a cell.
ROUND_S = 0.02
COLUMNS, SINGLY, ROUNDS = 1.0, 2.0, 3.0
_ROLES = ("none", "spate", "way", "rate", "told", "last")


class SpateDriver(Driver):
    """Publishes all points whose role is ``spate`` for as long as the point ``way`` says how."""

    def __init__(self, link: Any, publish: Any) -> None:
        """Publish nothing; have all values at 0."""
        super().__init__(link, publish)
        self._slots: dict[int, None] = {}
        self._values: dict[int, float] = {}
        self._facts = dict.fromkeys(_ROLES, 0.0)
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def check_point(cls, point: Any, address: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Allow a role alone."""
        role = address.get("role", "none")
        return [] if role in _ROLES else [("role", role, " or ".join(_ROLES))]

    def plan(self, points: Sequence[BoundPoint]) -> Sequence[tuple[str, int]]:
        """Take note of the points that are to be published, and of what a read is to say."""
        found = [(one.address.get("role", ""), one.slot) for one in points]
        self._slots.update({slot: None for role, slot in found if role == "spate"})
        return found

    async def open(self) -> None:
        """Wait to be told."""

    async def read(self, plan: Sequence[tuple[str, int]]) -> Sequence[float | Bad]:
        """Say what was written, and how fast readings are published."""
        values, facts = self._values, self._facts
        return [facts[role] if role else values.get(slot, 0.0) for role, slot in plan]

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Keep a value; ``way`` begins to publish in that way, 0 ends it."""
        for point, value in writes:
            if point.address.get("role") == "way":
                self._facts["way"] = value
                self._begin(value)
            else:
                self._values[point.slot] = value
        return [None] * len(writes)

    async def close(self) -> None:
        """Publish no more."""
        self._begin(0.0)

    def _begin(self, way: float) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        ways = {COLUMNS: self._columns, SINGLY: self._singly, ROUNDS: self._rounds}
        if way in ways:
            self._facts["told"] = self._facts["rate"] = 0.0
            self._task = asyncio.get_running_loop().create_task(ways[way]())

    def _count(self, readings: int, began: float) -> None:
        self._facts["told"] += readings
        self._facts["rate"] = self._facts["told"] / (time.monotonic() - began)

    async def _columns(self) -> None:
        slots, began, number = array("I", self._slots), time.monotonic(), 0.0
        parts = [slots[at : at + COLUMN] for at in range(0, len(slots), COLUMN)]
        while True:
            number += 1.0
            for part in parts:
                self.publish(part, array("d", [number]) * len(part))
                self._count(len(part), began)
                await asyncio.sleep(0)

    async def _singly(self) -> None:
        slots, began, number = list(self._slots), time.monotonic(), 0.0
        while True:
            number += 1.0
            for at in range(0, len(slots), SINGLES):
                for slot in slots[at : at + SINGLES]:
                    self.publish([slot], [number])
                self._count(len(slots[at : at + SINGLES]), began)
                await asyncio.sleep(0)

    async def _rounds(self) -> None:
        slots, began = array("I", self._slots), time.monotonic()
        number = self._facts["last"]
        due = asyncio.get_running_loop().time()
        while True:
            number += 1.0
            self.publish(slots, array("d", [number]) * len(slots))
            self._facts["last"] = number
            self._count(len(slots), began)
            due = max(due + ROUND_S, asyncio.get_running_loop().time())
            await asyncio.sleep(due - asyncio.get_running_loop().time())
