"""Doors of a building that open and shut by themselves, from a seed. Pure.

*Theory.* Who comes and goes is drawn ahead, one passage at a time, and only when somebody looks:
a door that nobody reads costs nothing.
"""

from __future__ import annotations

import random

from field.building_registers import DOORS

MEAN_PAUSE_S = 900.0
OPEN_S = (4.0, 25.0)
PUBLIC = 2
"""Doors that stand unlocked when the day begins."""


class Door:
    """One door, its bolt, and its next passage."""

    def __init__(self, rng: random.Random, now: float, *, locked: bool) -> None:
        """Begin shut."""
        self.wanted_locked = locked
        self.held_open = False
        self.opened = False
        self.bolt = locked
        self._rng = rng
        self._change_at = now + rng.expovariate(1.0 / MEAN_PAUSE_S)

    def advance(self, now: float, *, passable: bool, released: bool) -> bool:
        """Let time pass; return whether somebody came in.

        ``passable``: people are about; ``released``: the fire system opens the bolts.
        """
        came = False
        while self._change_at <= now:
            at = self._change_at
            self.opened = not self.opened and passable and not self.bolt
            came |= self.opened
            stay = self._rng.uniform(*OPEN_S)
            pause = self._rng.expovariate(1.0 / MEAN_PAUSE_S)
            self._change_at = at + (stay if self.opened else pause)
        # A bolt cannot be thrown while the door stands open, and gives way to fire.
        if released or not self.wanted_locked:
            self.bolt = False
        elif not self.standing_open:
            self.bolt = True
        return came

    @property
    def standing_open(self) -> bool:
        """Return whether it stands open, by a passage or held by somebody."""
        return self.opened or self.held_open


def draw_doors(rng: random.Random, now: float) -> list[Door]:
    """Return the doors of a building: two public ones, the others locked."""
    return [Door(rng, now, locked=number >= PUBLIC) for number in range(DOORS)]
