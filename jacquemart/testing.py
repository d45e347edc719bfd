"""Testing a city, its kinds and its drivers: in virtual time, with faults, from a seed.

See docs/guides/testing.md (one kind, one driver) and docs/guides/simulation.md (a whole city).
"""

from __future__ import annotations

from jacquemart.runtime.testing import LocalCity, VirtualClock, VirtualTimeLoop
from jacquemart.runtime.testing.simulation import (
    Found,
    SimulatedCity,
    SimulatedClient,
    judge,
    trial,
)

__all__ = [
    "Found",
    "LocalCity",
    "SimulatedCity",
    "SimulatedClient",
    "VirtualClock",
    "VirtualTimeLoop",
    "judge",
    "trial",
]
