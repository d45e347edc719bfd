"""Where the rows of an inventory are: columns or geometries, made WGS 84."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.city import features as geometry
from jacquemart.runtime.city.checks import Key, number
from jacquemart.runtime.city.crs import WGS84, Bounds, Frame, fitting, frame_of, share_within
from jacquemart.runtime.city.features import Features
from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.problems import Place, Report, Words
from jacquemart.runtime.city.rejects import Problem
from jacquemart.runtime.city.rows import Rows
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.extras import geo_library

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COORDINATE = number(-1e9, 1e9)
#: So many points tell whether a coordinate system can be right.
_SAMPLE = 1_000
_FAULTS = {
    geometry.MISSING: ("no geometry", "a point"),
    geometry.EMPTY: ("an empty geometry", "a point"),
    geometry.NO_POINT: ("a geometry that is no point", 'a point, or shapes = "point_inside"'),
}


@dataclass(frozen=True, slots=True)
class Positions:
    """Where rows are; NaN where that is not known, which is told already.

    ``x`` and ``y`` are as the file has them; ``metric`` tells whether they are lengths.
    """

    x: Any
    y: Any
    lon: Any
    lat: Any
    metric: bool

    def grid(self) -> list[tuple[int, int] | None]:
        """Return the places as the file has them, to a centimetre."""
        numpy = geo_library("numpy", "ids of positions")
        scale = 100.0 if self.metric else 1e7
        sound = numpy.isfinite(self.x) & numpy.isfinite(self.y)
        east = numpy.where(sound, numpy.rint(self.x * scale), 0).astype("int64").tolist()
        north = numpy.where(sound, numpy.rint(self.y * scale), 0).astype("int64").tolist()
        places = zip(east, north, sound.tolist(), strict=True)
        return [(x, y) if known else None for x, y, known in places]


def from_geometry(inventory: Inventory, rows: Rows) -> bool:
    """Return whether rows are located otherwise than by columns of latitude and longitude."""
    if inventory.gives("lat", "lon"):
        return False
    return inventory.gives("x", "y") or (isinstance(rows, Features) and rows.located)


def locate(
    inventory: Inventory, rows: Rows, report: Report, bounds: Bounds | None
) -> Positions | None:
    """Return where the rows are; None, with the problem reported, if the system is wrong.

    Args:
        inventory: the inventory, for which ``from_geometry`` holds.
        rows: its rows.
        report: takes problems of the whole inventory.
        bounds: where the zones of the city are; None if that is not known.
    """
    numpy = geo_library("numpy", "coordinates")
    if inventory.gives("x", "y"):
        keys = [Key(name, _COORDINATE, instead=math.nan) for name in ("x", "y")]
        columns = inventory.values(rows, keys)
        x, y = (numpy.array(columns[name], dtype=float) for name in ("x", "y"))
    else:
        assert isinstance(rows, Features)
        x, y, faults = rows.points()
        for fault, (found, allowed) in _FAULTS.items():
            missing = numpy.flatnonzero(faults == fault).tolist()
            inventory.problems.add_each(missing, _of_geometry(rows, found, allowed))
        broken = numpy.flatnonzero((faults == 0) & ~numpy.isfinite(x + y)).tolist()
        tell = _of_geometry(rows, "coordinates that are no numbers", "a point")
        inventory.problems.add_each(broken, tell)
    frame = frame_for(inventory, rows, report, x, y, bounds)
    if frame is None:
        return None
    lon, lat = frame.to_wgs84(x, y)
    near = numpy.isfinite(x) & numpy.isfinite(y)
    if not _plausible(inventory, frame, (x[near], y[near]), (lon[near], lat[near]), report, bounds):
        return None
    off = near & ~((lon >= -180) & (lon <= 180) & (lat >= -90) & (lat <= 90))
    allowed = f"coordinates of {frame.name}"
    tell = _of_geometry(rows, lambda row: pair(x[row], y[row]), allowed)
    inventory.problems.add_each(numpy.flatnonzero(off).tolist(), tell)
    lon, lat = numpy.where(off, numpy.nan, lon), numpy.where(off, numpy.nan, lat)
    return Positions(x, y, lon, lat, frame.metric)


def _of_geometry(
    rows: Rows, found: str | Callable[[int], str], allowed: str
) -> Callable[[int], Problem]:
    def tell(row: int) -> Problem:
        words = Words(found if isinstance(found, str) else found(row))
        return rows.place(row, "geometry", ""), words, allowed, "", ()

    return tell


def frame_for(
    inventory: Inventory, rows: Rows, report: Report, x: Any, y: Any, bounds: Bounds | None
) -> Frame | None:
    """Return the coordinate system of an inventory, given or found; None if there is none."""
    given = inventory.says["crs"]
    found, origin = "", "given"
    if given is None and isinstance(rows, Features):
        found, origin = rows.crs, rows.crs_from
    place = inventory.table.place("crs") if given else Place(rows.file)
    if not (given or found):
        message = advice(x, y, bounds) or f'give it, e.g. crs = "{WGS84}"'
        words = Words("no coordinate reference system in it" if isinstance(rows, Features)
                      else "x and y without crs")  # fmt: skip
        report.add(place, words, "crs in this [[inventory]]", message)
        return None
    try:
        frame = frame_of(given or found, origin)
    except ConfigError as error:
        allowed = 'a coordinate reference system that PROJ knows, e.g. "EPSG:2154"'
        report.add(place, given or found, allowed, str(error))
        return None
    inventory.account.crs, inventory.account.crs_from = frame.name, frame.origin
    return frame


def _plausible(
    inventory: Inventory,
    frame: Frame,
    found: tuple[NDArray[Any], NDArray[Any]],
    places: tuple[NDArray[Any], NDArray[Any]],
    report: Report,
    bounds: Bounds | None,
) -> bool:
    """Return whether the system can be right; report it, with those that can, if not."""
    within = share_within(*places, frame.bounds)
    at_home = share_within(*places, bounds) if bounds else 1.0
    if within > 0.5 and at_home > 0.5:
        return True
    hint = advice(*found, bounds)
    if within > 0.5 and not hint:
        return True  # far away, but no other system is better: each point is told by itself
    given = frame.origin == "given"
    place = inventory.table.place("crs") if given else Place(inventory.account.file)
    words = Words(f"coordinates such as {pair(found[0][0], found[1][0])}")
    area = "of the city's zones" if within > 0.5 else "where that system is used"
    allowed = f"coordinates in {frame.name} ({frame.origin}), {area}"
    report.add(place, words, allowed, hint or "set crs in this [[inventory]]")
    return False


def advice(x: NDArray[Any], y: NDArray[Any], bounds: Bounds | None) -> str:
    """Return in which usual systems coordinates would be where they belong; "" if in none.

    Args:
        x: eastings or longitudes as the file has them.
        y: northings or latitudes.
        bounds: where the city's zones are; None if that is not known.
    """
    numpy = geo_library("numpy", "coordinates")
    known = numpy.flatnonzero(numpy.isfinite(x) & numpy.isfinite(y))
    sample = known[:: max(1, len(known) // _SAMPLE)]
    if not len(sample):
        return ""
    where = "in the city" if bounds else "where that is used"
    fits = list(islice(fitting(x[sample], y[sample], bounds), 3))
    return f"they would be {where} as {', or as '.join(fits)}" if fits else ""


def pair(x: float, y: float) -> str:
    """Return coordinates as a problem shows them."""
    return f"{x:.7g}, {y:.9g}" if abs(x) <= 400 else f"{x:.2f}, {y:.2f}"
