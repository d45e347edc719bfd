"""A route that a simulated vehicle drives, as a function of time.

*Theory.* A vehicle goes from waypoint to waypoint at one speed and stands a while at each. The
whole course is laid out once as times; where it is at a time, how fast and in which direction is
then looked up, so that the three always agree and nothing is stepped while nobody looks. A route
whose last waypoint is its first is a round; any other is driven there and back.

*Rules.* Pure. Degrees in WGS 84, metres, seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from jacquemart.runtime.model.territory import distance_m

#: Waypoints of one route at most.
MOST_WAYPOINTS = 1_000
Waypoint = tuple[float, float]


class Going(NamedTuple):
    """Where a vehicle is: degrees, m/s, degrees from north over east; and whether it stands."""

    latitude: float
    longitude: float
    speed: float
    heading: float
    standing: float


class Route:
    """A course through two waypoints or more."""

    __slots__ = ("_dwell_s", "_headings", "_lengths", "_points", "_speed", "_starts", "period_s")

    def __init__(self, waypoints: Sequence[Waypoint], speed: float, dwell_s: float) -> None:
        """Lay it out.

        Args:
            waypoints: latitude and longitude of each; see :func:`parse_waypoints`.
            speed: in m/s, above 0.
            dwell_s: how long it stands at each waypoint.
        """
        points = list(waypoints)
        if points[0] != points[-1]:
            points += reversed(points[:-1])
        self._points = points
        self._speed = speed
        self._dwell_s = dwell_s
        self._starts: list[float] = []
        self._lengths: list[float] = []
        self._headings: list[float] = []
        time = 0.0
        for (lat, lon), (next_lat, next_lon) in pairwise(points):
            length = distance_m(lat, lon, next_lat, next_lon)
            self._starts.append(time)
            self._lengths.append(length)
            self._headings.append(bearing(lat, lon, next_lat, next_lon))
            time += dwell_s + length / speed
        self.period_s = time

    def at(self, time: float) -> Going:
        """Return where the vehicle is, ``time`` seconds after it stood at the first waypoint."""
        time %= self.period_s
        leg = bisect_right(self._starts, time) - 1
        driven = time - self._starts[leg] - self._dwell_s
        lat, lon = self._points[leg]
        heading = self._headings[leg]
        if driven < 0.0:
            return Going(lat, lon, 0.0, heading, 1.0)
        next_lat, next_lon = self._points[leg + 1]
        share = min(1.0, driven * self._speed / self._lengths[leg])
        return Going(
            lat + (next_lat - lat) * share,
            lon + (next_lon - lon) * share,
            self._speed,
            heading,
            0.0,
        )


def bearing(lat: float, lon: float, next_lat: float, next_lon: float) -> float:
    """Return the direction from one point to another near by, 0 to 360 degrees from north."""
    east = (next_lon - lon) * math.cos(math.radians((lat + next_lat) / 2))
    return math.degrees(math.atan2(east, next_lat - lat)) % 360.0


@lru_cache(maxsize=4_096)
def parse_waypoints(text: str) -> tuple[Waypoint, ...]:
    """Return the waypoints of a text like ``47.32 5.04; 47.33 5.05``.

    Raises:
        ValueError: says what is allowed.
    """
    points: list[Waypoint] = []
    for part in text.split(";"):
        numbers = part.split()
        try:
            lat, lon = (float(number) for number in numbers)
        except ValueError:
            raise ValueError("waypoints as LATITUDE LONGITUDE, separated by ;") from None
        if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
            raise ValueError("latitudes from -90 to 90 and longitudes from -180 to 180")
        if not points or points[-1] != (lat, lon):
            points.append((lat, lon))
    if not 2 <= len(points) <= MOST_WAYPOINTS:
        raise ValueError(f"2 to {MOST_WAYPOINTS:,} different waypoints")
    return tuple(points)
