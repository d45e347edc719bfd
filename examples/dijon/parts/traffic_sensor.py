"""Traffic sensors: 900 places where vehicles are counted."""

from __future__ import annotations

import random
from collections.abc import Sequence

from parts.ground import Commune
from parts.scattered import Scattered
from parts.tables import Tables

SENSORS = Scattered(
    "traffic_sensor", 900, "traffic_sensors.csv", "traffic_lines.csv", "v", "comptage"
)


def draw(rng: random.Random, communes: Sequence[Commune], scale: float, *, port: int) -> Tables:
    """Return ``traffic_sensors.csv`` and the links to them, ``traffic_lines.csv``."""
    return SENSORS.draw(rng, communes, scale)
