"""Traffic signals: the model of an intersection, its interlock, its controller and its monitor."""

from __future__ import annotations

from jacquemart.actors.signals.controller import Controller
from jacquemart.actors.signals.lamps import Output, interlock_of
from jacquemart.actors.signals.model import (
    Aspect,
    Detector,
    Group,
    Intersection,
    Mode,
    Plan,
    Stage,
    Step,
    Use,
)
from jacquemart.actors.signals.priority_port import Answer, NextGreen, PriorityPort, View

__all__ = [
    "Answer",
    "Aspect",
    "Controller",
    "Detector",
    "Group",
    "Intersection",
    "Mode",
    "NextGreen",
    "Output",
    "Plan",
    "PriorityPort",
    "Stage",
    "Step",
    "Use",
    "View",
    "interlock_of",
]
