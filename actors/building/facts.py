"""What the kernels of a building tell: a fact becomes an event of the building."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

FactName = Literal[
    "fire_alarm", "fire_alarm_ended", "fire_fault", "fire_disablement",
    "intrusion_alarm", "intrusion_confirmed", "intrusion_armed", "intrusion_disarmed",
    "intrusion_not_armed", "intrusion_tamper", "intrusion_fault", "intrusion_blind",
    "intrusion_sees_again",
    "door_forced", "door_held", "door_shut",
    "meter_rolled_over", "meter_reset", "plant_restarted", "plant_not_restarted",
]  # fmt: skip
"""All events of a building."""

INFORMATION: Final = 0
WARNING: Final = 1
FAULT: Final = 2
"""The highest severity there is: fire, intrusion, tamper, a forced door."""


class Fact(NamedTuple):
    """One event to publish: its name, severity and detail."""

    name: FactName
    severity: int
    detail: Mapping[str, Any]
