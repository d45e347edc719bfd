"""Rooms, water, air and meters of a building. Pure: the time is an argument and never goes back.

*Theory.* Between two orders everything that drives a room is constant, so its temperature nears
its goal exponentially, and meters grow linearly: state at any time follows in closed form, and a
building that nobody reads costs nothing. ``advance`` moves the state to a time; orders move it
first and change what drives it then.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Sequence

from field.building_registers import BOILERS, FANS, HEATED, ROOMS

WARM_S = 1_800.0
"""Time constant of a room that is heated."""
COOL_S = 40_000.0
"""Time constant of a room that is not."""
PEOPLE_KW = 4.0
"""Electricity besides boilers and fans."""
BOILER_KW, FAN_KW = 1.5, 3.0
HEAT_KW = 45.0
"""Heat of one boiler at full load."""
GAS_KWH_A_M3 = 10.5
FRESH_PPM, CROWDED_PPM = 430.0, 1_150.0
_WORDS = struct.Struct(">13h 8H 7I")


class Climate:
    """The climate of one building, and what it takes."""

    def __init__(self, rng: random.Random, now: float) -> None:
        """Draw a building: its rooms, its meters' pasts, and how it draws water."""
        self.outside = rng.uniform(-2.0, 16.0)
        self.rooms = [rng.uniform(17.0, 21.0) for _ in range(ROOMS)]
        self.wanted = [19.0] * HEATED
        self.flows = [60.0] * FANS
        self.boilers = [True] * BOILERS
        self.fans = [True] * FANS
        self.meters = [rng.uniform(1e3, 4e5) for _ in range(7)]
        """Electricity (all, boilers, fans) and heat in kWh, water (two) and gas in m3."""
        self._water = [rng.uniform(0.01, 0.3), rng.uniform(0.01, 0.1)]
        """m3 an hour."""
        self._people = rng.uniform(0.2, 1.0)
        self._at = now

    def advance(self, now: float) -> None:
        """Let time pass."""
        passed = now - self._at
        if passed <= 0.0:
            return
        self._at = now
        hours = passed / 3600.0
        heating = any(self.boilers)
        fade = math.exp(-passed / (WARM_S if heating else COOL_S))
        for room, goal in enumerate(self._goals()):
            self.rooms[room] = goal + (self.rooms[room] - goal) * fade
        load = sum(self.boilers) * HEAT_KW * 0.4 * hours
        powers = self.powers()
        growth = (*[kw * hours for kw in powers], load, *[w * hours for w in self._water],
                  load / GAS_KWH_A_M3)  # fmt: skip
        self.meters = [at + more for at, more in zip(self.meters, growth, strict=True)]

    def powers(self) -> Sequence[float]:
        """Return the electric power of everything, of the boilers and of the fans, in kW."""
        boilers = BOILER_KW * sum(self.boilers)
        fans = sum(
            FAN_KW * flow / 100.0 for on, flow in zip(self.fans, self.flows, strict=True) if on
        )
        return PEOPLE_KW * self._people + boilers + fans, boilers, fans

    def words(self) -> bytes:
        """Return the measured registers, from the first to the last."""
        running = any(self.boilers)
        flow = 62.0 if running else self._mean()
        supplied = [20.5 if on else self.outside for on in self.fans]
        temperatures = [*self.rooms, flow, flow - 14.0 * running, self.outside, *supplied]
        stale = CROWDED_PPM if not any(self.fans) else FRESH_PPM + 250.0
        ppm = [FRESH_PPM + (stale - FRESH_PPM) * self._people * share for share in
               (1.0, 0.9, 0.8, 0.6, 0.4)]  # fmt: skip
        steps = (10.0, 10.0, 10.0, 10.0, 1000.0, 1000.0, 100.0)
        counts = [int(at * step) & 0xFFFF_FFFF for at, step in zip(self.meters, steps, strict=True)]
        return _WORDS.pack(
            *[round(10.0 * degrees) for degrees in temperatures],
            *[round(found) for found in ppm],
            *[round(10.0 * kw) for kw in self.powers()],
            *counts,
        )

    def _goals(self) -> list[float]:
        """Return what each room nears: what is wanted, or the cold outside if nobody heats."""
        if not any(self.boilers):
            return [self.outside] * ROOMS
        wanted = [max(self.outside, goal) for goal in self.wanted]
        return wanted + [sum(wanted) / HEATED] * (ROOMS - HEATED)

    def _mean(self) -> float:
        return sum(self.rooms) / ROOMS
