"""When a vehicle comes to the stop line, and how sure that is. Pure.

*Theory.* Three things make up the way to a stop line: driving, at what the vehicle drives now and
the street allows; starting, if it stands; and the stops before it, where it dwells or drives by.
Each has its doubt, which is carried along: the earliest arrival leaves every stop out, the latest
dwells long at each. Who brakes right before the line, or stands there, waits for the signal: how
fast it is there says nothing of when it could come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jacquemart.actors.priority.approach.declared import Halt

#: Slower than this is standing.
STANDS_MPS = 0.8
#: A bus gains so much speed in a second.
GAINS_MPS2 = 1.0
#: Nobody drives faster than so many times what the approach says.
QUICKER = 1.3
#: How slow traffic may be that flows.
SLOWER = 0.6
#: So near to a stop, a vehicle that stands is at it.
AT_STOP_M = 20.0


class Arrival(NamedTuple):
    """Seconds from now to the stop line."""

    earliest_s: float
    expected_s: float
    latest_s: float

    @property
    def doubt_s(self) -> float:
        """Return how far the earliest and the latest are apart."""
        return self.latest_s - self.earliest_s


def arrival(
    left_m: float,
    accuracy_m: float,
    speed_mps: float,
    street_mps: float,
    halts: Sequence[Halt],
    *,
    queue_m: float,
    stood_s: float = 0.0,
    door_open: bool | None = None,
) -> Arrival:
    """Return when a vehicle comes.

    Args:
        left_m: the way to the stop line. accuracy_m: how far that may be off.
        speed_mps: its speed now. street_mps: what one drives there.
        halts: the stops of the approach; those behind it do not count.
        queue_m: within so much of the line it waits for the signal when it is slow.
        stood_s: for how long it has stood. door_open: whether people get on; None: not known.
    """
    left = max(0.0, left_m)
    waits = left <= queue_m and speed_mps < street_mps * SLOWER
    pace = street_mps if waits else max(min(speed_mps, street_mps * QUICKER), street_mps * SLOWER)
    # From a standstill v / 2a is lost against driving at v; of what is gained already, nothing.
    gain = max(0.0, pace - speed_mps) ** 2 / (2.0 * GAINS_MPS2 * pace)
    drive = left / pace + gain
    early = max(0.0, left - accuracy_m) / max(pace, street_mps * QUICKER)
    late = (left + accuracy_m) / (street_mps * SLOWER) + gain
    for halt in halts:
        apart = left - halt.before_m
        here = abs(apart) <= AT_STOP_M and (speed_mps < STANDS_MPS or door_open is True)
        if not here and apart < -accuracy_m:
            continue
        served = min(stood_s, halt.dwell_s) if here else 0.0
        if here and door_open is False and stood_s > 0.0:
            continue  # its doors are shut: it is about to go
        if not here and apart <= AT_STOP_M and speed_mps >= STANDS_MPS and apart < 0.0:
            continue
        rest = max(halt.dwell_s - served, 0.0)
        drive += rest
        early += max(0.0, rest - 2.0 * halt.spread_s) if here and door_open else 0.0
        late += rest + 2.0 * halt.spread_s
    drive = max(drive, early)
    return Arrival(early, drive, max(late, drive))
