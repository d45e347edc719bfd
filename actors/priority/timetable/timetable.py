"""A timetable: which trips run on which day, and when they are where. Read from GTFS Schedule.

Source: GTFS Schedule reference: agency, trips, stop_times, stops, calendar, calendar_dates.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jacquemart.actors.priority.approach.plane import metres_between
from jacquemart.actors.priority.timetable.service_day import date_of, seconds_of
from jacquemart.actors.priority.timetable.table import Feed, Limits

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(slots=True)
class Trip:
    """One trip of a day: its stops as columns.

    ``along_m`` are metres from the first stop, by straight lines; times are seconds of the
    service day.
    """

    id: str
    route: str
    service: str
    direction: str = ""
    lats: array[float] = field(default_factory=lambda: array("d"))
    lons: array[float] = field(default_factory=lambda: array("d"))
    arrivals: array[int] = field(default_factory=lambda: array("l"))
    departures: array[int] = field(default_factory=lambda: array("l"))
    along_m: array[float] = field(default_factory=lambda: array("d"))

    @property
    def whole_minutes(self) -> bool:
        """Return whether its times are minutes, so that each may be off by half of one."""
        return all(time % 60 == 0 for time in self.departures)


@dataclass(slots=True)
class Timetable:
    """All trips, and the days on which their services run."""

    zone: ZoneInfo
    trips: dict[str, Trip]
    weekly: dict[str, tuple[date, date, tuple[bool, ...]]]
    added: set[tuple[str, date]]
    removed: set[tuple[str, date]]

    def runs(self, service: str, day: date) -> bool:
        """Return whether a service runs on a service day."""
        if (service, day) in self.added:
            return True
        if (service, day) in self.removed or service not in self.weekly:
            return False
        begin, end, days = self.weekly[service]
        return begin <= day <= end and days[day.weekday()]


def read_timetable(
    source: BinaryIO, *, routes: Collection[str] = (), limits: Limits | None = None
) -> Timetable:
    """Read a feed.

    Args:
        source: a zip. routes: only these are kept; empty: all. limits: what it may be.

    Raises:
        TimetableErrors: with every problem; nothing of a feed that is wrong is used.
    """
    feed = Feed(source, limits)
    zone = _zone(feed)
    trips = _trips(feed, routes)
    feed.check()
    _stop_times(feed, trips, _stops(feed))
    weekly, added, removed = _calendar(feed)
    feed.check()
    return Timetable(zone, trips, weekly, added, removed)


def _zone(feed: Feed) -> ZoneInfo:
    for row, cells in feed.rows("agency.txt", ["agency_timezone"]):
        name = cells.get("agency_timezone", "").strip()
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            allowed = "a time zone of the IANA database"
            feed.wrong("agency.txt", row, "agency_timezone", name, allowed)
            feed.check()
    feed.wrong("agency.txt", 0, "", "no row", "an agency")
    feed.check()
    raise AssertionError("checked above")  # pragma: no cover


def _trips(feed: Feed, routes: Collection[str]) -> dict[str, Trip]:
    trips: dict[str, Trip] = {}
    for row, cells in feed.rows("trips.txt", ["route_id", "service_id", "trip_id"]):
        trip = cells["trip_id"]
        if routes and cells["route_id"] not in routes:
            continue
        if not trip or trip in trips:
            feed.wrong("trips.txt", row, "trip_id", trip, "a name that no other trip has")
            continue
        trips[trip] = Trip(trip, cells["route_id"], cells.get("service_id", ""),
                           cells.get("direction_id", ""))  # fmt: skip
    return trips


def _stops(feed: Feed) -> dict[str, tuple[float, float]]:
    stops = {}
    for row, cells in feed.rows("stops.txt", ["stop_id", "stop_lat", "stop_lon"]):
        if cells.get("location_type", "") not in ("", "0"):
            continue  # stations, entrances: nothing stops there
        lat = feed.value("stops.txt", row, cells, "stop_lat", _degrees(90), "-90 to 90")
        lon = feed.value("stops.txt", row, cells, "stop_lon", _degrees(180), "-180 to 180")
        if lat is not None and lon is not None:
            stops[cells["stop_id"]] = (lat, lon)
    return stops


class _degrees:  # noqa: N801 - used as a function
    def __init__(self, most: float) -> None:
        self._most = most

    def __call__(self, text: str) -> float:
        value = float(text)
        if not abs(value) <= self._most:
            raise ValueError(text)
        return value


def _stop_times(feed: Feed, trips: dict[str, Trip], stops: dict[str, tuple[float, float]]) -> None:
    file = "stop_times.txt"
    rows: dict[str, list[tuple[int, int, int, int, float, float]]] = {}
    columns = ["trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time"]
    for row, cells in feed.rows(file, columns):
        name = cells["trip_id"]
        if name not in trips:
            continue  # of a route that nobody asked for
        place = stops.get(cells.get("stop_id", ""))
        if place is None:
            feed.wrong(file, row, "stop_id", cells.get("stop_id", ""), "a stop of stops.txt")
            continue
        order = feed.value(file, row, cells, "stop_sequence", _whole, "a whole number from 0 on")
        times = [cells.get("arrival_time", "").strip(), cells.get("departure_time", "").strip()]
        come = go = -1
        if times[0] or times[1]:
            found = [
                _time(feed, row, column, text or other)
                for column, text, other in (
                    ("arrival_time", times[0], times[1]),
                    ("departure_time", times[1], times[0]),
                )
            ]
            if found[0] is None or found[1] is None:
                continue
            come, go = found[0], found[1]
        if order is not None:
            rows.setdefault(name, []).append((order, row, come, go, *place))
    for name, trip in trips.items():
        _fill(feed, trip, sorted(rows.pop(name, [])))


def _time(feed: Feed, row: int, column: str, text: str) -> int | None:
    allowed = "HH:MM:SS up to 72:00:00"
    return feed.value("stop_times.txt", row, {column: text}, column, seconds_of, allowed)


def _whole(text: str) -> int:
    if not text.strip().isascii() or not text.strip().isdigit():
        raise ValueError(text)
    return int(text)


def _fill(feed: Feed, trip: Trip, rows: list[tuple[int, int, int, int, float, float]]) -> None:
    """Put the stops of a trip into it; times that the feed leaves out are reckoned."""
    file = "stop_times.txt"
    if len(rows) < 2:
        feed.wrong("trips.txt", 0, "trip_id", trip.id, "a trip of 2 stops or more")
        return
    along = last = 0.0
    for at, (order, row, come, go, lat, lon) in enumerate(rows):
        if at:
            along += metres_between(*rows[at - 1][4:], lat, lon)
            if order == rows[at - 1][0]:
                feed.wrong(file, row, "stop_sequence", order, "each number once a trip")
        if come >= 0 and not last <= come <= go:
            feed.wrong(file, row, "arrival_time", come, "no earlier than at the stop before")
        last = max(last, go)
        trip.along_m.append(along)
        for column, value in ((trip.arrivals, come), (trip.departures, go)):
            column.append(value)
        trip.lats.append(lat)
        trip.lons.append(lon)
    if trip.arrivals[0] < 0 or trip.arrivals[-1] < 0:
        end = rows[0][1] if trip.arrivals[0] < 0 else rows[-1][1]
        feed.wrong(file, end, "arrival_time", "", "a time at the first and the last stop")
        return
    known = 0
    for at in range(1, len(rows)):
        if trip.arrivals[at] < 0:
            continue
        way = trip.along_m[at] - trip.along_m[known]
        for gap in range(known + 1, at):
            share = (trip.along_m[gap] - trip.along_m[known]) / way if way else 1.0
            begin = trip.departures[known]
            between = round(begin + share * (trip.arrivals[at] - begin))
            trip.arrivals[gap] = trip.departures[gap] = between
        known = at


def _calendar(
    feed: Feed,
) -> tuple[
    dict[str, tuple[date, date, tuple[bool, ...]]], set[tuple[str, date]], set[tuple[str, date]]
]:
    weekly: dict[str, tuple[date, date, tuple[bool, ...]]] = {}
    added: set[tuple[str, date]] = set()
    removed: set[tuple[str, date]] = set()
    if not feed.has("calendar.txt") and not feed.has("calendar_dates.txt"):
        feed.wrong("calendar.txt", 0, "", "nothing", "it, or calendar_dates.txt")
    if feed.has("calendar.txt"):
        file = "calendar.txt"
        for row, cells in feed.rows(file, ["service_id", "start_date", "end_date", *_DAYS]):
            begin = feed.value(file, row, cells, "start_date", date_of, "YYYYMMDD")
            end = feed.value(file, row, cells, "end_date", date_of, "YYYYMMDD")
            days = [feed.value(file, row, cells, day, _flag, "0 or 1") for day in _DAYS]
            if begin is not None and end is not None and None not in days:
                weekly[cells["service_id"]] = begin, end, tuple(map(bool, days))
    if feed.has("calendar_dates.txt"):
        file = "calendar_dates.txt"
        for row, cells in feed.rows(file, ["service_id", "date", "exception_type"]):
            day = feed.value(file, row, cells, "date", date_of, "YYYYMMDD")
            kind = cells.get("exception_type", "")
            if kind not in ("1", "2"):
                feed.wrong(file, row, "exception_type", kind, "1 (added) or 2 (removed)")
            elif day is not None:
                (added if kind == "1" else removed).add((cells["service_id"], day))
    return weekly, added, removed


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(text)
    return text == "1"
