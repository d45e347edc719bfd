"""Inventories in every format: the same rows become the same devices; what is wrong is told."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import shapely
from geo_samples import (
    HEAD,
    LAMPS,
    TWO_ZONES,
    features,
    inventory,
    lamps_geojson,
    lamps_parquet,
    lamps_shapefile,
    point,
    problems,
    projected,
    survey,
    zip_shapefile,
)

COLUMNS = {"id": "lamp", "name": "where", "index": "number"}
CITY = HEAD + TWO_ZONES
DEFAULTS = {"link": "l"}


def _csv(folder: Path) -> str:
    rows = "".join(f"{n},{w},{k},{x},{y}\n" for n, w, k, x, y in LAMPS)
    (folder / "lamps.csv").write_text("lamp,where,number,lon,lat\n" + rows)
    return inventory("lamps.csv", columns=COLUMNS | {"lat": "lat", "lon": "lon"}, defaults=DEFAULTS)


def _geojson(folder: Path) -> str:
    (folder / "lamps.geojson").write_text(lamps_geojson())
    return inventory("lamps.geojson", columns=COLUMNS, defaults=DEFAULTS)


def _geojson_lambert(folder: Path) -> str:
    (folder / "lamps.json").write_text(lamps_geojson("EPSG:2154"))
    return inventory("lamps.json", columns=COLUMNS, defaults=DEFAULTS, crs="EPSG:2154")


def _geojson_with_crs(folder: Path) -> str:
    text = lamps_geojson("EPSG:2154")
    crs = '"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2154"}}, '
    (folder / "lamps.geojson").write_text(text.replace('"features"', f'{crs}"features"'))
    return inventory("lamps.geojson", columns=COLUMNS, defaults=DEFAULTS)


def _geojson_with_crs_at_its_end(folder: Path) -> str:
    text = lamps_geojson("EPSG:3947")
    crs = ',\n "crs" : {"type": "name", "properties": {"name": "EPSG:3947"}}}'
    (folder / "lamps.geojson").write_text(text[: text.rindex("}")] + crs)
    return inventory("lamps.geojson", columns=COLUMNS, defaults=DEFAULTS)


def _geojson_latin_1(folder: Path) -> str:
    (folder / "lamps.geojson").write_bytes(lamps_geojson().encode("iso-8859-1"))
    return inventory("lamps.geojson", columns=COLUMNS, defaults=DEFAULTS, encoding="iso-8859-1")


def _shapefile(folder: Path) -> str:
    lamps_shapefile(folder)
    return inventory("lamps.shp", columns=COLUMNS, defaults=DEFAULTS)


def _shapefile_zipped_in_a_folder(folder: Path) -> str:
    zip_shapefile(lamps_shapefile(folder, encoding="CP1252"), "data/2014/")
    return inventory("lamps.shp.zip", columns=COLUMNS, defaults=DEFAULTS)


def _geoparquet(folder: Path) -> str:
    lamps_parquet(folder / "lamps.parquet")
    return inventory("lamps.parquet", columns=COLUMNS, defaults=DEFAULTS)


def _geoparquet_lambert(folder: Path) -> str:
    lamps_parquet(folder / "lamps.pq", crs="EPSG:2154")
    return inventory("lamps.pq", columns=COLUMNS, defaults=DEFAULTS)


def _parquet(folder: Path) -> str:
    lamps_parquet(folder / "lamps.data", geometry=False)
    more = {"lat": "lat", "lon": "lon"}
    return inventory("lamps.data", columns=COLUMNS | more, defaults=DEFAULTS, format="parquet")


def _csv_lambert(folder: Path) -> str:
    rows = ""
    for name, where, number, lon, lat in LAMPS:
        x, y = projected("EPSG:2154", lon, lat)
        rows += f"{name};{where};{number};{x};{y}\n"
    (folder / "lamps.csv").write_bytes(f"lamp;where;number;X;Y\n{rows}".encode("cp1252"))
    return inventory(
        "lamps.csv", columns=COLUMNS | {"x": "X", "y": "Y"}, defaults=DEFAULTS,
        crs="EPSG:2154", encoding="cp1252", delimiter=";",
    )  # fmt: skip


FORMATS = [
    _csv, _geojson, _geojson_lambert, _geojson_with_crs, _geojson_with_crs_at_its_end,
    _geojson_latin_1, _shapefile, _shapefile_zipped_in_a_folder, _geoparquet,
    _geoparquet_lambert, _parquet, _csv_lambert,
]  # fmt: skip


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_the_same_rows_are_the_same_devices(write: Callable[[Path], str], tmp_path: Path) -> None:
    found = survey(tmp_path, CITY + write(tmp_path))
    devices = found.city.devices
    assert [(d.id, d.name, d.index, d.zone) for d in devices] == [
        (name, where, number, "west") for name, where, number, *_ in LAMPS
    ]
    for device, (*_, lon, lat) in zip(devices, LAMPS, strict=True):
        assert device.lon == pytest.approx(lon, abs=1e-7), "a centimetre"
        assert device.lat == pytest.approx(lat, abs=1e-7)
    (account,) = found.accounts
    assert (account.rows, account.accepted, account.rejected) == (3, 3, 0)
    assert account.zones == {"west": 3}


def test_what_was_given_found_and_assumed_is_told(tmp_path: Path) -> None:
    told = {}
    for write in FORMATS:
        folder = tmp_path / write.__name__
        folder.mkdir()
        (account,) = survey(folder, CITY + write(folder)).accounts
        told[write.__name__] = (
            account.format, account.encoding, account.encoding_from, account.crs, account.crs_from
        )  # fmt: skip
    lambert, degrees = "EPSG:2154 (RGF93 v1 / Lambert-93)", "EPSG:4326 (WGS 84)"
    assert told == {
        "_csv": ("csv", "utf-8", "assumed", "", ""),
        "_geojson": ("geojson", "utf-8", "assumed", degrees, "assumed"),
        "_geojson_lambert": ("geojson", "utf-8", "assumed", lambert, "given"),
        "_geojson_with_crs": ("geojson", "utf-8", "assumed", lambert, "found"),
        "_geojson_with_crs_at_its_end": (
            "geojson", "utf-8", "assumed", "EPSG:3947 (RGF93 v1 / CC47)", "found"),
        "_geojson_latin_1": ("geojson", "iso-8859-1", "given", degrees, "assumed"),
        "_shapefile": ("shapefile", "utf-8", "found", lambert, "found"),
        "_shapefile_zipped_in_a_folder": ("shapefile", "cp1252", "found", lambert, "found"),
        "_geoparquet": ("parquet", "utf-8", "assumed", "OGC:CRS84 (WGS 84 (CRS84))", "assumed"),
        "_geoparquet_lambert": ("parquet", "utf-8", "assumed", lambert, "found"),
        "_parquet": ("parquet", "utf-8", "assumed", "", ""),
        "_csv_lambert": ("csv", "cp1252", "given", lambert, "given"),
    }  # fmt: skip


UNREADABLE = (
    "lamps.geojson: inventory[0].file: found a file that cannot be read; allowed: a GeoJSON"
)
BROKEN: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"hello", UNREADABLE),
    "nothing": (b"", UNREADABLE),
    "an end in the middle": (lamps_geojson().encode()[:200], "Unterminated"),
    "no features": (features([]).encode(), "lamps.geojson: found a file without rows"),
    "Latin-1": (
        lamps_geojson().encode("iso-8859-1"),
        'lamps.geojson:1: found byte 0xF4 at byte 108 of the line; allowed: text in utf-8 (it may '
        'be iso-8859-1, where this byte is "ô": set encoding in this [[inventory]])',
    ),
    "an unknown crs": (
        lamps_geojson().replace('"features"', '"crs": {"type": "name", "properties": {"name": '
                                '"EPSG:99999"}}, "features"').encode(),
        'lamps.geojson: found "EPSG:99999"; allowed: a coordinate reference system that PROJ knows',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "told"), BROKEN.values(), ids=BROKEN)
def test_a_geojson_that_is_none_is_one_problem(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "lamps.geojson").write_bytes(content)
    (found,) = problems(tmp_path, CITY + inventory("lamps.geojson", defaults=DEFAULTS))
    assert told in found


def test_a_byte_that_is_no_text_is_named_with_its_line_in_a_large_file(tmp_path: Path) -> None:
    lines = lamps_geojson().replace('"features": [', '"features": [\n' + "\n" * 1_500_000)
    content = lines.encode("iso-8859-1")
    (tmp_path / "lamps.geojson").write_bytes(content)
    (found,) = problems(tmp_path, CITY + inventory("lamps.geojson", defaults=DEFAULTS))
    column = content.index(b"\xf4") - content.rindex(b"\n", 0, content.index(b"\xf4"))
    assert found.startswith(f"lamps.geojson:1500002: found byte 0xF4 at byte {column} of the line")


def test_a_row_of_a_geographic_file_is_named_by_its_number(tmp_path: Path) -> None:
    text = features(
        [
            ({"lamp": "l 1", "n": 1}, point(5, 47)),
            ({"lamp": "l-2", "n": 2.5}, point(5, 47)),
            ({"lamp": None, "n": 3}, point(5, 47)),
            ({"lamp": "l-4", "n": 4}, None),
            ({"lamp": "l-5", "n": 4}, {"type": "Point", "coordinates": []}),
            ({"lamp": "l-6", "n": 4}, {"type": "LineString", "coordinates": [[5, 47], [6, 47]]}),
            ({"lamp": "l-7"}, {"type": "MultiPoint", "coordinates": [[5, 47]]}),
            ({"lamp": "l-7"}, {"type": "MultiPoint", "coordinates": [[5, 47], [6, 47]]}),
        ]
    )
    (tmp_path / "lamps.geojson").write_text(text)
    city = CITY + inventory(
        "lamps.geojson", columns={"id": "lamp", "index": "n"}, defaults=DEFAULTS
    )
    allowed = "1 to 64 of A-Z a-z 0-9 _ . : -, with a letter or digit first and last"
    assert problems(tmp_path, city) == [
        f'lamps.geojson: row 1: id (column "lamp"): found "l 1"; allowed: {allowed}',
        'lamps.geojson: row 2: index (column "n"): found "2.5"; allowed: a whole number from 0 to '
        "1,000,000",
        f'lamps.geojson: row 3: id (column "lamp"): found nothing; allowed: {allowed}',
        "lamps.geojson: row 4: geometry: found no geometry; allowed: a point",
        "lamps.geojson: row 5: geometry: found no geometry; allowed: a point",
        "lamps.geojson: row 6: geometry: found a geometry that is no point; allowed: a point, or "
        'shapes = "point_inside"',
        "lamps.geojson: row 8: geometry: found a geometry that is no point; allowed: a point, or "
        'shapes = "point_inside"',
        'lamps.geojson: row 8: id: found "l-7"; allowed: an id that no other device has '
        "(first at lamps.geojson: row 7)".replace("id: found", 'id (column "lamp"): found'),
    ]


def test_numbers_and_texts_in_one_column_are_texts(tmp_path: Path) -> None:
    values = [12, "12B", 7.5, True, None, ["a", "é"], {"b": 1}]
    rows = [({"lamp": f"l-{n}", "where": v}, point(5, 47)) for n, v in enumerate(values)]
    (tmp_path / "lamps.geojson").write_text(features(rows))
    city = CITY + inventory(
        "lamps.geojson", columns={"id": "lamp", "name": "where"}, defaults=DEFAULTS
    )
    names = [device.name for device in survey(tmp_path, city).city.devices]
    assert names[:5] == ["12", "12B", "7.5", "true", ""]
    assert [name.replace(" ", "") for name in names[5:]] == ['["a","é"]', '{"b":1}']


def test_lists_and_tables_of_a_parquet_are_texts_and_what_is_no_number_is_missing(
    tmp_path: Path,
) -> None:
    table = pa.table(
        {"lamp": ["l-1", "l-2"], "tags": [["a", "b"], None], "number": [float("nan"), 3.0]}
    )
    pa.parquet.write_table(table, tmp_path / "lamps.parquet")
    columns = {"id": "lamp", "name": "tags", "index": "number"}
    city = CITY + inventory("lamps.parquet", columns=columns, defaults=DEFAULTS)
    devices = survey(tmp_path, city).city.devices
    assert [(device.name, device.index) for device in devices] == [('["a", "b"]', 0), ("", 3)]


@pytest.mark.parametrize("shapes", ["refuse", "point_inside"])
def test_empty_shapes_and_points_that_are_nowhere_are_told(shapes: str, tmp_path: Path) -> None:
    places = ["POINT EMPTY", "MULTIPOINT EMPTY", "POLYGON EMPTY", "POINT (nan 47)", "POINT (5 47)"]
    wkb = [shapely.to_wkb(shapely.from_wkt(place)) for place in places]
    geo = {"primary_column": "at", "columns": {"at": {"encoding": "WKB"}}}
    table = pa.table({"lamp": [f"l-{n}" for n in range(len(places))], "at": wkb})
    table = table.replace_schema_metadata({"geo": json.dumps(geo)})
    pa.parquet.write_table(table, tmp_path / "lamps.parquet")
    city = CITY + inventory("lamps.parquet", defaults=DEFAULTS, shapes=shapes)
    told = problems(tmp_path, city)
    assert [line.split(":")[1] for line in told] == [f" row {n}" for n in (1, 2, 3, 4)]
    assert "found an empty geometry" in told[0]
    assert "found coordinates that are no numbers" in told[3]


def test_a_byte_order_mark_of_utf_8_before_other_text(tmp_path: Path) -> None:
    city = CITY + inventory(
        "lamps.csv", columns={"id": "lamp", "name": "where"}, defaults=DEFAULTS, encoding="latin-1"
    )
    text = "lamp,where\nl-1,Chenôve\n"
    (tmp_path / "lamps.csv").write_bytes(codecs.BOM_UTF8 + text.encode("latin-1"))
    assert survey(tmp_path, city).city.devices[0].name == "Chenôve"
    (tmp_path / "lamps.csv").write_bytes(codecs.BOM_UTF8 + text.encode())
    assert problems(tmp_path, city) == [
        "lamps.csv:1: found text in utf-8, with its byte order mark; allowed: text in latin-1 "
        "(set encoding in this [[inventory]])"
    ]


def test_polygons_may_stand_for_a_point_inside_of_them(tmp_path: Path) -> None:
    ring = [[5.0, 47.0], [5.2, 47.0], [5.2, 47.2], [5.0, 47.2], [5.0, 47.0]]
    hole = [[5.02, 47.02], [5.18, 47.02], [5.18, 47.18], [5.02, 47.18], [5.02, 47.02]]
    shape = {"type": "Polygon", "coordinates": [ring, hole]}
    (tmp_path / "halls.geojson").write_text(features([({"lamp": "hall"}, shape)]))
    city = CITY + inventory("halls.geojson", defaults=DEFAULTS, shapes="point_inside")
    (hall,) = survey(tmp_path, city).city.devices
    assert hall.lat is not None
    assert hall.lon is not None
    assert not (47.02 < hall.lat < 47.18 and 5.02 < hall.lon < 5.18), "not in its courtyard"
    assert 47.0 < hall.lat < 47.2


def test_a_shapefile_without_a_sign_of_its_encoding_is_utf_8_or_refused(tmp_path: Path) -> None:
    for encoding, sound in (("UTF-8", True), ("ISO-8859-1", False)):
        path = lamps_shapefile(tmp_path, encoding=encoding)
        path.with_suffix(".cpg").unlink()
        city = CITY + inventory("lamps.shp", columns=COLUMNS, defaults=DEFAULTS)
        if sound:
            assert survey(tmp_path, city).city.devices[0].name == "Chenôve"
        else:
            assert problems(tmp_path, city) == [
                'lamps.shp: row 1: column "where": found bytes "Chen\\\\xf4ve"; allowed: text in '
                "utf-8 (it may be windows-1252: set encoding in this [[inventory]])"
            ]
            latin = inventory(
                "lamps.shp", columns=COLUMNS, defaults=DEFAULTS, encoding="windows-1252"
            )
            assert survey(tmp_path, CITY + latin).city.devices[0].name == "Chenôve"


def test_a_wrong_code_page_is_told_with_the_bytes(tmp_path: Path) -> None:
    path = lamps_shapefile(tmp_path, encoding="ISO-8859-1")
    city = CITY + inventory("lamps.shp", columns=COLUMNS, defaults=DEFAULTS)
    path.with_suffix(".cpg").write_text("UTF-8")
    (found,) = problems(tmp_path, city)
    assert 'column "where": found bytes "Chen\\\\xf4ve"; allowed: text in utf-8' in found
    path.with_suffix(".cpg").write_text("Klingon")
    (found,) = problems(tmp_path, city)
    assert '"Klingon" in the .cpg of' in found
    path.with_suffix(".cpg").write_text("88591")
    assert survey(tmp_path, city).city.devices[0].name == "Chenôve"


def test_a_zip_of_several_shapefiles_needs_the_name_of_one(tmp_path: Path) -> None:
    first = zip_shapefile(lamps_shapefile(tmp_path, "one"))
    second = lamps_shapefile(tmp_path, "two").rename(tmp_path / "one.shp")
    for part in list(tmp_path.glob("two.*")):
        part.rename(part.with_stem("two"))
    second.rename(tmp_path / "two.shp")
    os.rename(first, tmp_path / "two.shp.zip")
    zip_shapefile(tmp_path / "two.shp")
    city = CITY + inventory("two.shp.zip", columns=COLUMNS, defaults=DEFAULTS)
    (found,) = problems(tmp_path, city)
    assert 'set layer to one of its shapefiles: "one", "two"' in found
    assert len(survey(tmp_path, city + 'layer = "two"\n').city.devices) == 3


def test_files_that_are_not_what_their_names_say(tmp_path: Path) -> None:
    for name in ("lamps.shp", "lamps.zip", "lamps.parquet"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        found = problems(tmp_path, CITY + inventory(name, defaults=DEFAULTS))
        assert len(found) == 1, found
        assert "cannot be read" in found[0] or "shapefile" in found[0]


def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "lamps.geojson").write_text(lamps_geojson())
    city = CITY + inventory("lamps.geojson", columns={"id": "lmp"}, defaults=DEFAULTS)
    (found,) = problems(tmp_path, city)
    assert found.endswith(
        'columns.id: found "lmp"; allowed: a column of "lamps.geojson": lamp, where, number '
        '(did you mean "lamp"?)'
    )


def test_numbers_of_a_table_are_read_as_their_text(tmp_path: Path) -> None:
    table = pa.table({"n": [17.0, 18.0], "b": [True, False], "i": [1, None], "lat": [47.0, None],
                      "lon": [5.0, None]})  # fmt: skip
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    columns = {"id": "n", "name": "b", "index": "i", "lat": "lat", "lon": "lon"}
    city = CITY + inventory("x.parquet", columns=columns, defaults=DEFAULTS | {"index": 9})
    devices = survey(tmp_path, city).city.devices
    assert [(d.id, d.name, d.index, d.lat) for d in devices] == [
        ("17", "true", 1, 47.0), ("18", "false", 9, None)
    ]  # fmt: skip


def test_a_column_name_that_is_there_twice_is_a_problem(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["lamp", "lamp"])
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    assert problems(tmp_path, CITY + inventory("x.parquet", defaults=DEFAULTS)) == [
        'x.parquet: found "lamp"; allowed: each column name once (this one is there more than once)'
    ]


def test_rows_without_a_single_column_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "lamps.geojson").write_text(lamps_geojson())
    city = CITY + inventory("lamps.geojson", columns={}, defaults=DEFAULTS, id_from="position")
    assert [device.name for device in survey(tmp_path, city).city.devices] == ["", "", ""]


@pytest.mark.parametrize(
    ("geo", "told"),
    [
        ("{", "metadata that is no GeoParquet"),
        ('{"primary_column": "x", "columns": {}}', "metadata that is no GeoParquet"),
        ('{"primary_column": "lamp", "columns": {"lamp": {"encoding": "point"}}}', "allowed: WKB"),
    ],
)
def test_metadata_that_is_not_understood_is_told(geo: str, told: str, tmp_path: Path) -> None:
    table = pa.table({"lamp": ["l-1"]}).replace_schema_metadata({"geo": geo})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    (found,) = problems(tmp_path, CITY + inventory("x.parquet", defaults=DEFAULTS))
    assert told in found


def test_a_city_of_csv_files_imports_no_geo_library(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text(CITY.replace("wire", "simulated").replace(
        '"cabinet"', '"generic"') + _csv(tmp_path))  # fmt: skip
    code = (
        "import sys\n"
        "from jacquemart.runtime.city import load_city\n"
        "city = load_city(sys.argv[1])\n"
        "assert len(city.devices) == 3\n"
        "loaded = {'numpy', 'pyarrow', 'pyogrio', 'shapely', 'pyproj'} & sys.modules.keys()\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "city.toml"], check=True, timeout=60)


def test_without_the_libraries_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lamps.geojson").write_text(lamps_geojson())
    city = CITY + inventory("lamps.geojson", defaults=DEFAULTS)
    monkeypatch.setitem(sys.modules, "pyogrio", None)
    (found,) = problems(tmp_path, city)
    assert "pyogrio is needed for GeoJSON and shapefiles" in found
    assert "pip install 'jacquemart[geo]'" in found
