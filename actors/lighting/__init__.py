"""Public lighting: cabinets and street lights."""

from __future__ import annotations

from jacquemart.actors.lighting.cabinet import LightingCabinet
from jacquemart.actors.lighting.street_light import StreetLight

__all__ = ["LightingCabinet", "StreetLight"]
