"""Geographic files and a city that reads them, for the tests of inventories."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pyogrio
import pyproj
import shapely
from city_samples import DRIVERS, KINDS

from jacquemart.runtime.city import CityErrors, survey_city
from jacquemart.runtime.city.load import CitySurvey

HEAD = """\
[city]
id = "dijon"
[link_templates.line]
driver = "wire"
[templates.box]
kind = "cabinet"
driver = "wire"
points.door.unit = ""
"""
TWO_ZONES = """\
[zones.west]
[zones.east]
[links.l]
driver = "wire"
zone = "west"
"""
#: Three lamps near Dijon: id, kind, number, longitude, latitude.
LAMPS: list[tuple[str, str, int, float, float]] = [
    ("l-1", "Chenôve", 3, 5.0062, 47.2931),
    ("l-2", "Chenôve", 4, 5.0067, 47.2934),
    ("l-3", "Talant", 5, 5.0046, 47.3371),
]


def inventory(file: str, **values: object) -> str:
    """Return an ``[[inventory]]`` of devices, unless told otherwise."""
    given = {"makes": "devices", "template": "box", **values}
    given["columns"] = given.get("columns", {"id": "lamp"})
    given = {key: value for key, value in given.items() if value is not None}
    return f'[[inventory]]\nfile = "{file}"\n' + "".join(
        f"{key} = {toml(value)}\n" for key, value in given.items()
    )


def toml(value: object) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items())
        return f"{{ {inner} }}"
    return json.dumps(value, ensure_ascii=False)


def survey(folder: Path, city: str) -> CitySurvey:
    """Load a city of these lines."""
    (folder / "city.toml").write_text(city, encoding="utf-8")
    return survey_city(folder / "city.toml", kinds=KINDS, drivers=DRIVERS)


def problems(folder: Path, city: str) -> list[str]:
    """Return the problems of a city as lines, without the folder."""
    try:
        survey(folder, city)
    except CityErrors as errors:
        return [str(problem).replace(f"{folder}/", "") for problem in errors.errors]
    return []


def features(
    rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any] | None]], **members: Any
) -> str:
    """Return a GeoJSON of properties and geometries."""
    found = [
        {"type": "Feature", "properties": dict(properties), "geometry": geometry}
        for properties, geometry in rows
    ]
    collection = {"type": "FeatureCollection", **members, "features": found}
    return json.dumps(collection, ensure_ascii=False)


def point(x: float, y: float) -> dict[str, Any]:
    """Return a point of GeoJSON."""
    return {"type": "Point", "coordinates": [x, y]}


def projected(crs: str, lon: float, lat: float) -> tuple[float, float]:
    """Return a place in another system."""
    x, y = _to(crs).transform(lon, lat)
    return float(x), float(y)


@cache
def _to(crs: str) -> Any:
    return pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)


def lamps_geojson(crs: str = "EPSG:4326") -> str:
    """Return the lamps as a GeoJSON, as cities publish it: in any system, saying nothing of it."""
    return features(
        [
            ({"lamp": name, "where": where, "number": number}, point(*projected(crs, lon, lat)))
            for name, where, number, lon, lat in LAMPS
        ]
    )


def lamps_shapefile(
    folder: Path, name: str = "lamps", *, crs: str = "EPSG:2154", encoding: str = "UTF-8"
) -> Path:
    """Write the lamps as a shapefile."""
    path = folder / f"{name}.shp"
    places = [projected(crs, lon, lat) for *_, lon, lat in LAMPS]
    pyogrio.raw.write(
        str(path),
        shapely.to_wkb(shapely.points(places)),
        [
            np.array([lamp[0] for lamp in LAMPS], dtype=object),
            np.array([lamp[1] for lamp in LAMPS], dtype=object),
            np.array([lamp[2] for lamp in LAMPS], dtype=np.float64),
        ],
        ["lamp", "where", "number"],
        geometry_type="Point",
        crs=crs,
        encoding=encoding,
        driver="ESRI Shapefile",
    )
    return path


def zip_shapefile(path: Path, folder: str = "") -> Path:
    """Zip a shapefile, in a folder within the zip if one is named."""
    target = path.with_suffix(".shp.zip")
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        for part in path.parent.glob(f"{path.stem}.*"):
            if part.suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
                archive.write(part, f"{folder}{part.name}")
                part.unlink()
    return target


def lamps_parquet(path: Path, *, crs: str | None = None, geometry: bool = True) -> Path:
    """Write the lamps as GeoParquet, or with columns of latitude and longitude."""
    columns: dict[str, Any] = {
        "lamp": [lamp[0] for lamp in LAMPS],
        "where": pa.array([lamp[1] for lamp in LAMPS]).dictionary_encode(),
        "number": [lamp[2] for lamp in LAMPS],
    }
    metadata = {}
    if geometry:
        places = [projected(crs or "EPSG:4326", lon, lat) for *_, lon, lat in LAMPS]
        columns["shape"] = shapely.to_wkb(shapely.points(places)).tolist()
        about: dict[str, Any] = {"encoding": "WKB", "geometry_types": ["Point"]}
        if crs:
            about["crs"] = json.loads(pyproj.CRS(crs).to_json())
        geo = {"version": "1.1.0", "primary_column": "shape", "columns": {"shape": about}}
        metadata = {"geo": json.dumps(geo)}
    else:
        columns["lon"] = [lamp[3] for lamp in LAMPS]
        columns["lat"] = [lamp[4] for lamp in LAMPS]
    table = pa.table(columns).replace_schema_metadata(metadata)
    pyarrow.parquet.write_table(table, path)
    return path
