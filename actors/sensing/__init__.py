"""Sensing: air, noise and weather."""

from __future__ import annotations

from jacquemart.actors.sensing.environmental_sensor import EnvironmentalSensor

__all__ = ["EnvironmentalSensor"]
