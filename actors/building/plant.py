"""One plant (boiler, pump, fan): minimum times on and off, and its restart after a power failure.
Pure: no I/O, no clock; times are seconds that never go back.

*Theory.* What starts and stops often wears out, so a plant stays on, and off, for a minimum time;
only life safety and critical equipment outrank that, as in BACnet (priority 6 is minimum on and
off). And when power comes back to a district, not all plants may start at once: each waits for a
delay of its own, the same each time, spread evenly by a checksum of its name.
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

LOOK_AGAIN_S: Final = 1.0
OUTRANKS_MINIMUM: Final = 5
"""Commands of this priority and above (smaller) are not held by minimum times or restarts."""


class PlantTimes(NamedTuple):
    """The times of a plant, in seconds."""

    min_on_s: float = 180.0
    min_off_s: float = 180.0
    restart_spread_s: float = 120.0


def restart_delay_s(name: str, spread_s: float) -> float:
    """Return the delay of a plant after its link is back, from 0 to less than ``spread_s``."""
    return spread_s * zlib.crc32(name.encode()) / 2**32


class Plant:
    """What is known of one plant."""

    __slots__ = ("_name", "_running", "_since", "_starts_at", "_times", "restarting")

    def __init__(self, name: str, times: PlantTimes) -> None:
        """Know nothing yet of the plant of that name, unique in the city."""
        self._name = name
        self._times = times
        self._running: bool | None = None
        self._since = 0.0
        self._starts_at = 0.0
        self.restarting = False
        """Its link is back, and it has not been looked at since its restart may be due."""

    def seen(self, now: float, running: bool) -> None:
        """Take what its feedback shows.

        When it is first seen, nobody knows since when it has been so: its minimum time starts.
        """
        if running is not self._running:
            self._running, self._since = running, now

    def link_up(self, now: float) -> None:
        """Take note that the link is back after it was down."""
        self._starts_at = now + restart_delay_s(self._name, self._times.restart_spread_s)
        self.restarting = True

    def start_at(self, now: float) -> float:
        """Return when it may be started: now, or later."""
        least = self._since + self._times.min_off_s if self._running is False else now
        return max(now, self._starts_at, least)

    def restart(self, now: float, *, wanted: bool | None, running: bool | None) -> float | None:
        """Return when to start what its controller wants on and what does not run.

        None: there is nothing to restart. Ask again at that time; not later than ``now`` means
        at once. What is unknown is asked again after a moment.
        """
        if not self.restarting:
            return None
        if wanted is None or running is None:
            return max(now + LOOK_AGAIN_S, self._starts_at)
        if running or not wanted:
            self.restarting = False
            return None
        self.seen(now, running)
        at = self.start_at(now)
        self.restarting = at > now
        return at

    def refuses(self, now: float, priority: int, *, on: bool) -> str:
        """Return why it may not be switched now; empty if it may."""
        if priority <= OUTRANKS_MINIMUM or self._running is on:
            return ""
        if self._running is None:
            return "its feedback was never read"
        if on and now < self._starts_at:
            left = self._starts_at - now
            return (
                f"its link has just come back, and plants start in turn: possible in {left:.0f} s"
            )
        least = self._times.min_off_s if on else self._times.min_on_s
        left = self._since + least - now
        if left > 0:
            return f"minimum time {'off' if on else 'on'} is {least:g} s: possible in {left:.0f} s"
        return ""
