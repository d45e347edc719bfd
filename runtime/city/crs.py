"""Coordinate reference systems: named or found, converted to WGS 84, and guessed where wrong.

All arithmetic is PROJ's. Coordinates are always east before north, whatever the authority says,
since that is how files have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.extras import geo_library

if TYPE_CHECKING:
    from numpy.typing import NDArray

WGS84 = "EPSG:4326"
#: What published French and neighbouring data is in, the likeliest first.
USUAL = (
    "EPSG:2154",  # Lambert-93
    WGS84,
    *(f"EPSG:{code}" for code in range(3942, 3951)),  # the nine conic zones
    "EPSG:27572",  # Lambert II étendu
    "EPSG:3857",  # web maps
    *("EPSG:32630", "EPSG:32631", "EPSG:32632"),  # UTM
    "EPSG:2056",  # Swiss
    "EPSG:31370",  # Belgian
)
#: Degrees by which a place may be outside of where its system is used.
_MARGIN = 1.0

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A coordinate reference system.

    Attributes:
        name: as people know it.
        origin: "given" in the city file, "found" in the data, or "assumed" by their format.
    """

    name: str
    origin: str
    crs: Any
    transformer: Any

    def to_wgs84(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return longitudes and latitudes; infinite or NaN where there are none."""
        if self.transformer is None:
            return x, y
        lon, lat = self.transformer.transform(x, y)
        return lon, lat

    @property
    def metric(self) -> bool:
        """Return whether coordinates are lengths and not angles."""
        return not self.crs.is_geographic

    @property
    def bounds(self) -> Bounds:
        """Return where the system is used."""
        area = self.crs.area_of_use
        return (-180.0, -90.0, 180.0, 90.0) if area is None else tuple(area.bounds)


def frame_of(text: str, origin: str) -> Frame:
    """Return the system that a name, a WKT or a PROJJSON stands for.

    Raises:
        ConfigError: none, or one that PROJ cannot convert to WGS 84; the operator's fault.
    """
    pyproj = geo_library("pyproj", "coordinates that are not in WGS 84")
    try:
        crs = pyproj.CRS.from_user_input(text)
        if len(crs.axis_info) > 2:
            crs = crs.to_2d()
        if not (crs.is_projected or crs.is_geographic):
            raise ConfigError(f"{crs.name} is no system of places on the earth")
        transformer = None
        if not crs.equals(pyproj.CRS(WGS84), ignore_axis_order=True):
            transformer = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise ConfigError(str(error).splitlines()[0] if str(error) else "PROJ refused it") from None
    authority = crs.to_authority(min_confidence=60)
    code = ":".join(authority) if authority else ""
    return Frame(f"{code} ({crs.name})" if code else crs.name, origin, crs, transformer)


def share_within(lon: NDArray[Any], lat: NDArray[Any], bounds: Bounds) -> float:
    """Return which share of the points lies within bounds, with a margin of a degree."""
    west, south, east, north = bounds
    near = (lon >= west - _MARGIN) & (lon <= east + _MARGIN)
    near &= (lat >= max(south - _MARGIN, -90.0)) & (lat <= min(north + _MARGIN, 90.0))
    near &= (lon >= -180.0) & (lon <= 180.0)
    return float(near.mean()) if len(lon) else 1.0


def fitting(x: NDArray[Any], y: NDArray[Any], bounds: Bounds | None) -> Iterator[str]:
    """Yield what the coordinates may be: usual systems that put most points where they belong.

    Args:
        x: eastings or longitudes as the file has them.
        y: northings or latitudes.
        bounds: where the city's zones are; None: wherever a system is used.
    """
    for code in USUAL:
        frame = frame_of(code, "given")
        lon, lat = frame.to_wgs84(x, y)
        if share_within(lon, lat, bounds or _narrow(frame)) > 0.5:
            yield f'crs = "{code}" ({frame.crs.name})'
    if bounds is not None and share_within(y, x, bounds) > 0.5:
        yield "longitude and latitude the other way round"


def _narrow(frame: Frame) -> Bounds:
    """Return where a system is used, as far as that tells anything."""
    west, south, east, north = frame.bounds
    # What is used all over the world fits anything; then only where it starts is no surprise.
    return (-10.0, 41.0, 11.0, 52.0) if east - west > 90 else (west, south, east, north)
