"""Approach detection: who comes to which stop line, and when, from positions alone."""

from __future__ import annotations

from jacquemart.actors.priority.approach.arrival import Arrival
from jacquemart.actors.priority.approach.declared import Approach, Halt
from jacquemart.actors.priority.approach.detection import Detection
from jacquemart.actors.priority.approach.fix import Fix
from jacquemart.actors.priority.approach.told import CheckedIn, CheckedOut, Comes, Gone, Tidings

__all__ = [
    "Approach", "Arrival", "CheckedIn", "CheckedOut", "Comes", "Detection", "Fix", "Gone", "Halt",
    "Tidings",
]  # fmt: skip
