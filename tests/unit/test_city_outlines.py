"""Zones from outlines: which point is in which, and what is told of outlines that are wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import shapely
from geo_samples import HEAD, features, inventory, point, problems, projected, survey
from hypothesis import given, settings
from hypothesis import strategies as st

ZONES = inventory("zones.geojson", makes="zones", template=None, columns={"name": "name"})
LINKS = inventory(
    "zones.geojson",
    makes="links",
    template="line",
    columns={"zone": "name"},
    id_from=["name"],
    id_prefix="field-",
)
LAMPS = inventory("lamps.geojson", columns={"id": "lamp"}, defaults={"link": "field-{zone}"})


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """Return a box, in hundredths of a degree from 5°E 47°N."""
    return shapely.box(5 + west / 100, 47 + south / 100, 5 + east / 100, 47 + north / 100)


RING = box(0, 0, 10, 10).difference(box(2, 2, 8, 8))
SHAPES = {
    "Chenôve": RING,
    "L'Enclave": box(2, 2, 5, 8),
    "Iles": shapely.MultiPolygon([box(10, 0, 12, 2), box(14, 0, 16, 2)]),
}


def drawn(folder: Path, shapes: Mapping[str, shapely.Geometry | None]) -> None:
    rows = [
        ({"name": name}, None if shape is None else json.loads(shapely.to_geojson(shape)))
        for name, shape in shapes.items()
    ]
    (folder / "zones.geojson").write_text(features(rows))


def placed(folder: Path, places: Mapping[str, tuple[float, float]]) -> None:
    """Write lamps, in hundredths of a degree from 5°E 47°N."""
    rows = [({"lamp": n}, point(5 + x / 100, 47 + y / 100)) for n, (x, y) in places.items()]
    (folder / "lamps.geojson").write_text(features(rows))


def test_zones_get_their_outlines_and_their_ids_from_names(tmp_path: Path) -> None:
    drawn(tmp_path, SHAPES)
    found = survey(tmp_path, HEAD + ZONES)
    assert [(zone.id, zone.name) for zone in found.city.zones] == [
        ("chenove", "Chenôve"), ("l-enclave", "L'Enclave"), ("iles", "Iles")
    ]  # fmt: skip
    for zone, shape in zip(found.city.zones, SHAPES.values(), strict=True):
        assert shapely.from_wkb(zone.outline).equals(shape)
    assert (found.accounts[0].rows, found.accounts[0].accepted) == (3, 3)


def test_a_device_is_in_the_zone_in_which_it_stands_and_on_that_zones_link(tmp_path: Path) -> None:
    drawn(tmp_path, SHAPES)
    placed(tmp_path, {"a": (1, 1), "b": (3, 3), "c": (15, 1), "d": (2, 5)})
    found = survey(tmp_path, HEAD + ZONES + LINKS + LAMPS)
    assert {device.id: (device.zone, device.link) for device in found.city.devices} == {
        "a": ("chenove", "field-chenove"),
        "b": ("l-enclave", "field-l-enclave"),
        "c": ("iles", "field-iles"),
        "d": ("chenove", "field-chenove"),  # on the border: the first
    }
    assert found.accounts[-1].zones == {"chenove": 2, "iles": 1, "l-enclave": 1}
    assert found.accounts[1].zones == {"chenove": 1, "l-enclave": 1, "iles": 1}


def test_points_outside_are_told_with_the_nearest_zone_and_its_distance(tmp_path: Path) -> None:
    drawn(tmp_path, SHAPES)
    placed(tmp_path, {"in": (1, 1), "hole": (7, 5), "gap": (13, 1), "far": (13, 40), "on": (3, 3)})
    assert problems(tmp_path, HEAD + ZONES + LINKS + LAMPS) == [
        f"lamps.geojson: row {row}: zone: found {lat}, {lon} (lat, lon); allowed: a point in a "
        f"zone ({metres} m from the nearest zone, {zone})"
        for row, lat, lon, metres, zone in (
            (2, "47.050000", "5.070000", "758", "chenove"),
            (3, "47.010000", "5.130000", "758", "iles"),
            (4, "47.400000", "5.130000", "33,435", "chenove"),
        )
    ]


def test_points_outside_may_go_to_the_nearest_zone_or_be_left_out(tmp_path: Path) -> None:
    drawn(tmp_path, SHAPES)
    placed(tmp_path, {"in": (1, 1), "hole": (7, 5), "far": (13, 40)})
    city = HEAD + ZONES + LINKS + LAMPS
    dropped = survey(tmp_path, city + 'outside = "drop"\n')
    assert [device.id for device in dropped.city.devices] == ["in"]
    account = dropped.accounts[-1]
    assert (account.rows, account.accepted, account.rejected) == (3, 1, 2)
    assert account.problems.reasons == {"zone: a point in a zone": 2}
    assert [problem.row for problem in account.problems.kept] == [2, 3]
    assert "33,435 m from the nearest zone, chenove" in str(account.problems.kept[1])
    near = city + 'outside = "nearest"\n'
    (far,) = problems(tmp_path, near)
    assert far.startswith("lamps.geojson: row 3: zone: found 47.400000, 5.130000")
    found = survey(tmp_path, near + "outside_within_m = 40_000\n")
    assert [device.zone for device in found.city.devices] == ["chenove"] * 3
    assert found.accounts[-1].moved == 2
    found = survey(tmp_path, near + 'bad_rows = "drop"\n')
    assert [device.id for device in found.city.devices] == ["in", "hole"]


def test_a_column_a_default_and_the_link_go_before_the_outline(tmp_path: Path) -> None:
    drawn(tmp_path, SHAPES)
    placed(tmp_path, {"a": (1, 1), "b": (3, 3)})
    link = '[links.one]\ndriver = "wire"\nzone = "chenove"\n'
    city = HEAD + ZONES + link
    by_link = city + inventory("lamps.geojson", defaults={"link": "one"})
    assert [device.zone for device in survey(tmp_path, by_link).city.devices] == ["chenove"] * 2
    by_default = city.replace('"chenove"', '"iles"') + inventory(
        "lamps.geojson", defaults={"link": "one", "zone": "iles"}
    )
    assert [device.zone for device in survey(tmp_path, by_default).city.devices] == ["iles"] * 2
    placed(tmp_path, {"a": (1, 1), "out": (7, 5)})
    assert len(problems(tmp_path, by_link)) == 1, "outside of the city all the same"


def test_devices_of_one_link_without_a_zone_stand_in_one_zone(tmp_path: Path) -> None:
    drawn(tmp_path, SHAPES)
    placed(tmp_path, {"a": (1, 1), "b": (3, 3)})
    city = HEAD + ZONES + '[links.one]\ndriver = "wire"\n'
    (found,) = problems(tmp_path, city + inventory("lamps.geojson", defaults={"link": "one"}))
    assert 'row 2: zone: found "l-enclave"; allowed: "chenove", the zone of link "one"' in found


def test_csv_files_have_their_points_put_into_zones_too(tmp_path: Path) -> None:
    drawn(tmp_path, SHAPES)
    (tmp_path / "lamps.csv").write_text("lamp,lat,lon\na,47.01,5.01\nb,47.03,5.03\nc,,\n")
    lamps = inventory(
        "lamps.csv",
        columns={"id": "lamp", "lat": "lat", "lon": "lon"},
        defaults={"link": "field-{zone}"},
    )
    assert problems(tmp_path, HEAD + ZONES + LINKS + lamps) == [
        "lamps.csv:4: zone: found nothing; allowed: a zone, of which the link is made",
    ]


def test_a_zone_without_a_link_is_told(tmp_path: Path) -> None:
    drawn(tmp_path, SHAPES)
    placed(tmp_path, {"a": (1, 1), "b": (1.5, 1.5), "c": (3, 3)})
    city = HEAD + ZONES + '[links.field-chenove]\ndriver = "wire"\n' + LAMPS
    (found,) = problems(tmp_path, city)
    assert 'defaults.link: found "field-l-enclave"; allowed: a link: field-chenove' in found


def test_tables_keep_their_order_and_names_and_get_their_outlines(tmp_path: Path) -> None:
    drawn(tmp_path, SHAPES)
    tables = '[zones.iles]\nname = "Les Iles"\n[zones.c]\nname = "Chenôve"\n[zones.plain]\n'
    zones = survey(tmp_path, tables + HEAD + ZONES).city.zones
    assert [(zone.id, zone.name, bool(zone.outline)) for zone in zones] == [
        ("iles", "Les Iles", True),
        ("c", "Chenôve", True),
        ("plain", "plain", False),
        ("l-enclave", "L'Enclave", True),
    ]


def test_ids_may_come_from_a_column(tmp_path: Path) -> None:
    rows = [({"insee": 21166, "name": "Chenôve"}, json.loads(shapely.to_geojson(RING)))]
    (tmp_path / "zones.geojson").write_text(features(rows))
    columns = {"id": "insee", "name": "name"}
    zones = inventory("zones.geojson", makes="zones", template=None, columns=columns)
    (zone,) = survey(tmp_path, HEAD + zones).city.zones
    assert (zone.id, zone.name) == ("21166", "Chenôve")


def test_outlines_in_another_system_are_converted(tmp_path: Path) -> None:
    square = [(5.0, 47.0), (5.1, 47.0), (5.1, 47.1), (5.0, 47.1), (5.0, 47.0)]
    ring = [list(projected("EPSG:2154", *corner)) for corner in square]
    rows = [({"name": "x"}, {"type": "Polygon", "coordinates": [ring]})]
    (tmp_path / "zones.geojson").write_text(features(rows))
    (zone,) = survey(tmp_path, HEAD + ZONES + 'crs = "EPSG:2154"\n').city.zones
    assert shapely.from_wkb(zone.outline).bounds == pytest.approx((5.0, 47.0, 5.1, 47.1), abs=1e-7)
    (found,) = problems(tmp_path, HEAD + ZONES)
    assert found.startswith("zones.geojson: found coordinates such as")
    assert 'crs = "EPSG:2154"' in found


BOW_TIE = shapely.Polygon([(5, 47), (5.1, 47.1), (5.1, 47), (5, 47.1)])


def test_an_invalid_outline_is_told_with_why_and_where_and_may_be_repaired(tmp_path: Path) -> None:
    drawn(tmp_path, {"bow": BOW_TIE, "good": box(20, 0, 21, 1)})
    (found,) = problems(tmp_path, HEAD + ZONES)
    assert found == (
        "zones.geojson: row 1: geometry: found an invalid polygon: Self-intersection[5.05 47.05] "
        "(longitude latitude); allowed: a valid polygon (repair = true makes it valid where it can)"
    )
    repaired = survey(tmp_path, HEAD + ZONES + "repair = true\n")
    shape = shapely.from_wkb(repaired.city.zones[0].outline)
    assert shape.is_valid
    assert shape.area == pytest.approx(0.005)
    assert repaired.accounts[0].repaired == 1
    assert repaired.city.zones[1].outline == shapely.to_wkb(box(20, 0, 21, 1))


def test_outlines_that_are_no_areas_are_told(tmp_path: Path) -> None:
    line = shapely.LineString([(5, 47), (5.1, 47.1)])
    drawn(tmp_path, {"none": None, "line": line, "good": box(0, 0, 1, 1)})
    assert problems(tmp_path, HEAD + ZONES) == [
        "zones.geojson: row 1: geometry: found no geometry; allowed: a polygon or multipolygon",
        "zones.geojson: row 2: geometry: found a LineString; allowed: a polygon or multipolygon",
    ]
    left = survey(tmp_path, HEAD + ZONES + 'bad_rows = "drop"\n')
    assert [zone.id for zone in left.city.zones] == ["good"]
    assert left.accounts[0].rejected == 2


def test_outlines_that_overlap_are_told_with_the_area_and_both_names(tmp_path: Path) -> None:
    drawn(tmp_path, {"a": box(0, 0, 10, 10), "b": box(9, 0, 20, 10), "c": box(20, 0, 30, 10)})
    (found,) = problems(tmp_path, HEAD + ZONES)
    assert found.startswith(
        'zones.geojson: row 2: zone b: found an outline that overlaps zone "a" '
    )
    square = float(found.partition("by ")[2].partition(" m²")[0].replace(",", ""))
    assert square == pytest.approx(11_119.5 * 1_111.95 * 0.68200 / 1.0, rel=0.01)
    assert "(the other is at zones.geojson: row 1)" in found
    drawn(tmp_path, {"a": box(0, 0, 10, 10), "b": box(9.9999, 0, 20, 10)})
    assert problems(tmp_path, HEAD + ZONES) == [], "less than published outlines are apart"


def test_a_zone_within_another_needs_a_hole_in_it(tmp_path: Path) -> None:
    drawn(tmp_path, {"around": box(0, 0, 10, 10), "within": box(2, 2, 5, 5)})
    (found,) = problems(tmp_path, HEAD + ZONES)
    assert 'overlaps zone "around"' in found


def test_one_name_for_two_outlines_is_told(tmp_path: Path) -> None:
    drawn(tmp_path, {"Chenôve": box(0, 0, 1, 1), "CHENOVE": box(2, 0, 3, 1)})
    assert problems(tmp_path, HEAD + ZONES) == [
        'zones.geojson: row 2: id: found "chenove"; allowed: an id that no other zone has '
        "(first at zones.geojson: row 1)"
    ]


def test_zones_need_polygons(tmp_path: Path) -> None:
    (tmp_path / "zones.csv").write_text("name\nx\n")
    (found,) = problems(tmp_path, HEAD + ZONES.replace("geojson", "csv"))
    assert "found csv without geometries; allowed: a file with polygons" in found


cells = st.integers(0, 11)
holes = st.lists(st.tuples(cells, cells), max_size=12, unique=True)


@given(holes, st.lists(st.tuples(cells, cells), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_zones_of_points_are_those_of_a_slow_and_simple_search(
    enclaves: list[tuple[int, int]], places: list[tuple[int, int]]
) -> None:
    """A big zone full of holes; every other hole is an enclave, the others are nobody's."""
    hole = [box(x, y, x + 1, y + 1) for x, y in enclaves]
    shapes: dict[str, Any] = {"big": box(-1, -1, 13, 13).difference(shapely.union_all(hole))}
    shapes |= {f"e{n}": shape for n, shape in enumerate(hole) if n % 2 == 0}
    spots = {f"p{n}": (x + 0.37, y + 0.61) for n, (x, y) in enumerate(places)}
    with TemporaryDirectory() as name:
        folder = Path(name)
        drawn(folder, shapes)
        placed(folder, spots)
        found = survey(folder, HEAD + ZONES + LINKS + LAMPS + 'outside = "drop"\n')
    expected = {}
    for lamp, (x, y) in spots.items():
        inside = [n for n, s in shapes.items()
                  if s.contains(shapely.Point(5 + x / 100, 47 + y / 100))]  # fmt: skip
        if inside:
            expected[lamp] = inside[0]
    assert {device.id: device.zone for device in found.city.devices} == expected
    assert found.accounts[-1].rejected == len(spots) - len(expected)


