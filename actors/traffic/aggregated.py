"""The aggregated status of a road-side site, as RSMP has it: eight bits, and how bad they are.

The bits are those of RSMP's ``AggregatedStatus`` (``se``), its first element in the lowest bit.
"""

from __future__ import annotations

from enum import IntFlag


class SiteStatus(IntFlag):
    """What a site says of itself as a whole."""

    LOCAL_MODE = 1
    """A switch at the site has taken control; the centre has none."""
    NO_COMMUNICATION = 2
    """The site has lost its own equipment."""
    HIGH_FAULT = 4
    """Fail-safe: the signals are out of normal operation."""
    MEDIUM_FAULT = 8
    """Not in normal operation as a whole, but in control."""
    LOW_FAULT = 16
    """Needs service some day."""
    IN_USE = 32
    IDLE = 64
    """Dark or flashing, as it should be."""
    NOT_CONNECTED = 128


#: Severities of a site, from best to worst; the position is the number.
SEVERITIES = ("none", "low", "medium", "high")
MOST = 255


def severity_of(status: float) -> int:
    """Return how bad a status is: 0 (none) to 3 (high)."""
    bits = SiteStatus(int(status) & MOST)
    if bits & SiteStatus.HIGH_FAULT:
        return 3
    if bits & (SiteStatus.MEDIUM_FAULT | SiteStatus.NO_COMMUNICATION):
        return 2
    return 1 if bits & SiteStatus.LOW_FAULT else 0
