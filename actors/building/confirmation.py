"""Whether an intrusion alarm is confirmed. Pure: no I/O, no clock.

*Theory.* One detector alone is often wrong: a draught, a spider, a loose contact. An alarm counts
as confirmed (EN 50131-9 and its national rules) when a second detector sees something too, or
when detectors were activated several times, all within a window that looks back from the newest
activation.
"""

from __future__ import annotations

PANEL = 0
"""The source of an alarm that the panel raised without naming a detector."""
TAMPER = -1
"""The source of an alarm that a tamper contact raised."""


class Confirmation:
    """The activations of one intrusion zone since it was armed."""

    __slots__ = ("_activations", "_activations_needed", "_window_s", "confirmed")

    def __init__(self, window_s: float, activations: int) -> None:
        """Confirm by a second source or by so many activations within ``window_s`` seconds."""
        self._window_s = window_s
        self._activations_needed = activations
        self._activations: list[tuple[float, int]] = []
        self.confirmed = False
        """Stays until ``clear``."""

    def __bool__(self) -> bool:
        """Return whether any activation is remembered."""
        return bool(self._activations)

    def add(self, now: float, source: int) -> None:
        """Take an activation; ``now`` in seconds, never going back."""
        begin = now - self._window_s
        self._activations = [seen for seen in self._activations if seen[0] >= begin]
        self._activations.append((now, source))
        sources = {found for _, found in self._activations}
        if len(sources) > 1 or len(self._activations) >= self._activations_needed:
            self.confirmed = True

    def clear(self) -> None:
        """Forget everything: the zone was disarmed."""
        self._activations = []
        self.confirmed = False
