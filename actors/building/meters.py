"""One meter that only ever counts up. Pure.

*Theory.* A counter that goes back was either at its top and rolled over, or it was reset or
replaced. The first is no loss: the difference is known. After the second nobody knows what was
used in between, so the reading is UNCERTAIN and an operator hears of it.
"""

from __future__ import annotations

from jacquemart.actors.building.facts import INFORMATION, WARNING, Fact

TOP_SHARE = 0.1
"""A counter rolled over if it was in this last share of its range and is in this first one."""


class Meter:
    """The last reading of one meter."""

    __slots__ = ("_last", "_top", "name")

    def __init__(self, name: str, top: float | None) -> None:
        """Follow the meter of that point; ``top``: its largest reading, None if it has none."""
        self.name = name
        self._top = top
        self._last: float | None = None

    def look(self, value: float) -> list[Fact]:
        """Take a good reading and return what is to be told of it."""
        last, self._last = self._last, value
        if last is None or value >= last:
            return []
        detail = {"meter": self.name, "before": last, "after": value}
        top = self._top
        if top is not None and last >= top * (1 - TOP_SHARE) and value <= top * TOP_SHARE:
            return [Fact("meter_rolled_over", INFORMATION, {**detail, "used": top - last + value})]
        return [Fact("meter_reset", WARNING, detail)]
