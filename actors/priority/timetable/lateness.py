"""How late a vehicle is on its trip, and how sure that is; and how far behind the one before. Pure.

*Theory.* A position lies somewhere between two stops of the trip; the timetable says when it should
be there, by straight interpolation from one departure to the next arrival. At a stop it should be
there at any time from arrival to departure. A vehicle only goes forward, so of the places where a
way comes by twice the one is meant that is next to where it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from jacquemart.actors.priority.approach.plane import Plane, Way
from jacquemart.actors.priority.timetable.service_day import day_begins, days_at
from jacquemart.actors.priority.timetable.timetable import Timetable, Trip

#: Streets are not straight from stop to stop; who is further from the line is not on the trip.
BESIDE_M = 300.0
#: Going back by less is the receiver's doing.
BACK_M = 100.0
#: How far ahead of its last place a vehicle is looked for.
AHEAD_M = 3_000.0
#: A timetable in whole minutes may be off by so much.
MINUTE_DOUBT_S = 30.0
#: Nobody is later, or earlier, than this: it is another day's trip.
MOST_LATE_S = 6 * 3_600.0


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late a vehicle is: seconds (below 0: early), by how much that is off, and where it is."""

    late_s: float
    doubt_s: float
    along_m: float


class TripFollower:
    """Follows one vehicle on one trip."""

    __slots__ = ("_along_m", "_begins_s", "_doubt_s", "_plane", "_way", "trip")

    def __init__(self, timetable: Timetable, trip: Trip, day: date) -> None:
        """Begin at its first stop. ``day``: the service day that the trip belongs to."""
        self.trip = trip
        self._begins_s = day_begins(day, timetable.zone)
        self._plane = Plane(trip.lats[0], trip.lons[0])
        self._way = Way([self._plane.at(*at) for at in zip(trip.lats, trip.lons, strict=True)])
        self._doubt_s = MINUTE_DOUBT_S if trip.whole_minutes else 0.0
        self._along_m = math.nan

    def seen(self, now_s: float, lat: float, lon: float, accuracy_m: float) -> Lateness | None:
        """Take a position; return how late the vehicle is.

        Args:
            now_s: POSIX seconds at which it was there.

        Returns:
            None: it is not on the trip, or behind its last stop, or that is no place.
        """
        if not (math.isfinite(lat) and math.isfinite(lon) and math.isfinite(accuracy_m)):
            return None
        spot = self._way.spot(*self._plane.at(lat, lon), self._along_m, AHEAD_M)
        if spot.beside_m > BESIDE_M + accuracy_m or spot.along_m > self._way.length_m + accuracy_m:
            return None
        back = self._along_m - spot.along_m
        if back > BACK_M + accuracy_m:
            return None
        along = spot.along_m if math.isnan(self._along_m) else max(self._along_m, spot.along_m)
        along = self._along_m = min(along, self._way.length_m)
        early, due, pace = self._scheduled(along)
        now = now_s - self._begins_s
        late = now - due if now > due else min(0.0, now - early)
        if abs(late) > MOST_LATE_S:
            return None
        return Lateness(late, self._doubt_s + (accuracy_m + spot.beside_m / 2.0) / pace, along)

    def _scheduled(self, along_m: float) -> tuple[float, float, float]:
        """Return from when to when it should be there, and how fast it should drive, in m/s."""
        trip, last = self.trip, len(self.trip.along_m) - 1
        for at in range(last):
            begin, end = trip.along_m[at], trip.along_m[at + 1]
            if along_m > end and at + 1 < last:
                continue
            way, time = end - begin, trip.arrivals[at + 1] - trip.departures[at]
            pace = max(1.0, way / time) if time > 0 and way > 0 else 5.0
            if abs(along_m - begin) < 1.0:
                return float(trip.arrivals[at]), float(trip.departures[at]), pace
            if abs(along_m - end) < 1.0 or way <= 0:
                return float(trip.arrivals[at + 1]), float(trip.departures[at + 1]), pace
            due = trip.departures[at] + time * (along_m - begin) / way
            return due, due, pace
        raise AssertionError("a trip has two stops")  # pragma: no cover


def day_of(timetable: Timetable, trip: Trip, now_s: float) -> date | None:
    """Return the service day on which a trip is under way now, or nearly; None: on none."""
    best: tuple[float, date] | None = None
    for day in days_at(now_s, timetable.zone):
        if not timetable.runs(trip.service, day):
            continue
        now = now_s - day_begins(day, timetable.zone)
        off = max(trip.departures[0] - now, now - trip.arrivals[-1], 0.0)
        if off <= MOST_LATE_S and (best is None or off < best[0]):
            best = (off, day)
    return best[1] if best is not None else None


class Headways:
    """How long behind the one before each vehicle of one line and direction is."""

    __slots__ = ("_paths",)

    #: Places that are remembered of a vehicle.
    MOST = 200

    def __init__(self) -> None:
        """Begin without vehicles."""
        self._paths: dict[str, list[tuple[float, float]]] = {}

    def seen(self, vehicle: str, along_m: float, now_s: float) -> float | None:
        """Take where a vehicle is on its line.

        Returns:
            How many seconds ago the one before it was there; None: none is known to have been.
        """
        path = self._paths.setdefault(vehicle, [])
        if path and along_m < path[-1][0]:
            if path[-1][0] - along_m > BACK_M:
                path.clear()  # another round
            else:
                along_m = path[-1][0]
        if not path or along_m > path[-1][0]:
            path.append((along_m, now_s))
            del path[: -self.MOST]
        before = [
            at for other, way in self._paths.items() if other != vehicle
            for at in [_when(way, along_m)] if at is not None and at <= now_s
        ]  # fmt: skip
        return now_s - max(before) if before else None

    def gone(self, vehicle: str) -> None:
        """Forget a vehicle: it is off duty, or on another line."""
        self._paths.pop(vehicle, None)


def _when(path: list[tuple[float, float]], along_m: float) -> float | None:
    """Return when a path came by a place; None: it did not, or nobody saw it there."""
    for (one, then), (two, later) in pairwise(path):
        if one <= along_m <= two:
            share = (along_m - one) / (two - one) if two > one else 0.0
            return then + share * (later - then)
    return None
