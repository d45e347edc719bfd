"""What a good city file becomes: values, their defaults and their order; and its summary."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from city_samples import CITY, DRIVERS, KINDS, load, write

from jacquemart.runtime.city import describe, load_city, summarize
from jacquemart.runtime.city.devices import FIELDS
from jacquemart.runtime.city.schema import device_keys
from jacquemart.runtime.model.city import (
    DeviceSpec,
    GatewaySpec,
    LinkSpec,
    PointSpec,
    TemplateSpec,
    ZoneSpec,
)


def test_the_sample_city_becomes_these_values(tmp_path: Path) -> None:
    city = load(tmp_path)
    assert (city.id, city.name, city.tick_ms, city.cells) == ("dijon", "Dijon", 20, 0)
    assert city.source == str(tmp_path / "city.toml")
    assert city.gateway == GatewaySpec("127.0.0.1", 4747, 4748)
    assert city.zones == (ZoneSpec("a", "Chenôve"), ZoneSpec("b", "b"))
    assert city.links == (
        LinkSpec("c1", "bus", "a", {"port": 502, "host": "10.0.0.1"}),
        LinkSpec("c2", "bus", "b", {"port": 502, "host": "10.0.0.2"}),
    )
    assert city.devices == (
        DeviceSpec("c1", "cabinet", "a", "c1"),
        DeviceSpec("c2", "cabinet", "b", "c2"),
        DeviceSpec("l1", "lamp", "a", "c1", index=1, fed_by="c1", lat=47.32, lon=5.04),
        DeviceSpec("l2", "lamp", "a", "c1", index=2, fed_by="c1", lat=47.32, lon=5.05),
        DeviceSpec("l3", "lamp", "b", "c2", index=1, fed_by="c2"),
    )
    assert city.templates["lamp"] == TemplateSpec(
        "lamp",
        "lamp",
        "bus",
        (
            PointSpec(
                "setpoint",
                unit="%",
                low=0.0,
                high=100.0,
                writable=True,
                feedback="level",
                address={"table": "holding", "address": 0, "step": 1},
            ),
            PointSpec("level", "%", address={"table": "holding", "address": 1000, "step": 1}),
        ),
    )


def test_everything_that_can_be_said_is_taken(tmp_path: Path) -> None:
    more = """
[gateway]
host = "localhost"
port = 0
stream_port = 0
[cells]
count = 3
[links.own]
driver = "wire"
zone = "b"
isolation = "process"
node = "quay"
seed = 3
table = { deep = [1, 2] }
[templates.all]
kind = "cabinet"
driver = "wire"
[templates.all.points.p]
unit = "°C"
range = [-5, 5.5]
writable = true
tolerance = 0.5
settle_ms = 0
poll_ms = 0
stale_after_ms = 10
keep = "every"
urgent = true
address = { any = "thing" }
[[device]]
id = "d"
template = "all"
zone = "b"
link = "own"
name = "Écluse n° 3"
index = 4
unit_id = 7
lat = -90
lon = 180
"""
    city = load(tmp_path, city=CITY.replace('name = "Dijon"', "tick_ms = 5") + more)
    assert (city.name, city.tick_ms, city.cells) == ("dijon", 5, 3)
    assert city.gateway == GatewaySpec("127.0.0.1", 0, 0)
    options = {"seed": 3, "table": {"deep": [1, 2]}}
    assert city.links[0] == LinkSpec("own", "wire", "b", options, "process", "quay")
    assert city.devices[-1] == DeviceSpec(
        "d", "all", "b", "own", "Écluse n° 3", 4, 7, "", -90.0, 180.0
    )
    assert city.templates["all"].points[0] == PointSpec(
        "p", "°C", -5.0, 5.5, True, "", 0.5, 0, 0, 10, "every", True, {"any": "thing"}
    )


def test_the_keys_of_a_device_are_the_fields_of_its_spec_in_their_order() -> None:
    assert tuple(field.name for field in fields(DeviceSpec)) == FIELDS
    assert {key.name for key in device_keys({}, (), ())} == set(FIELDS)


def test_the_same_files_give_the_same_city(tmp_path: Path) -> None:
    first = load(tmp_path)
    again = load_city(str(tmp_path / "city.toml"), kinds=KINDS, drivers=DRIVERS)
    assert first == again
    assert [link.id for link in first.links] == [link.id for link in again.links]


def test_inventories_may_lie_in_another_folder(tmp_path: Path) -> None:
    city = CITY.replace('"lamps.csv"', '"data/lamps.csv"').replace(
        '"cabinets.csv"', f'"{tmp_path}/cabinets.csv"'
    )
    write(tmp_path, city=city)
    (tmp_path / "data").mkdir()
    (tmp_path / "lamps.csv").rename(tmp_path / "data" / "lamps.csv")
    loaded = load_city(tmp_path / "city.toml", kinds=KINDS, drivers=DRIVERS)
    assert len(loaded.devices) == 5


def test_equal_texts_of_rows_are_one_object(tmp_path: Path) -> None:
    rows = "".join(f"x{n},c1,{n + 10},,\n" for n in range(1_000))
    devices = load(tmp_path, lamps=f"lamp,cabinet,position,lat,lon\n{rows}").devices[2:]
    for name in ("template", "zone", "link", "name", "fed_by"):
        assert len({id(getattr(device, name)) for device in devices}) == 1


def test_the_summary_counts_what_the_city_has(tmp_path: Path) -> None:
    more = '[links.idle]\ndriver = "wire"\nzone = "b"\nisolation = "process"\n'
    city = load(tmp_path, city=CITY + more)
    found = summarize(city)
    assert json.loads(json.dumps(found)) == found
    assert found == {
        "id": "dijon",
        "name": "Dijon",
        "source": str(tmp_path / "city.toml"),
        "zones": [
            {"id": "a", "name": "Chenôve", "links": 1, "devices": 3},
            {"id": "b", "name": "b", "links": 2, "devices": 2},
        ],
        "links": 3,
        "links_by_driver": {"bus": 2, "wire": 1},
        "links_without_devices": 1,
        "links_in_own_process": 1,
        "devices": 5,
        "devices_by_kind": {"cabinet": 2, "lamp": 3},
        "devices_by_template": {"cabinet": 2, "lamp": 3},
        "points": 10,
        "writable_points": 3,
    }
    text = describe(city)
    assert "  links            3   2 bus, 1 wire; 1 without devices\n" in text
    assert "  devices          5   2 cabinet, 3 lamp\n" in text
    assert "  points          10   3 writable\n" in text


def test_a_city_without_devices_is_a_city(tmp_path: Path) -> None:
    city = load(tmp_path, city='[city]\nid = "new"\n[zones.a]\n')
    assert (city.devices, city.links, summarize(city)["points"]) == ((), (), 0)
    assert describe(city)
