"""Parameters in a running city: each device reads and writes where its own parameters say."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jacquemart.runtime.testing import LocalCity

CITY = """
[city]
id = "pumps"
[zones.north]
[links.l]
driver = "simulated"
zone = "north"
[templates.pump]
kind = "generic"
driver = "simulated"
parameters = { start = { range = [0, 99] }, gain = { default = 1 } }
points.flow = { unit = "l/s", poll_ms = 50, address = { initial = "{start} * 10 + {gain}" } }
points.speed = { unit = "%", range = [0, 100], writable = true, feedback = "turns", settle_ms = 5_000, poll_ms = 0 }
points.turns = { unit = "%", range = [0, 100], poll_ms = 50, address = { follows = "speed", gain = "{gain}" } }
[[inventory]]
file = "pumps.csv"
makes = "devices"
template = "pump"
columns = { id = "pump", start = "start", gain = "gain" }
defaults = { link = "l" }
"""  # noqa: E501


def test_each_device_has_the_addresses_that_its_parameters_make(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text(CITY)
    (tmp_path / "pumps.csv").write_text("pump,start,gain\np1,3,\np2,5,0\n")
    with LocalCity(tmp_path / "city.toml") as city:
        client = city.client()
        deadline = time.monotonic() + 20
        while not (client.get("p1/flow").good and client.get("p2/flow").good):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert client.get("p1/flow").value == pytest.approx(31)
        assert client.get("p2/flow").value == pytest.approx(50)
        assert client.set("p1/speed", 40).applied
        assert client.get("p1/turns").value == pytest.approx(40)
        assert not client.set("p2/speed", 40).applied, "its gain is 0, so nothing turns"
