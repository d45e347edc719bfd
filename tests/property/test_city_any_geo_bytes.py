"""Whatever the bytes of a geographic inventory: a city or CityErrors, and nothing else."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.city import CityErrors, CitySurvey

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

from geo_samples import (
    HEAD,
    TWO_ZONES,
    inventory,
    lamps_geojson,
    lamps_parquet,
    lamps_shapefile,
    survey,
    zip_shapefile,
)

COLUMNS = {"id": "lamp", "name": "where", "index": "number"}
ZONES = inventory("lamps.geojson", makes="zones", template=None, columns={"name": "where"})
PIECES = [
    b"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b'"',
    b"null",
    b"-1e999",
    b"\xff",
    b"\x00" * 8,
    b"9" * 40,
]


@cache
def sample(name: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        if name.endswith(".zip"):
            zip_shapefile(lamps_shapefile(Path(folder)))
        elif name.endswith(".parquet"):
            lamps_parquet(path, crs="EPSG:2154")
        else:
            path.write_text(lamps_geojson())
        return path.read_bytes()


def outcome(folder: Path, city: str) -> CitySurvey | list[str]:
    """Return the city, or its problems as lines that a terminal can show."""
    try:
        return survey(folder, city)
    except CityErrors as error:
        lines = [str(problem) for problem in error.errors]
    assert lines
    assert all(line.isprintable() for line in lines)
    return lines


@st.composite
def changed(draw: st.DrawFn, name: str) -> bytes:
    content = sample(name)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 40)))
        content = content[:start] + draw(st.sampled_from(PIECES) | st.binary()) + content[end:]
    return content


@pytest.mark.parametrize("name", ["lamps.geojson", "lamps.shp.zip", "lamps.parquet"])
@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_any_bytes_of_a_geographic_file(name: str, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, name).write_bytes(data.draw(changed(name)))
        city = HEAD + TWO_ZONES + inventory(name, columns=COLUMNS, defaults={"link": "l"})
        found = outcome(Path(folder), city)
    for device in found.city.devices if isinstance(found, CitySurvey) else ():
        assert device.lat is not None
        assert device.lon is not None
        assert -90 <= device.lat <= 90
        assert -180 <= device.lon <= 180


@given(changed("lamps.geojson"))
@settings(max_examples=60, deadline=None)
def test_any_bytes_of_outlines(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "lamps.geojson").write_bytes(content)
        found = outcome(Path(folder), HEAD + ZONES)
    if isinstance(found, CitySurvey):
        assert all(zone.outline for zone in found.city.zones)
