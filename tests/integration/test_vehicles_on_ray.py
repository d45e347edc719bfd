"""Vehicles of a city on a real Ray: their cells know all zones; those off duty are nowhere."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from patience import wait_until
from strip_city import CITY, WIDTH, ZONES, devices, outlines

import jacquemart

pytestmark = pytest.mark.slow

ON = "on_s = 300, off_s = 100"


def test_vehicles_on_ray_are_where_they_are_and_off_duty_at_home(tmp_path: Path) -> None:
    (tmp_path / "zones.geojson").write_text(outlines())
    always, never = "on_s = 1e9, off_s = 0", "on_s = 0.001, off_s = 1e9"
    text = (
        CITY.replace(ON, always, 1).replace(ON, never, 1).replace("strip", f"strip-{os.getpid()}")
    )
    text += "[gateway]\nport = 0\nstream_port = 0\n"
    (tmp_path / "city.toml").write_text(text + devices(12, 4))
    with (
        jacquemart.City(tmp_path / "city.toml", cells=2, standby=False) as city,
        city.client() as client,
    ):

        def at(device: str) -> tuple[str, float]:
            rows = {row[0]: row for row in client.ls(f"{device}/*")["rows"]}
            where = client.ls(device)["rows"][0][2]
            return where, float(rows[f"{device}/longitude"][1])

        def right(device: str) -> bool:
            zone, longitude = at(device)
            place = (longitude - 5.0) / WIDTH
            if math.isnan(place) or abs(place - round(place)) < 0.15:
                return not math.isnan(place)  # near a border it may still be in the other zone
            return zone == (ZONES[int(place)] if 0 <= place < len(ZONES) else "west")

        wait_until(lambda: all(right(f"bus-{number}") for number in range(1, 13)), 40.0)
        assert len({at(f"bus-{number}")[0] for number in range(1, 13)}) >= 2
        for number in range(1, 5):
            zone, longitude = at(f"service-{number}")
            assert zone == "east"
            assert math.isnan(longitude)
        counts = [
            zone["kinds"].get("bus", {"count": 0})["count"] for zone in client.zones()["zones"]
        ]
        assert sum(counts) == 12
