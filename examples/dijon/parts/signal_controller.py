"""Signal controllers: the 113 junctions with bus priority."""

from __future__ import annotations

import random
from collections.abc import Sequence

from parts.ground import Commune
from parts.scattered import Scattered
from parts.tables import Tables

SIGNALS = Scattered("signal_controller", 113, "signals.csv", "signal_lines.csv", "t", "carrefour")


def draw(rng: random.Random, communes: Sequence[Commune], scale: float, *, port: int) -> Tables:
    """Return ``signals.csv`` and the links to them, ``signal_lines.csv``."""
    return SIGNALS.draw(rng, communes, scale)
