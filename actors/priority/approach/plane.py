"""A plane in metres around a city, ways in it, and where on a way a point lies.

*Theory.* Within some tens of kilometres a plane that touches the earth in the middle of the city is
true to a thousandth. A way is a chain of straight pieces; a point lies on it where the nearest
piece is nearest, which is said as metres along the way and metres beside it.

*Rules.* Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from jacquemart.runtime.model.territory import EARTH_M

RADIAN = math.pi / 180.0


def metres_between(lat: float, lon: float, lat2: float, lon2: float) -> float:
    """Return the distance of two near points; good to 0.1 % up to some kilometres."""
    north = (lat2 - lat) * RADIAN
    east = (lon2 - lon) * RADIAN * math.cos((lat + lat2) / 2.0 * RADIAN)
    return EARTH_M * math.hypot(north, east)


class Plane:
    """Metres east and north of a point."""

    __slots__ = ("_east", "_lat", "_lon", "_north")

    def __init__(self, lat: float, lon: float) -> None:
        """Lay the plane on a place in the city."""
        self._lat, self._lon = lat, lon
        self._north = EARTH_M * RADIAN
        self._east = self._north * math.cos(lat * RADIAN)

    def at(self, lat: float, lon: float) -> tuple[float, float]:
        """Return where a point lies: metres east, metres north."""
        return (lon - self._lon) * self._east, (lat - self._lat) * self._north


class Spot(NamedTuple):
    """Where a point lies on a way."""

    along_m: float
    """From its begin; more than its length: past its end, on the line of its last piece."""
    beside_m: float
    """0 or more."""
    bearing: float
    """Of the piece, in degrees from north over east."""


class Way:
    """A chain of straight pieces in a plane, that goes on straight behind its end."""

    __slots__ = ("_pieces", "length_m", "points")

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        """Take points in metres; those that lie on the one before are left out."""
        self.points = list(points)
        self._pieces: list[tuple[float, float, float, float, float, float, float]] = []
        along = 0.0
        for (x, y), (x2, y2) in pairwise(points):
            length = math.hypot(x2 - x, y2 - y)
            if length > 0.0:
                east, north = (x2 - x) / length, (y2 - y) / length
                bearing = math.degrees(math.atan2(east, north)) % 360.0
                self._pieces.append((x, y, east, north, length, along, bearing))
                along += length
        self.length_m = along

    def spot(self, x: float, y: float, near_m: float = math.nan, within_m: float = 0.0) -> Spot:
        """Return where a point lies.

        Args:
            x: metres east. y: metres north.
            near_m: if it is given, what lies within ``within_m`` of that place goes before what is
                nearer elsewhere; a way may come by the same place twice.
            within_m: see ``near_m``.
        """
        nearest = near = Spot(0.0, math.inf, 0.0)
        last = len(self._pieces) - 1
        for at, (px, py, east, north, length, along, bearing) in enumerate(self._pieces):
            dx, dy = x - px, y - py
            ahead = max(0.0, dx * east + dy * north)
            if at != last and ahead > length:
                ahead = length
            beside = math.hypot(dx - ahead * east, dy - ahead * north)
            if beside < nearest.beside_m:
                nearest = Spot(along + ahead, beside, bearing)
            if beside < near.beside_m and abs(along + ahead - near_m) <= within_m:
                near = Spot(along + ahead, beside, bearing)
        return near if math.isfinite(near.beside_m) else nearest


def apart_deg(one: float, two: float) -> float:
    """Return by how many degrees two directions differ: 0 to 180."""
    return abs((one - two + 180.0) % 360.0 - 180.0)
