"""A reading: value, unit, quality, source time and receive time."""

from __future__ import annotations

from collections.abc import Sequence
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
    words: tuple[str, ...] = ()
    """Of an enumeration: what the values 0, 1, 2 … mean."""

    @property
    def word(self) -> str:
        """Return what the value means, if it is one of an enumeration; empty otherwise."""
        return word_of(self.value, self.words)

    @property
    def good(self) -> bool:
        """Return whether the value may be used for control (GOOD or UNCERTAIN)."""
        return self.quality.usable


def word_of(value: float | None, words: Sequence[str]) -> str:
    """Return the word for a value of an enumeration; empty if it has none."""
    if not words or value is None or not 0 <= value < len(words) or value != int(value):
        return ""
    return words[int(value)]
