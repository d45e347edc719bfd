"""Approaches to signals, as a city declares them: a way to a stop line, and whom it concerns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from jacquemart.actors.priority.approach.plane import metres_between
from jacquemart.runtime.model.errors import ConfigError

#: An approach is not longer than this: further away nobody can say when a vehicle comes.
LONGEST_M = 2_000.0
SHORTEST_M = 20.0


class Misdeclared(ConfigError):
    """An approach cannot be so; says what of it, what was found, and what is allowed."""

    def __init__(self, what: str, found: str, allowed: str, *, where: str) -> None:
        """Tell of one thing."""
        super().__init__(f"{what}: found {found}; allowed: {allowed}", where=where)
        self.what, self.found, self.allowed = what, found, allowed


@dataclass(frozen=True, slots=True)
class Halt:
    """A stop on an approach: how far before the stop line it is, and how long one stands there."""

    before_m: float
    dwell_s: float = 20.0
    spread_s: float = 10.0
    """By how much the time at it is another, more or less (one standard deviation)."""


@dataclass(frozen=True, slots=True)
class Approach:
    """A way to one stop line.

    Raises:
        ConfigError: a value is out of its range; names it, what was found and what is allowed. The
            operator's fault.

    Attributes:
        path: latitude and longitude, in the direction of travel; the last one is the stop line.
        lines: the lines that come this way; empty: whoever drives on it.
        width_m: how far to the side of the path the lane may lie.
        speed_mps: how fast one drives on it when nothing is in the way.
        queue_m: so far before the stop line who stands there waits for the signal.
    """

    id: str
    site: str
    group: str
    path: Sequence[tuple[float, float]]
    lines: frozenset[str] = frozenset()
    halts: Sequence[Halt] = ()
    width_m: float = 15.0
    speed_mps: float = 10.0
    queue_m: float = 60.0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("width_m", 3.0, 100.0),
            ("speed_mps", 1.0, 40.0),
            ("queue_m", 0.0, LONGEST_M),
        ):
            found = getattr(self, name)
            if not low <= found <= high:
                raise self._wrong(name, found, f"{low:g} to {high:g}")
        for name in ("id", "site", "group"):
            if not getattr(self, name):
                raise self._wrong(name, "nothing", "a name")
        if len(self.path) < 2:
            raise self._wrong("path", f"{len(self.path)} points", "2 or more")
        for at, (lat, lon) in enumerate(self.path):
            if not (math.isfinite(lat) and math.isfinite(lon)) or abs(lat) > 85 or abs(lon) > 180:
                raise self._wrong(f"path[{at}]", (lat, lon), "latitude up to 85, longitude to 180")
        length = self.length_m
        if not SHORTEST_M <= length <= LONGEST_M:
            raise self._wrong(
                "path", f"a length of {length:.0f} m", f"{SHORTEST_M:g} to {LONGEST_M:g} m"
            )
        for at, halt in enumerate(self.halts):
            if not 0.0 <= halt.before_m <= length:
                raise self._wrong(f"halts[{at}].before_m", halt.before_m, f"0 to {length:.0f}")
            for name in ("dwell_s", "spread_s"):
                if not 0.0 <= getattr(halt, name) <= 300.0:
                    raise self._wrong(f"halts[{at}].{name}", getattr(halt, name), "0 to 300")

    @property
    def length_m(self) -> float:
        """Return the length of the path."""
        return sum(metres_between(*one, *two) for one, two in pairwise(self.path))

    def _wrong(self, what: str, found: object, allowed: str) -> Misdeclared:
        return Misdeclared(what, str(found), allowed, where=self.id)
