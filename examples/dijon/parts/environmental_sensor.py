"""Environmental sensors: 1,100 places where air, noise and weather are measured."""

from __future__ import annotations

import random
from collections.abc import Sequence

from parts.ground import Commune
from parts.scattered import Scattered
from parts.tables import Tables

SENSORS = Scattered(
    "environmental_sensor",
    1_100,
    "environmental_sensors.csv",
    "environment_lines.csv",
    "e",
    "capteur",
)


def draw(rng: random.Random, communes: Sequence[Commune], scale: float, *, port: int) -> Tables:
    """Return ``environmental_sensors.csv`` and the links to them, ``environment_lines.csv``."""
    return SENSORS.draw(rng, communes, scale)
