"""The standing setpoints of a shard: what each point was last set to, by its slot.

Eight bytes a slot, and none before anything was set: ten times a city has two million points.
"""

from __future__ import annotations

import math
from array import array


class Setpoints:
    """Slot -> the last value that was set, as a number."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        """Know none."""
        self._values = array("d")

    def get(self, slot: int) -> float | None:
        """Return the last value; None: it was never set."""
        if slot >= len(self._values):
            return None
        value = self._values[slot]
        return None if math.isnan(value) else value

    def put(self, slot: int, value: float) -> None:
        """Remember a value."""
        self.column(slot)[slot] = value

    def column(self, slot: int) -> array[float]:
        """Return the values by slot, NaN where there is none, long enough for this slot.

        For who sets many; nobody else may hold it when the next one is set.
        """
        missing = slot + 1 - len(self._values)
        if missing > 0:
            self._values.extend([math.nan] * (missing + len(self._values) // 8))
        return self._values
