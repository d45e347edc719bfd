"""The simulated variant of the example's bollard, in a city: for fields that have no PLC."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from generate import HERE

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.testing import LocalCity

CITY = """
[city]
id = "simulated-bollards"
[zones.north]
[links.lanes]
driver = "simulated"
zone = "north"
[[device]]
id = "b-1"
template = "bollard"
link = "lanes"
"""


@pytest.mark.slow
def test_it_rises_and_lowers_and_minds_its_loop(tmp_path: Path) -> None:
    template = (HERE / "simulated" / "bollard.toml").read_text()
    assert "travel_s = 8" in template
    text = CITY + template.replace("travel_s = 8", "travel_s = 5")
    (tmp_path / "city.toml").write_text(text)
    try:
        with LocalCity(tmp_path / "city.toml") as city:
            client = city.client()
            early = client.command("b-1", "raise")
            assert early.reason == "rule", "right after a start nothing rises"
            assert client.command("b-1", "lower").applied
            time.sleep(5.5)
            for verb in ("raise", "lower", "raise"):
                assert client.command("b-1", verb).applied
            assert client.command("b-1", "lower").applied
            SimulatedField.of("lanes").set("b-1/loop_occupied", 1.0)
            refused = client.command("b-1", "raise")
            assert refused.reason in ("interlock", "rule")
            assert client.get("b-1/position").value == 0.0
    finally:
        SimulatedField.forget("lanes")
