"""Vehicles on trips of a timetable: how late each is, and how far behind the one before it.

A timetable is read in a thread of its own, since it may be large; until it is there, and where it
cannot be read, nothing is known of anybody. A shell around ``timetable``.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jacquemart.actors.priority.approach.fix import ACCURACY_M
from jacquemart.actors.priority.timetable import (
    Headways,
    Timetable,
    Trip,
    TripFollower,
    day_of,
    read_timetable,
)
from jacquemart.runtime.model.text import describe

if TYPE_CHECKING:
    from jacquemart.runtime.actor import DeviceActor

#: Nobody's line runs more seldom, so that one could speak of headways.
SELDOM_S = 3_600


@dataclass(frozen=True, slots=True)
class Standing:
    """How late a vehicle is (and by how much that is off), and its headway in planned ones."""

    late_s: float
    doubt_s: float
    headway: float | None


class Following:
    """All vehicles of one broker."""

    def __init__(self) -> None:
        """Begin without a timetable."""
        self._timetable: Timetable | None = None
        self._begins: dict[tuple[str, str], list[tuple[int, Trip]]] = {}
        self._followers: dict[str, tuple[TripFollower, date]] = {}
        self._headways: dict[tuple[str, str], Headways] = {}

    def begin(self, file: str, actor: DeviceActor) -> None:
        """Read a timetable, and tell as an event of the actor when that is done, or cannot be."""

        def read() -> Timetable:
            with open(file, "rb") as source:
                return read_timetable(source)

        def done() -> None:
            if actor.halted or future.cancelled():
                return
            error = future.exception()
            if error is not None:
                actor.emit("timetable_unread", 2, file=file, why=describe(error)[:500])
                return
            self.take(future.result())
            actor.emit("timetable_read", 0, file=file, trips=len(future.result().trips))

        future = actor.host.loop.run_in_executor(None, read)
        future.add_done_callback(lambda _: actor.guarded(done))

    def take(self, timetable: Timetable) -> None:
        """Use a timetable from now on."""
        self._timetable = timetable
        self._followers.clear()
        self._headways.clear()
        self._begins.clear()
        for trip in timetable.trips.values():
            if len(trip.departures) > 1:
                key = trip.route, trip.direction
                self._begins.setdefault(key, []).append((trip.departures[0], trip))
        for begins in self._begins.values():
            begins.sort(key=lambda one: one[0])

    def seen(
        self, vehicle: str, trip_id: str, now_s: float, lat: float, lon: float
    ) -> Standing | None:
        """Take where a vehicle was at a time (POSIX seconds); None: nothing is known."""
        if self._timetable is None:
            return None
        found = self._followers.get(vehicle)
        if found is None or found[0].trip.id != trip_id:
            self.gone(vehicle)
            trip = self._timetable.trips.get(trip_id)
            day = day_of(self._timetable, trip, now_s) if trip is not None else None
            if trip is None or day is None or len(trip.departures) < 2:
                return None
            found = self._followers[vehicle] = TripFollower(self._timetable, trip, day), day
        follower, day = found
        late = follower.seen(now_s, lat, lon, ACCURACY_M)
        if late is None:
            return None
        trip = follower.trip
        behind = self._headways.setdefault((trip.route, trip.direction), Headways()).seen(
            vehicle, late.along_m, now_s
        )
        planned = self._planned(trip, day)
        headway = behind / planned if behind is not None and planned else None
        return Standing(late.late_s, late.doubt_s, headway)

    def gone(self, vehicle: str) -> None:
        """Forget a vehicle, or the trip that it was on."""
        found = self._followers.pop(vehicle, None)
        if found is not None:
            trip = found[0].trip
            ways = self._headways.get((trip.route, trip.direction))
            if ways is not None:
                ways.gone(vehicle)

    def _planned(self, trip: Trip, day: date) -> float:
        """Return how many seconds after the one before a trip begins; 0: nobody is before it."""
        assert self._timetable is not None
        begins = self._begins[trip.route, trip.direction]
        at = bisect_left(begins, trip.departures[0], key=lambda one: one[0])
        while at > 0:
            at -= 1
            before, other = begins[at]
            apart = trip.departures[0] - before
            if apart > SELDOM_S:
                return 0.0
            if self._timetable.runs(other.service, day):
                return float(apart)
        return 0.0
