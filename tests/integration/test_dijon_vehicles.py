"""Buses and service vehicles of the example city: drawn, loaded, and driving through communes."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest
import shapely
from generate import generate
from parts import read_communes
from parts.outlines import FILE, geojson
from parts.rides import line, tour, waypoints
from patience import wait_until
from shapely.geometry import shape

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.drivers.simulated.route import parse_waypoints
from jacquemart.runtime.city import load_city
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.territory import Territory
from jacquemart.runtime.testing import LocalCity

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "dijon"
COMMUNES = read_communes()
INVENTORIES = """
[city]
id = "dijon-vehicles"
[[inventory]]
file = "generated/communes.geojson"
makes = "zones"
columns = { id = "zone", name = "name" }
[[inventory]]
file = "generated/bus_depots.csv"
makes = "links"
template = "bus_depot"
columns = { id = "id", zone = "zone" }
[[inventory]]
file = "generated/service_depots.csv"
makes = "links"
template = "service_depot"
columns = { id = "id", zone = "zone" }
[[inventory]]
file = "generated/buses.csv"
makes = "devices"
template = "bus"
columns = { id = "id", name = "name", zone = "zone", link = "link", route = "route", line = "line", lat = "lat", lon = "lon" }
[[inventory]]
file = "generated/service_vehicles.csv"
makes = "devices"
template = "service_vehicle"
columns = { id = "id", name = "name", zone = "zone", link = "link", route = "route", lat = "lat", lon = "lon" }
"""  # noqa: E501


def city_of(folder: Path, scale: float = 1.0) -> CitySpec:
    generate(folder / "generated", scale=scale, only=["bus", "service_vehicle", "outlines"])
    parts = [(EXAMPLE / "templates" / f"{n}.toml").read_text() for n in ("bus", "service_vehicle")]
    (folder / "city.toml").write_text("\n".join([INVENTORIES, *parts]))
    return load_city(folder / "city.toml")


def test_the_outlines_are_sound_disjoint_and_labelled_as_drawn() -> None:
    content = geojson(COMMUNES)
    shapes = {f["properties"]["zone"]: shape(f["geometry"]) for f in content["features"]}
    assert len(shapes) == 24
    for commune in COMMUNES:
        assert shapes[commune.zone].is_valid
        assert shapes[commune.zone].contains(shapely.Point(commune.lon, commune.lat))
    whole = shapely.union_all(list(shapes.values()))
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    overlap = sum(found.area for found in shapes.values()) - whole.area
    assert overlap < 1e-9  # square degrees: less than ten square metres in all
    assert {"not the legal boundary" in f["properties"]["origin"] for f in content["features"]} == {
        True
    }


def test_lines_and_rounds_fit_a_parameter_and_stay_in_the_city(tmp_path: Path) -> None:
    city = city_of(tmp_path)
    territory = Territory(city.zones)
    for number in range(200):
        rng = random.Random(number)
        depot = (COMMUNES[8].lat, COMMUNES[8].lon)
        for places in (line(COMMUNES, rng), tour(depot, COMMUNES, rng)):
            text = waypoints(places)
            assert len(text) <= 200
            assert len(parse_waypoints(text)) >= 2
            assert all(territory.zone_at(*place) for place in parse_waypoints(text))


def test_the_same_seed_draws_the_same_vehicles(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        generate(tmp_path / folder, only=["bus", "service_vehicle", "outlines"])
    for name in ("buses.csv", "service_vehicles.csv", FILE):
        first, second = ((tmp_path / folder / name).read_bytes() for folder in ("a", "b"))
        assert first == second
    assert len(json.loads((tmp_path / "a" / FILE).read_text())["features"]) == 24


def test_the_counts_are_those_of_the_city_and_ten_times_them(tmp_path: Path) -> None:
    for scale, buses, vehicles in ((1.0, 180, 205), (10.0, 1_800, 2_050)):
        found = Counter(device.template for device in city_of(tmp_path, scale).devices)
        assert found == {"bus": buses, "service_vehicle": vehicles}


@pytest.mark.slow
def test_all_vehicles_of_the_city_drive_and_each_is_in_one_commune(tmp_path: Path) -> None:
    city = city_of(tmp_path)
    links = [link.id for link in city.links]
    try:
        with LocalCity(city) as running:
            client = running.client()
            wait_until(lambda: _spread(running) > 15)
            for _ in range(10):
                zones = client.zones()["zones"]
                for kind, count in (("bus", 180), ("service_vehicle", 205)):
                    here = [zone["kinds"].get(kind, {"count": 0})["count"] for zone in zones]
                    assert sum(here) == count
                time.sleep(0.3)
            tracked = client.ls("*/latitude", limit=1_000)["rows"]
            on_duty = sum(row[1] == row[1] for row in tracked)
            assert 250 < on_duty < 385  # one in eight buses and three in ten others are off
            before = client.get_many([row[0] for row in tracked])
            time.sleep(6.0)
            after = client.get_many([row[0] for row in tracked])
            moved = sum(a.value != b.value for a, b in zip(before, after, strict=True) if a.good)
            assert moved > 100
    finally:
        for link in links:
            SimulatedField.forget(link)


def _spread(running: LocalCity) -> int:
    """Return in how many communes there are buses."""
    zones = running.client().zones()["zones"]
    return sum(zone["kinds"].get("bus", {"count": 0})["count"] > 0 for zone in zones)
