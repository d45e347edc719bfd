"""The site's half of priority: queue, activation, what the signals are asked for, compensation."""

from __future__ import annotations

from jacquemart.actors.priority.granter.actions import (
    Changed,
    Direct,
    Instruction,
    Reason,
    Release,
    Told,
    View,
)
from jacquemart.actors.priority.granter.granter import Granter
from jacquemart.actors.priority.granter.site import Site, Stage, Times

__all__ = [
    "Changed", "Direct", "Granter", "Instruction", "Reason", "Release", "Site", "Stage", "Times",
    "Told", "View",
]  # fmt: skip
