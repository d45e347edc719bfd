"""Coordinate systems: converted within a centimetre, and wrong ones told with what would fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from geo_samples import (
    HEAD,
    TWO_ZONES,
    features,
    inventory,
    lamps_geojson,
    lamps_shapefile,
    point,
    problems,
    projected,
    survey,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.city.codepage import by_mark, by_name
from jacquemart.runtime.city.crs import USUAL, frame_of
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.territory import EARTH_M

CITY = HEAD + TWO_ZONES
DEFAULTS = {"link": "l"}


def box(west: float, south: float, east: float, north: float) -> dict[str, object]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def drawn(folder: Path) -> str:
    """Return a city with one drawn zone around Dijon."""
    text = features([({"name": "west"}, box(4.9, 47.2, 5.2, 47.4))])
    (folder / "zones.geojson").write_text(text)
    zones = inventory("zones.geojson", makes="zones", template=None, columns={"name": "name"})
    return HEAD + '[links.l]\ndriver = "wire"\n' + zones


#: The usual systems that reach all over France.
FRAMES = {c: frame_of(c, "given") for c in USUAL if c not in ("EPSG:2056", "EPSG:31370")}


@pytest.mark.parametrize("crs", FRAMES)
@settings(max_examples=10, deadline=None)
@given(lon=st.floats(-1.0, 7.0), lat=st.floats(43.0, 49.0))
def test_there_and_back_is_within_a_centimetre(crs: str, lon: float, lat: float) -> None:
    x, y = projected(crs, lon, lat)
    east, north = FRAMES[crs].to_wgs84(np.array([x]), np.array([y]))
    metre = np.degrees(1 / EARTH_M)
    assert abs(east[0] - lon) * np.cos(np.radians(lat)) < 0.01 * metre
    assert abs(north[0] - lat) < 0.01 * metre


def test_lambert_93_is_what_the_institute_says_it_is() -> None:
    # The worked example of the French geographic institute's NTG 71: 3°E 46.5°N is the origin.
    lon, lat = frame_of("EPSG:2154", "given").to_wgs84(np.array([700_000.0]), np.array([6.6e6]))
    assert (lon[0], lat[0]) == (pytest.approx(3.0, abs=1e-9), pytest.approx(46.5, abs=1e-9))


@pytest.mark.parametrize("text", ["", "EPSG:99999", "nonsense", 'LOCAL_CS["x"]', "EPSG:5720"])
def test_what_proj_cannot_convert_is_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        frame_of(text, "given")


def test_a_geojson_in_lambert_93_is_refused_with_what_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "lamps.geojson").write_text(lamps_geojson("EPSG:2154"))
    (found,) = problems(tmp_path, CITY + inventory("lamps.geojson", defaults=DEFAULTS))
    x, y = projected("EPSG:2154", 5.0062, 47.2931)
    assert found.startswith(
        f"lamps.geojson: found coordinates such as {x:.2f}, {y:.2f}; allowed: coordinates in "
        "EPSG:4326 (WGS 84) (assumed), where that system is used (they would be where that is used "
        'as crs = "EPSG:2154" (RGF93 v1 / Lambert-93)'
    )


@pytest.mark.parametrize("crs", ["EPSG:2154", "EPSG:3947", "EPSG:27572", "EPSG:3857", "EPSG:32631"])
def test_the_system_that_fits_the_zones_is_the_first_that_is_named(
    crs: str, tmp_path: Path
) -> None:
    city = drawn(tmp_path)
    (tmp_path / "lamps.geojson").write_text(lamps_geojson(crs))
    (found,) = problems(tmp_path, city + inventory("lamps.geojson", defaults=DEFAULTS))
    assert f'they would be in the city as crs = "{crs}"' in found


def test_a_wrong_crs_is_told_where_it_is_given(tmp_path: Path) -> None:
    city = drawn(tmp_path)
    (tmp_path / "lamps.geojson").write_text(lamps_geojson())
    wrong = city + inventory("lamps.geojson", defaults=DEFAULTS, crs="EPSG:2154")
    (found,) = problems(tmp_path, wrong)
    assert found.startswith("city.toml:")
    assert "inventory[1].crs: found coordinates such as 5.0062, 47.2931" in found
    assert 'crs = "EPSG:4326"' in found
    unknown = city + inventory("lamps.geojson", defaults=DEFAULTS, crs="EPSG:123456")
    (found,) = problems(tmp_path, unknown)
    assert 'inventory[1].crs: found "EPSG:123456"; allowed: a coordinate reference system' in found


def test_latitude_before_longitude_is_noticed(tmp_path: Path) -> None:
    city = drawn(tmp_path)
    rows = [({"lamp": f"l-{n}"}, point(47.3 + n / 1000, 5.05)) for n in range(4)]
    (tmp_path / "lamps.geojson").write_text(features(rows))
    (found,) = problems(tmp_path, city + inventory("lamps.geojson", defaults=DEFAULTS))
    assert "longitude and latitude the other way round" in found


def test_a_shapefile_without_a_prj_needs_a_crs(tmp_path: Path) -> None:
    lamps_shapefile(tmp_path).with_suffix(".prj").unlink()
    (found,) = problems(tmp_path, CITY + inventory("lamps.shp", defaults=DEFAULTS))
    assert "found no coordinate reference system in it; allowed: crs in this [[inventory]]" in found
    assert 'crs = "EPSG:2154"' in found
    given = CITY + inventory("lamps.shp", defaults=DEFAULTS, crs="EPSG:2154")
    assert len(survey(tmp_path, given).city.devices) == 3


def test_one_coordinate_that_is_none_is_a_row_and_not_the_system(tmp_path: Path) -> None:
    rows = [({"lamp": f"l-{n}"}, point(5.0 + n / 100, 47.3)) for n in range(5)]
    rows += [({"lamp": "l-x"}, point(851525.2, 6689811.5))]
    (tmp_path / "lamps.geojson").write_text(features(rows))
    assert problems(tmp_path, CITY + inventory("lamps.geojson", defaults=DEFAULTS)) == [
        "lamps.geojson: row 6: geometry: found 851525.20, 6689811.50; allowed: coordinates of "
        "EPSG:4326 (WGS 84)"
    ]


def test_x_and_y_of_a_csv_file_need_a_crs(tmp_path: Path) -> None:
    x, y = projected("EPSG:2154", 5.0062, 47.2931)
    (tmp_path / "lamps.csv").write_text(f"lamp,X,Y\nl-1,{x:.3f},{y:.3f}\n")
    columns = {"id": "lamp", "x": "X", "y": "Y"}
    city = CITY + inventory("lamps.csv", columns=columns, defaults=DEFAULTS)
    (found,) = problems(tmp_path, city)
    assert "found x and y without crs; allowed: crs in this [[inventory]]" in found
    (device,) = survey(tmp_path, city + 'crs = "EPSG:2154"\n').city.devices
    assert (device.lon, device.lat) == (
        pytest.approx(5.0062, abs=1e-6), pytest.approx(47.2931, abs=1e-6)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("UTF-8", "utf-8"), ("utf8", "utf-8"), ("65001", "utf-8"), ("1252", "cp1252"),
     ("ANSI 1252", "cp1252"), ("CP1252", "cp1252"), ("windows-1252", "cp1252"),
     ("ISO-8859-1", "iso8859-1"), ("ISO 8859-15", "iso8859-15"), ("88591", "iso8859-1"),
     ("OEM 850", "cp850"), ("Klingon", None), ("", None)],
)  # fmt: skip
def test_code_pages_are_known_by_their_many_names(name: str, encoding: str | None) -> None:
    assert by_name(name) == encoding


def test_the_mark_of_a_table_is_its_thirtieth_byte() -> None:
    assert by_mark(bytes(29) + b"\x57") == "cp1252"
    assert by_mark(bytes(32)) is None
    assert by_mark(b"") is None
