"""Who drives over a bollard's loop: vehicles that come and go, drawn from a seed."""

from __future__ import annotations

import math
import random

GAP_S = (8.0, 90.0)
"""Between two vehicles, shortest and mean on top of it."""
OVER_S = (0.6, 4.0)
"""How long one is over the loop; some stop there for a while."""
STOPS, STOPS_S = 0.1, 15.0
CARELESS = 0.2
"""Share of vehicles that drive on although the bollard has begun to rise."""


class Traffic:
    """The vehicles of one lane, or a loop that is held by hand."""

    def __init__(self, seed: str, *, now: float, quiet: bool = False) -> None:
        """Draw from ``seed``; ``quiet``: nobody ever comes by himself."""
        self._rng = random.Random(seed)
        self._quiet = quiet
        self._vehicle = False
        self.held: bool | None = None
        """What the loop shows whatever happens; None: what is there."""
        self.vehicles = 0
        self.next_change = math.inf if quiet else now + self._gap()

    @property
    def occupied(self) -> bool:
        """Return what the loop shows."""
        return self._vehicle if self.held is None else self.held

    def turn(self, *, lowered: bool, rising: bool) -> None:
        """Let happen what is next: a vehicle comes onto the loop, leaves it, or turns away."""
        rng = self._rng
        if self._vehicle:
            self._vehicle = False
            self.next_change += self._gap()
            return
        if not lowered and not (rising and rng.random() < CARELESS):
            self.next_change += self._gap()  # it turns away
            return
        self._vehicle = True
        self.vehicles += 1
        stay = rng.uniform(*OVER_S) + (STOPS_S if rng.random() < STOPS else 0.0)
        self.next_change += stay

    def _gap(self) -> float:
        least, mean = GAP_S
        return least + self._rng.expovariate(1.0 / mean)
