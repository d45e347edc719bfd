"""In which zone a vehicle is, without flapping at a border.

*Theory.* Positions are some metres off, and streets run along borders. So a vehicle enters a zone
with its first position, and leaves it only when it is well outside of it, or was outside for a
while; whichever of the two comes first. Until then it belongs to the zone where it was.

*Rules.* Pure. Times are seconds of one clock that never runs backwards.
"""

from __future__ import annotations

from dataclasses import dataclass

#: So far outside its zone, a vehicle has left it. A good receiver is off by less in a street.
LEAVE_M = 25.0
#: Outside for so long, it has left however near it is: it stands just behind the border.
LEAVE_S = 15.0
#: The name of everything that is in no zone.
OUTSIDE = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A change of zone. None: it was, or is, nowhere known; OUTSIDE: in no zone of the city."""

    left: str | None
    entered: str


class Presence:
    """The zone of one vehicle. ``zone`` is None while nobody may know it."""

    __slots__ = ("_before", "_outside_since", "zone")

    def __init__(self) -> None:
        """Start nowhere."""
        self.zone: str | None = None
        self._before: str | None = None
        self._outside_since: float | None = None

    def seen(self, time_s: float, here: str, apart_m: float) -> Move | None:
        """Take a position.

        Args:
            time_s: now.
            here: the zone in which the position lies, or OUTSIDE.
            apart_m: how far it lies from ``zone``; 0 inside, infinite if that cannot be said.

        Returns:
            The change of zone that follows from it.
        """
        if self.zone is None:
            self.zone = here
            self._outside_since = None
            return Move(self._before, here) if here != self._before else None
        if here == self.zone:
            self._outside_since = None
            return None
        if self._outside_since is None:
            self._outside_since = time_s
        # What is in no zone has no border of its own: it enters one as a newcomer does.
        well_out = self.zone == OUTSIDE or apart_m >= LEAVE_M
        if not well_out and time_s - self._outside_since < LEAVE_S:
            return None
        move = Move(self.zone, here)
        self.zone = here
        self._outside_since = None
        return move

    def lost(self) -> None:
        """Nobody knows whether it is on duty: nowhere for now; back in its zone is no change."""
        if self.zone is not None:
            self._before, self.zone = self.zone, None

    def ended(self) -> None:
        """The duty is over: where it was is forgotten."""
        self.zone = self._before = self._outside_since = None
