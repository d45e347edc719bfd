"""Devices of a zone that nobody commands: they keep what they have, or go to what is safe."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import wait_until

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.testing import LocalCity

POINTS = """
[templates.{name}.points.setpoint]
unit = "%"
range = [0, {high}]
writable = true
feedback = "level"
tolerance = 0.5
poll_ms = 0
[templates.{name}.points.level]
unit = "%"
range = [0, 100]
poll_ms = 100
[templates.{name}.points.power]
unit = "W"
[templates.{name}.points.burn_hours]
unit = "h"
[templates.{name}.points.fault]
"""
CITY = f"""
[city]
id = "small-city"
[zones.north]
[links.street]
driver = "simulated"
zone = "north"
[templates.lamp]
kind = "street_light"
driver = "simulated"
on_zone_lost = "fail_safe"
fail_safe_after_s = 1
{POINTS.format(name="lamp", high=90)}
[templates.dark]
kind = "street_light"
driver = "simulated"
{POINTS.format(name="dark", high=100)}
"""
for _id, _template in (("a", "lamp"), ("b", "lamp"), ("c", "lamp"), ("d", "dark")):
    CITY += f'[[device]]\nid = "{_id}"\ntemplate = "{_template}"\nlink = "street"\n'


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    (tmp_path / "city.toml").write_text(CITY)
    try:
        with LocalCity(tmp_path / "city.toml") as running:
            yield running
    finally:
        SimulatedField.forget("street")


def levels() -> list[float]:
    field = SimulatedField.of("street")
    return [field.value(f"{id}/level") for id in "abcd"]


def told(city: LocalCity) -> dict[str, dict[str, Any]]:
    cell = next(name for name in city.hosts if name.startswith("device"))
    publisher = city.hosts[cell]._service.publisher
    kept = publisher.kept_events("f/north/0/")
    return {event[0]: event[5] for _, event in kept}


def test_p2_lamps_burn_while_their_zone_is_lost_and_go_back_but_for_who_was_commanded(
    city: LocalCity,
) -> None:
    client = city.client()
    for id in "abcd":
        assert client.set(f"{id}/setpoint", 20.0).applied
    SimulatedField.of("street").inject("refused", "b")
    city.lose("zone-0")
    wait_until(lambda: levels() == [90.0, 20.0, 90.0, 20.0])
    wait_until(lambda: "fail_safe" in told(city))
    assert told(city)["zone_lost"] == {"cell": "zone-0"}
    assert told(city)["fail_safe"] == {"applied": 2, "refused": 1}
    assert client.get("a/level").value == 90.0, "it still answers"

    # Somebody at the device's own cell has commanded c meanwhile: that stands.
    cell = city.hosts[next(name for name in city.hosts if name.startswith("device"))]
    lamp = cell._service.devices["c"]
    lamp._last = object()
    city.replace("zone-0")
    wait_until(lambda: levels() == [20.0, 20.0, 90.0, 20.0])
    wait_until(lambda: told(city).get("fail_safe_left") == {"applied": 1, "refused": 1})
    time.sleep(0.5)
    assert levels() == [20.0, 20.0, 90.0, 20.0]
    lamp._last = None


def test_p2_a_hold_is_gone_back_to_and_a_lock_out_keeps_its_lamp_dark(city: LocalCity) -> None:
    client = city.client()
    for id in "abc":
        assert client.set(f"{id}/setpoint", 20.0).applied
    assert client.hold("a/setpoint", 35.0, why="market").applied
    assert client.lockout("b", why="someone works there").applied
    city.lose("zone-0")
    wait_until(lambda: levels()[:3] == [90.0, 20.0, 90.0])
    wait_until(lambda: "fail_safe" in told(city))
    assert sum(told(city)["fail_safe"].values()) == 3
    city.replace("zone-0")
    wait_until(lambda: levels()[:3] == [35.0, 20.0, 20.0])
    time.sleep(2.5)  # whoever looks whether what is held is there has looked
    assert levels()[:3] == [35.0, 20.0, 20.0]


def test_p2_a_reservation_keeps_no_lamp_from_its_fail_safe_nor_from_the_way_back(
    city: LocalCity,
) -> None:
    client = city.client()
    for id in "abc":
        assert client.set(f"{id}/setpoint", 20.0).applied
    assert client.reserve("a", why="procession").applied
    assert client.reserve("b", why="procession").applied
    assert client.lockout("b", why="someone works there").applied
    city.lose("zone-0")
    wait_until(lambda: levels()[:3] == [90.0, 20.0, 90.0])
    wait_until(lambda: told(city).get("fail_safe") == {"applied": 2, "held": 1})
    city.replace("zone-0")
    wait_until(lambda: levels()[:3] == [20.0, 20.0, 20.0])
    stranger = city.client(principal="eve").set("a/setpoint", 50.0, priority=5)
    assert stranger.reason == "held", "priority 5 alone passes no reservation"


def test_a_kind_that_knows_nothing_safe_cannot_be_told_to_go_there(tmp_path: Path) -> None:
    text = CITY.replace(
        'kind = "street_light"\ndriver = "simulated"\non_zone',
        """kind = "generic"
driver = "simulated"
on_zone""",
    )
    (tmp_path / "city.toml").write_text(text)
    with pytest.raises(ConfigError, match='kind "generic" says of no value that it is safe'):
        LocalCity(tmp_path / "city.toml")
