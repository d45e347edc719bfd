"""Deterministic simulation of whole cities; see docs/guides/simulation.md."""

from __future__ import annotations

from jacquemart.runtime.testing.simulation.city import SimulatedCity
from jacquemart.runtime.testing.simulation.client import SimulatedClient
from jacquemart.runtime.testing.simulation.judge import judge
from jacquemart.runtime.testing.simulation.trial import Found, trial

__all__ = ["Found", "SimulatedCity", "SimulatedClient", "judge", "trial"]
