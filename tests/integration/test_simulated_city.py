"""Whole cities in this process over simulated links, judged by the field's own account."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.model.outcome import Outcome, Status
from jacquemart.runtime.testing.local_city import LocalCity

EXAMPLE = Path(__file__).parents[2] / "examples" / "first_driver"
CITY = """
[city]
id = "sim-city"
[zones.north]
[links.sim-street]
driver = "simulated"
zone = "north"
seed = 7
latency_ms = 1
timeout_ms = 100
faults = { dead = ["lamp-4"], lie = ["lamp-5"] }
[templates.lamp]
kind = "generic"
driver = "simulated"
[templates.lamp.points.setpoint]
unit = "%"
range = [0, 100]
writable = true
feedback = "level"
tolerance = 0.5
settle_ms = 1500
poll_ms = 200
address = { ramp_per_s = 400, lag_ms = 50 }
[templates.lamp.points.level]
unit = "%"
poll_ms = 200
[templates.lamp.points.power]
unit = "W"
poll_ms = 200
address = { follows = "level", gain = 1.2, offset = 3.0 }
"""
LAMPS = [f"lamp-{number}" for number in range(1, 8)]


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    devices = "".join(
        f'[[device]]\nid = "{lamp}"\ntemplate = "lamp"\nlink = "sim-street"\n' for lamp in LAMPS
    )
    (tmp_path / "city.toml").write_text(CITY + devices)
    SimulatedField.forget("sim-street")
    with LocalCity(tmp_path / "city.toml") as running:
        yield running
    SimulatedField.forget("sim-street")


def test_each_lamp_ends_as_the_field_says_it_did(city: LocalCity) -> None:
    field = SimulatedField.of("sim-street")
    field.inject("stuck", "lamp-3")
    field.inject("refused", "lamp-2")
    field.inject("unknown", "lamp-6")
    client = city.client()
    ends: dict[str, Outcome] = {lamp: client.set(f"{lamp}/setpoint", 80.0) for lamp in LAMPS}
    account = field.account()
    for lamp, outcome in ends.items():
        holds = abs(account[f"{lamp}/level"] - 80.0) <= 0.5
        assert outcome.applied == holds, (outcome, account)
    assert ends["lamp-1"].applied
    assert ends["lamp-7"].applied
    assert (ends["lamp-2"].status, ends["lamp-2"].reason) == (Status.FAILED, "refused")
    assert (ends["lamp-3"].status, ends["lamp-3"].reason) == (Status.FAILED, "not_following")
    assert ends["lamp-4"].reason == "unreachable"
    assert ends["lamp-5"].status is Status.FAILED
    assert account["lamp-1/power"] == pytest.approx(3.0 + 1.2 * 80.0)
    # None was ever sent twice, and none at all to the lamp that was known to be dead.
    written = [arrival.point for arrival in field.arrivals]
    assert sorted(written) == [f"{lamp}/setpoint" for lamp in LAMPS if lamp != "lamp-4"]


def test_a_link_that_is_cut_comes_back_by_itself(city: LocalCity) -> None:
    field = SimulatedField.of("sim-street")
    client = city.client()
    assert client.set("lamp-1/setpoint", 40.0).applied
    opened = field.opened
    field.cut()
    field.refuse = 1
    outcome = client.set("lamp-1/setpoint", 60.0)
    patience = time.monotonic() + 20.0
    while not outcome.applied and time.monotonic() < patience:
        time.sleep(0.1)
        outcome = client.set("lamp-1/setpoint", 60.0)
    assert outcome.applied
    assert field.opened > opened
    assert field.value("lamp-1/level") == pytest.approx(60.0)


def test_the_driver_of_the_guide_runs_a_city(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    lamp = tmp_path / "leds" / "lamp-1"
    lamp.mkdir(parents=True)
    (lamp / "brightness").write_text("0\n")
    (lamp / "temperature").write_text("21.5\n")
    text = (EXAMPLE / "city.toml").read_text()
    (tmp_path / "city.toml").write_text(text.replace("/tmp/first_driver", str(tmp_path / "leds")))
    try:
        with LocalCity(tmp_path / "city.toml") as running:
            client = running.client()
            assert client.set("lamp-1/brightness", 200.0).applied
            assert client.get("lamp-1/temperature").value == 21.5
            assert (lamp / "brightness").read_text() == "200\n"
            assert importlib.import_module("first_driver").FileDriver.blocking
    finally:
        sys.modules.pop("first_driver", None)
