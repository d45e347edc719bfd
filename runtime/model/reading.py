"""A reading: value, unit, quality, source time and receive time."""

from __future__ import annotations

from dataclasses import dataclass

from jacquemart.runtime.model.quality import Quality


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a point. Times are POSIX ns; the value is NaN if it was never read."""

    point: str
    """``device/point``."""
    value: float
    quality: Quality
    source_ns: int
    """When the field saw it, by the field's clock."""
    receive_ns: int
    """When the driver received it."""
    unit: str = ""

    @property
    def good(self) -> bool:
        """Return whether the value may be used for control (GOOD or UNCERTAIN)."""
        return self.quality.usable
