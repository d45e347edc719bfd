"""One position of a vehicle, and whether it can be believed beside those before it.

*Theory.* Positions come late, twice, out of order, from two feeds, and now and then from another
place altogether. What cannot be is not averaged but dropped, and nobody is served on the word of
it: after a jump a vehicle is unknown until two positions in a row agree again. One that jumps to
and fro is two vehicles with one id, or one whose receiver is broken; it is left alone for a while.

*Rules.* Pure. Milliseconds of one clock; degrees; metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from jacquemart.actors.priority.approach.plane import metres_between

#: Nothing on a street is faster.
FASTEST_MPS = 40.0
#: A receiver that does not say how far it may be off is taken for this far.
ACCURACY_M = 10.0
#: One that says that it is off by more tells nothing about a lane.
WORST_ACCURACY_M = 50.0
#: So long after its last word, another feed may speak for a vehicle.
FEED_MS = 10_000
#: So many jumps …
JUMPS = 3
#: … within so long, and a vehicle is left alone until it has not jumped for so long.
JUMPING_MS = 60_000


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a vehicle was. ``time_ms`` is when it was there, ``heard_ms`` when we learned it.

    NaN: not said. ``on_duty`` False or None (not known): it is not tracked.
    """

    vehicle: str
    time_ms: int
    heard_ms: int
    lat: float
    lon: float
    accuracy_m: float = math.nan
    speed_mps: float = math.nan
    heading_deg: float = math.nan
    on_duty: bool | None = True
    door_open: bool | None = None
    line: str = ""
    feed: str = ""


class Verdict(StrEnum):
    """Whether a position is believed."""

    TRUE = "it is believed"
    OLD = "it is too old"
    LATE = "a later one is known"
    OTHER_FEED = "another feed speaks for the vehicle"
    NO_PLACE = "it is no place, or nobody knows within 50 m where"
    JUMPED = "nothing comes there so fast"
    JUMPING = "it jumps to and fro: two vehicles with one id?"


class Believer:
    """What is believed of one vehicle's positions."""

    __slots__ = ("_feed", "_jumps", "_last")

    def __init__(self) -> None:
        """Begin without having seen the vehicle."""
        self._last: Fix | None = None
        self._feed = ""
        self._jumps: list[int] = []

    def judge(self, fix: Fix, most_age_ms: int) -> Verdict:
        """Return whether a position is believed; it is remembered if it could be."""
        last = self._last
        taken = min(fix.time_ms, fix.heard_ms)  # a clock that is ahead does not make it newer
        if not _is_place(fix):
            return Verdict.NO_PLACE
        if fix.heard_ms - taken > most_age_ms:
            return Verdict.OLD
        if last is not None and fix.feed != self._feed and fix.heard_ms - last.heard_ms < FEED_MS:
            # Both may tell the truth a second apart; that they agree is all that is asked.
            if _too_far(last, fix, abs(taken - min(last.time_ms, last.heard_ms))):
                return self._jumped(fix, keep=True)
            return Verdict.OTHER_FEED
        if last is not None and taken <= min(last.time_ms, last.heard_ms):
            if taken == last.time_ms and _too_far(last, fix, 0):
                return self._jumped(fix, keep=True)
            return Verdict.LATE
        self._feed = fix.feed
        if last is not None:
            passed = taken - min(last.time_ms, last.heard_ms)
            if passed <= most_age_ms and _too_far(last, fix, passed):
                return self._jumped(fix, keep=False)
        self._last = fix
        self._jumps = [at for at in self._jumps if fix.heard_ms - at < JUMPING_MS]
        if len(self._jumps) >= JUMPS:
            return Verdict.JUMPING
        return Verdict.TRUE

    def _jumped(self, fix: Fix, *, keep: bool) -> Verdict:
        if not keep:
            self._last = fix
        self._jumps = [at for at in self._jumps if fix.heard_ms - at < JUMPING_MS]
        self._jumps = [*self._jumps[-JUMPS:], fix.heard_ms]
        return Verdict.JUMPING if len(self._jumps) >= JUMPS else Verdict.JUMPED


def accuracy_of(fix: Fix) -> float:
    """Return how far a position may be off."""
    return ACCURACY_M if math.isnan(fix.accuracy_m) else max(1.0, fix.accuracy_m)


def _is_place(fix: Fix) -> bool:
    sound = math.isfinite(fix.lat) and math.isfinite(fix.lon)
    return (
        sound
        and abs(fix.lat) <= 90
        and abs(fix.lon) <= 180
        and (accuracy_of(fix) <= WORST_ACCURACY_M)
    )


def _too_far(one: Fix, two: Fix, passed_ms: int) -> bool:
    room = accuracy_of(one) + accuracy_of(two) + FASTEST_MPS * passed_ms / 1_000
    return metres_between(one.lat, one.lon, two.lat, two.lon) > room
