"""Where the zones of a city lie: in which one a point is, or how far from the nearest.

*Theory.* Zones are plane figures over longitude and latitude, with straight edges between their
corners, as RFC 7946 has it. A border belongs to both of its sides, and then the zone that the
city names first has the point; so every point has the same one zone, whoever asks.

Distances are measured on a sphere to the nearest point of an outline, which is found in a plane
that is true near the city: good to 0.5 % up to some hundred kilometres. Outlines that cross the
180th meridian are not supported.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.model.city import ZoneSpec
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.extras import geo_library

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Mean radius of the earth in metres.
EARTH_M = 6_371_008.8
#: Distances in the plane are at least so true.
TRUE_PLANE = 0.99


class Territory:
    """The outlines of a city's zones, ready to be asked.

    Without any outline it knows nothing, costs nothing, and needs no library.
    """

    def __init__(self, zones: Sequence[ZoneSpec]) -> None:
        """Read the outlines of the zones that have one.

        Raises:
            ConfigError: the libraries of the extra ``geo`` are missing, or an outline is no WKB;
                the operator's fault; a retry cannot help.
        """
        drawn = [zone for zone in zones if zone.outline]
        self.zones: tuple[str, ...] = tuple(zone.id for zone in drawn)
        """The ids of the zones with an outline, in the order of the city."""
        self._shapes: list[Any] = []
        if not drawn:
            return
        self._shapely = geo_library("shapely", "the outlines of zones")
        for zone in drawn:
            try:
                shape = self._shapely.from_wkb(zone.outline)
            except self._shapely.errors.ShapelyError as error:
                raise ConfigError(f"its outline is no WKB: {error}", where=zone.id) from error
            self._shapely.prepare(shape)
            self._shapes.append(shape)
        self._bounds = [shape.bounds for shape in self._shapes]

    def __bool__(self) -> bool:
        return bool(self.zones)

    @property
    def known(self) -> bool:
        """Return whether any zone has an outline."""
        return bool(self.zones)

    def zone_at(self, lat: float, lon: float) -> str:
        """Return the zone of a point; "" if it is outside all outlines or is no point."""
        if not self.zones or not (math.isfinite(lat) and math.isfinite(lon)):
            return ""
        for at, (west, south, east, north) in enumerate(self._bounds):
            near = west <= lon <= east and south <= lat <= north
            if near and self._shapely.intersects_xy(self._shapes[at], lon, lat):
                return self.zones[at]
        return ""

    def zones_at(self, lats: ArrayLike, lons: ArrayLike) -> NDArray[Any]:
        """Return for each point the position of its zone in ``zones``, or -1.

        Args:
            lats: latitudes in degrees; NaN where there is no point.
            lons: longitudes in degrees, as many.

        Returns:
            An array of int32, as long as the arguments.
        """
        numpy = geo_library("numpy", "the outlines of zones")
        y, x = numpy.asarray(lats, dtype=float), numpy.asarray(lons, dtype=float)
        found: NDArray[Any] = numpy.full(len(x), -1, dtype=numpy.int32)
        for at, (west, south, east, north) in enumerate(self._bounds):
            near = (found < 0) & (x >= west) & (x <= east) & (y >= south) & (y <= north)
            rows = numpy.flatnonzero(near)
            inside = self._shapely.intersects_xy(self._shapes[at], x[rows], y[rows])
            found[rows[inside]] = at
        return found

    def nearest(self, lat: float, lon: float) -> tuple[str, float]:
        """Return the zone nearest to a point and the distance in metres, 0 inside of it.

        Without outlines, or for what is no point: "" and infinity.
        """
        if not self.zones or not (math.isfinite(lat) and math.isfinite(lon)):
            return "", math.inf
        zone = self.zone_at(lat, lon)
        if zone:
            return zone, 0.0
        found, metres = self.nearest_at([lat], [lon])
        return self.zones[int(found[0])], float(metres[0])

    def apart(self, zone: str, lat: float, lon: float) -> float:
        """Return how many metres a point lies outside one zone; 0 inside of it or on its border.

        Infinity for a zone without an outline, and for what is no point.
        """
        if zone not in self.zones or not (math.isfinite(lat) and math.isfinite(lon)):
            return math.inf
        at = self.zones.index(zone)
        if self._shapely.intersects_xy(self._shapes[at], lon, lat):
            return 0.0
        tree, stretch = self._plane
        point = self._shapely.Point(lon * stretch, lat)
        line = self._shapely.shortest_line(tree.geometries[at], point)
        there_x, there_y = line.coords[0]
        return distance_m(lat, lon, there_y, there_x / stretch)

    def room(self, zone: str, lat: float, lon: float) -> float:
        """Return how many metres a point may move, whichever way, and still be in one zone.

        0 for a point outside, for a zone without an outline, and for what is no point.
        """
        if zone not in self.zones or not (math.isfinite(lat) and math.isfinite(lon)):
            return 0.0
        at = self.zones.index(zone)
        if not self._shapely.intersects_xy(self._shapes[at], lon, lat):
            return 0.0
        tree, stretch = self._plane
        point = self._shapely.Point(lon * stretch, lat)
        border = self._shapely.boundary(tree.geometries[at])
        degrees = float(self._shapely.distance(border, point))
        return math.radians(degrees) * EARTH_M * TRUE_PLANE

    def nearest_at(self, lats: ArrayLike, lons: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return for each point the position of the nearest zone in ``zones``, and the distance.

        Args:
            lats: latitudes in degrees, all finite; there are zones with outlines.
            lons: longitudes in degrees, as many.

        Returns:
            Two arrays, the second in metres.
        """
        numpy, shapely = geo_library("numpy", "the outlines of zones"), self._shapely
        y, x = numpy.asarray(lats, dtype=float), numpy.asarray(lons, dtype=float)
        tree, stretch = self._plane
        points = shapely.points(x * stretch, y)
        rows, zones = tree.query_nearest(points, all_matches=True)
        # Of several at one distance the first; the tree alone would tell any.
        nearest = numpy.full(len(y), len(self.zones))
        numpy.minimum.at(nearest, rows, zones)
        lines = shapely.shortest_line(tree.geometries[nearest], points)
        there = shapely.get_coordinates(lines)[::2]
        a, b = numpy.radians(y), numpy.radians(there[:, 1])
        east = numpy.radians(there[:, 0] / stretch - x)
        sine = numpy.sin((b - a) / 2) ** 2 + numpy.cos(a) * numpy.cos(b) * numpy.sin(east / 2) ** 2
        return nearest, 2 * EARTH_M * numpy.arcsin(numpy.sqrt(numpy.minimum(sine, 1.0)))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Return the west, south, east and north of all outlines; there is at least one."""
        west, south, east, north = zip(*self._bounds, strict=True)
        return min(west), min(south), max(east), max(north)

    @cached_property
    def _plane(self) -> tuple[Any, float]:
        """Return the outlines with longitudes made as short as they are at the city's latitude."""
        _, south, _, north = self.bounds
        stretch = max(math.cos(math.radians((south + north) / 2)), 1e-6)
        flat = [
            self._shapely.transform(shape, lambda corners: corners * [stretch, 1.0])
            for shape in self._shapes
        ]
        return self._shapely.STRtree(flat), stretch


def distance_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the distance of two points on the sphere in metres; all in degrees."""
    a, b = math.radians(lat), math.radians(other_lat)
    sine = math.sin((b - a) / 2) ** 2
    sine += math.cos(a) * math.cos(b) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(sine)))
