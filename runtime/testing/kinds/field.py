"""The field of a bench: one device as its driver sees it, at the hand of a test."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum

from jacquemart.runtime.model.errors import (
    DeviceRefused,
    DriverError,
    LinkError,
    OutcomeUnknown,
    UnitError,
)
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.testing.named_points import NamedPoints


class Answers(StrEnum):
    """What the device does with a write."""

    FOLLOWS = "follows"
    """It acknowledges, and the feedback shows the value at once."""
    IGNORES = "ignores"
    """It acknowledges, and nothing changes."""
    REFUSES = "refuses"
    SILENT = "silent"
    """It does not answer to writes; whether it took them cannot be seen."""


class BenchField:
    """What the points hold, and what was written to them."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        """Start empty; ``now_s`` tells the time of the bench."""
        self.values: dict[str, float | Bad] = {}
        self.writes: list[tuple[str, float]] = []
        self.times_s: list[float] = []
        self.answers = Answers.FOLLOWS
        self.up = True
        self.there = True
        """Whether the device answers on its link."""
        self._now_s = now_s

    def write(self, point: BoundPoint, value: float) -> DriverError | None:
        """Take a write, as the device answers at the moment."""
        self.writes.append((point.spec.name, value))
        self.times_s.append(self._now_s())
        if self.answers is Answers.REFUSES:
            return DeviceRefused("refused by the bench")
        if self.answers is Answers.SILENT:
            return OutcomeUnknown("no answer")
        if self.answers is Answers.FOLLOWS:
            self.values[point.spec.name] = value
            self.values[point.spec.feedback or point.spec.name] = value
        return None


class BenchDriver(NamedPoints):
    """The driver of a bench; ``jacquemart.runtime.cell.ports.DriverPort``."""

    def __init__(self, field: BenchField) -> None:
        """Speak to a field."""
        self._field = field

    async def open(self) -> None:
        """Connect, if the link is there."""
        self._check()

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float | Bad]:
        """Return what the points hold; one that was never given a value is not a number."""
        self._check()
        if not self._field.there:
            raise UnitError("the device does not answer")
        return [self._field.values.get(point.spec.name, math.nan) for point in plan]

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Write."""
        self._check()
        if not self._field.there:
            return [UnitError("the device does not answer")] * len(writes)
        return [self._field.write(point, value) for point, value in writes]

    async def close(self) -> None:
        """Disconnect."""

    def _check(self) -> None:
        if not self._field.up:
            raise LinkError("the link is down")
