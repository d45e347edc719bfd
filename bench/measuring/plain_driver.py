"""A driver of a field that keeps what is written and shows it: plain Python, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jacquemart.drivers.contract import Bad, BoundPoint, Driver, DriverError


class PlainDriver(Driver):
    """Acknowledges every write at once."""

    def __init__(self, link: Any, publish: Any) -> None:
        """Have all values at 0."""
        super().__init__(link, publish)
        self._values: dict[int, float] = {}

    def plan(self, points: Sequence[BoundPoint]) -> list[int]:
        """Note where the values are."""
        return [point.slot for point in points]

    async def open(self) -> None:
        """Be there."""

    async def read(self, plan: list[int]) -> Sequence[float | Bad]:
        """Show what was written."""
        values = self._values
        return [values.get(slot, 0.0) for slot in plan]

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Keep the values."""
        for point, value in writes:
            self._values[point.slot] = value
        return [None] * len(writes)
