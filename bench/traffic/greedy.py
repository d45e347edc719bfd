"""A naive bus priority to be beaten: every bus gets green at once, whatever it costs the others.

It moves SUMO's own programs: near a bus, a green that serves it does not end, and any other ends as
soon as its least green is over. It has no memory, no compensation and no limits but those.
"""

from __future__ import annotations

from typing import Any

NEAR_M = 150.0
LEAST_GREEN_S = 5.0
STAY_S = 3.0


class Greedy:
    """Steps beside a simulation whose signals run SUMO's own programs."""

    def __init__(self, traci: Any) -> None:
        """Take the programs of all signals."""
        self._traci = traci
        self._since: dict[str, tuple[int, float]] = {}

    def step(self, buses: list[str], now_s: float) -> None:
        """Look at all buses, and move the programs before them."""
        lights = self._traci.trafficlight
        for signal in lights.getIDList():
            phase = lights.getPhase(signal)
            if self._since.get(signal, (-1, 0.0))[0] != phase:
                self._since[signal] = phase, now_s
        served: set[str] = set()
        for bus in buses:
            for signal, link, distance, _ in self._traci.vehicle.getNextTLS(bus)[:1]:
                if distance > NEAR_M or signal in served:
                    continue
                served.add(signal)
                state = lights.getRedYellowGreenState(signal)
                green_for = now_s - self._since[signal][1]
                if state[link] in "Gg":
                    if lights.getNextSwitch(signal) - now_s < STAY_S:
                        lights.setPhaseDuration(signal, STAY_S)
                elif "y" not in state and "u" not in state and green_for >= LEAST_GREEN_S:
                    lights.setPhaseDuration(signal, 0.0)
