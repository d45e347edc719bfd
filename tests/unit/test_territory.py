"""Where zones lie: borders, holes, enclaves, distances, and a city that has no outlines."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.model.city import ZoneSpec
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.territory import Territory, distance_m


def zone(name: str, shape: shapely.Geometry) -> ZoneSpec:
    return ZoneSpec(name, outline=shapely.to_wkb(shape))


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(5 + west / 100, 47 + south / 100, 5 + east / 100, 47 + north / 100)


RING = box(20, 0, 30, 10).difference(box(24, 4, 26, 6))
#: West and east share a border; the ring has a hole, in which the enclave fills one half.
CITY = (
    zone("west", box(0, 0, 10, 10)),
    ZoneSpec("undrawn"),
    zone("east", box(10, 0, 20, 10)),
    zone("ring", RING),
    zone("enclave", box(24, 4, 25, 6)),
    zone("islands", shapely.MultiPolygon([box(0, 20, 1, 21), box(5, 20, 6, 21)])),
)


def test_a_point_is_in_its_zone_and_in_none_where_there_is_none() -> None:
    territory = Territory(CITY)
    assert territory.zone_at(47.05, 5.05) == "west"
    assert territory.zone_at(47.05, 5.22) == "ring"
    assert territory.zone_at(47.05, 5.245) == "enclave"
    assert territory.zone_at(47.05, 5.255) == "", "the hole beside the enclave"
    assert territory.zone_at(47.205, 5.005) == territory.zone_at(47.205, 5.055) == "islands"
    assert territory.zone_at(47.205, 5.03) == "", "between the islands"


def test_a_point_on_a_border_is_in_the_zone_that_the_city_names_first() -> None:
    for order in (CITY, CITY[::-1]):
        first = next(spec.id for spec in order if spec.id in ("west", "east"))
        assert Territory(order).zone_at(47.05, 5.1) == first
    assert Territory(CITY).zone_at(47.0, 5.0) == "west", "a corner"


def test_the_nearest_zone_is_told_with_its_distance_in_metres() -> None:
    territory = Territory(CITY)
    assert territory.nearest(47.05, 5.05) == ("west", 0.0)
    name, metres = territory.nearest(47.05, 4.99)
    assert name == "west"
    assert metres == pytest.approx(758, abs=2), "a hundredth of a degree at 47° north"
    name, metres = territory.nearest(46.99, 5.25)
    assert name == "ring"
    assert metres == pytest.approx(1112, abs=2)
    assert territory.nearest(47.11, 5.1)[0] == "west", "as near to east"


def test_columns_of_points_have_their_nearest_zones_too() -> None:
    territory = Territory(CITY)
    places = [(47.05, 4.99), (46.99, 5.25), (47.11, 5.1), (47.3, 5.3)]
    at, metres = territory.nearest_at(*zip(*places, strict=True))
    for (lat, lon), zone, away in zip(places, at, metres, strict=True):
        assert territory.nearest(lat, lon) == (territory.zones[zone], pytest.approx(away))
    assert territory.bounds == pytest.approx((5.0, 47.0, 5.3, 47.21))


def test_what_is_no_point_is_nowhere() -> None:
    territory = Territory(CITY)
    for lat, lon in ((math.nan, 5.0), (47.0, math.nan), (math.inf, 5.0)):
        assert territory.zone_at(lat, lon) == ""
        assert territory.nearest(lat, lon) == ("", math.inf)
    assert list(territory.zones_at([math.nan, 47.05], [5.0, math.nan])) == [-1, -1]


def test_without_outlines_nothing_is_known_and_nothing_is_imported() -> None:
    code = (
        "import sys\n"
        "from jacquemart.runtime.model.city import ZoneSpec\n"
        "from jacquemart.runtime.model.territory import Territory\n"
        "territory = Territory([ZoneSpec('a'), ZoneSpec('b')])\n"
        "assert not territory and not territory.known and territory.zones == ()\n"
        "assert territory.zone_at(47, 5) == '' and territory.nearest(47, 5) == ('', float('inf'))\n"
        "assert not {'shapely', 'numpy', 'pyproj'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_missing_library_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shapely", None)
    with pytest.raises(ConfigError, match=r"shapely is needed .*pip install 'jacquemart\[geo\]'"):
        Territory(CITY)


def test_an_outline_that_is_no_wkb_is_told_with_its_zone() -> None:
    with pytest.raises(ConfigError, match="chenove: its outline is no WKB"):
        Territory([ZoneSpec("chenove", outline=b"\x01\x02")])


near = st.floats(-0.05, 0.35).map(lambda value: round(value, 4))


@given(st.lists(st.tuples(near, near), min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_columns_give_what_points_give_and_both_what_geometry_says(
    places: list[tuple[float, float]],
) -> None:
    territory = Territory(CITY)
    lats, lons = [47 + lat for lat, _ in places], [5 + lon for _, lon in places]
    found = territory.zones_at(lats, lons)
    shapes = [(spec.id, shapely.from_wkb(spec.outline)) for spec in CITY if spec.outline]
    for lat, lon, at in zip(lats, lons, found, strict=True):
        inside = [name for name, shape in shapes if shape.covers(shapely.Point(lon, lat))]
        name = territory.zone_at(lat, lon)
        assert name == (inside[0] if inside else "")
        assert (territory.zones[at] if at >= 0 else "") == name


#: Some hundred points of the borders of each zone.
BORDERS = {
    spec.id: shapely.get_coordinates(
        shapely.segmentize(shapely.from_wkb(spec.outline).boundary, 0.0005)
    )
    for spec in CITY
    if spec.outline
}


@given(near, near)
@settings(max_examples=100, deadline=None)
def test_the_nearest_zone_is_the_nearest_of_all(lat: float, lon: float) -> None:
    territory = Territory(CITY)
    name, metres = territory.nearest(47 + lat, 5 + lon)
    if territory.zone_at(47 + lat, 5 + lon):
        assert (name, metres) == (territory.zone_at(47 + lat, 5 + lon), 0.0)
        return
    away = {
        zone: min(distance_m(47 + lat, 5 + lon, y, x) for x, y in border)
        for zone, border in BORDERS.items()
    }
    assert metres <= min(away.values()) * 1.005
    # Border points are 56 m apart at most.
    assert away[name] <= metres * 1.005 + 28