def test_an_outline_that_is_nowhere_on_the_earth_is_told_among_good_ones(tmp_path: Path) -> None:
    far = shapely.box(854_000, 6_692_000, 855_000, 6_693_000)
    drawn(tmp_path, {"Chenôve": RING, "Ahuy": far})
    assert problems(tmp_path, HEAD + ZONES) == [
        "zones.geojson: row 2: geometry: found 855000.00, 6692000.00; allowed: coordinates of "
        "EPSG:4326 (WGS 84)"
    ]


def test_a_refused_place_is_told_once_though_its_zone_and_link_are_missing(tmp_path: Path) -> None:
    drawn(tmp_path, SHAPES)
    rows = [({"lamp": "l-1"}, None), ({"lamp": "l-2"}, point(5.01, 47.01))]
    (tmp_path / "lamps.geojson").write_text(features(rows))
    assert problems(tmp_path, HEAD + ZONES + LINKS + LAMPS) == [
        "lamps.geojson: row 1: geometry: found no geometry; allowed: a point"
    ]


def test_latitude_and_longitude_the_wrong_way_round_are_told_as_that(tmp_path: Path) -> None:
    drawn(tmp_path, SHAPES)
    (tmp_path / "lamps.csv").write_text("lamp,lat,lon\nl-1,5.01,47.01\nl-2,47.01,\n")
    columns = {"id": "lamp", "lat": "lat", "lon": "lon"}
    link = {"link": "field-{zone}"}
    lamps = inventory("lamps.csv", columns=columns, defaults=link)
    (turned, *_) = problems(tmp_path, HEAD + ZONES + LINKS + lamps)
    assert turned.endswith("; the other way round it is in chenove)")
    lamps = inventory("lamps.csv", columns=columns, defaults=link, bad_rows="drop")
    told = survey(tmp_path, HEAD + ZONES + LINKS + lamps).accounts[-1].describe()
    assert any("both lat and lon, or neither" in line for line in told)
