"""The city file of the example against its field: every point reads, every setpoint arrives."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from dijon_small_city import SOUND, FieldProcess, city_files, running_field

from jacquemart.drivers.contract import Bad
from jacquemart.drivers.modbus import ModbusDriver
from jacquemart.runtime.city.load import load_city
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.field import BoundPoint


def load(folder: Path) -> CitySpec:
    return load_city(city_files(folder))


def points_of(city: CitySpec, link: str) -> list[BoundPoint]:
    """Bind every point of every device of a link, but those that a device derives by itself."""
    bound: list[BoundPoint] = []
    for device in city.devices:
        if device.link == link:
            for spec in city.templates[device.template].points:
                if spec.address.get("derived"):
                    continue
                address = ModbusDriver.address_of(spec, device)
                bound.append(BoundPoint(len(bound), device, spec, address))
    return bound


async def dusk_behind_one_cabinet(city: CitySpec, field: FieldProcess) -> None:
    link = city.links[3]
    driver = ModbusDriver(link, lambda *_: None)
    points = points_of(city, link.id)
    lamps = sum(point.spec.name == "setpoint" for point in points)
    await driver.open()
    plan = driver.plan(points)
    before = field.ask("stats")["requests"]
    values = await driver.read(plan)
    assert field.ask("stats")["requests"] - before <= 7, "neighbours are read in one request"
    bad = [(p.id, v) for p, v in zip(points, values, strict=True) if isinstance(v, Bad)]
    assert bad == []
    setpoints = [(point, 80.0) for point in points if point.spec.name == "setpoint"]
    assert set(await driver.write(setpoints)) == {None}
    end = time.monotonic() + 5.0
    levels: set[object] = set()
    while levels != {80.0} and time.monotonic() < end:
        read = zip(points, await driver.read(plan), strict=True)
        levels = {value for point, value in read if point.spec.name == "level"}
    shown = dict(zip((p.id for p in points), await driver.read(plan), strict=True))
    await driver.close()
    cabinet = link.id.removesuffix("-line")
    told = field.ask(f"account {cabinet}")["lamps"]
    assert len(told) == lamps
    for name, lamp in told.items():
        assert (lamp["level"], lamp["setpoint"], lamp["writes"]) == (80.0, 80.0, 1)
        assert shown[f"{name}/level"] == lamp["level"]
        assert shown[f"{name}/fault"] == 0.0
        assert 20.0 < float(shown[f"{name}/power"]) < 60.0  # type: ignore[arg-type]
        assert 0.0 < float(shown[f"{name}/burn_hours"]) < 20_001.0  # type: ignore[arg-type]
    assert 225.0 < float(shown[f"{cabinet}/voltage"]) < 240.0  # type: ignore[arg-type]
    assert float(shown[f"{cabinet}/power"]) > lamps * 20.0  # type: ignore[arg-type]
    assert shown[f"{cabinet}/contactor_state"] == shown[f"{cabinet}/contactor"] == 1.0


def test_the_city_file_loads_with_its_zones_links_and_feeds(tmp_path: Path) -> None:
    with running_field(tmp_path / "generated", *SOUND) as (_, port):
        city = load(tmp_path)
    real = [link.options for link in city.links if link.driver == "modbus"]
    assert len(city.zones) == 24
    assert {(options["host"], options["port"]) for options in real} == {
        *((f"127.24.0.{n}", port) for n in range(1, 11)),
        *((host, port) for host in ("127.25.0.1", "127.26.0.1", "127.26.0.2")),
    }
    lights = [device for device in city.devices if device.template == "street_light"]
    assert all(f"{lamp.fed_by}-line" == lamp.link for lamp in lights)
    assert len({(lamp.link, lamp.index) for lamp in lights}) == 540


def test_dusk_behind_one_cabinet_is_the_same_in_the_driver_and_in_the_field(
    tmp_path: Path,
) -> None:
    with running_field(tmp_path / "generated", *SOUND) as (field, _):
        asyncio.run(dusk_behind_one_cabinet(load(tmp_path), field))
