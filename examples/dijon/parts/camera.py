"""Cameras: 269, two in five of them moving."""

from __future__ import annotations

import random
from collections.abc import Sequence

from parts.ground import Commune
from parts.scattered import Scattered
from parts.tables import Tables

MOVING = 0.4
"""Share of cameras that can be moved."""


def template(rng: random.Random) -> str:
    """Draw whether a camera moves."""
    return "camera_ptz" if rng.random() < MOVING else "camera"


CAMERAS = Scattered("camera", 269, "cameras.csv", "video_lines.csv", "k", "caméra", template)


def draw(rng: random.Random, communes: Sequence[Commune], scale: float, *, port: int) -> Tables:
    """Return ``cameras.csv`` and the links to them, ``video_lines.csv``."""
    return CAMERAS.draw(rng, communes, scale)
