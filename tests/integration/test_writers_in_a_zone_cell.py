"""In a zone cell a journal's writer gets the interpreter soon, however busy the loop is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_city import HEAD

from jacquemart.runtime.cell.host import WRITERS_WAIT_S, CellHost
from jacquemart.runtime.city import load_city
from jacquemart.runtime.cluster.blueprint import blueprints
from jacquemart.runtime.cluster.placement import place


@pytest.fixture(autouse=True)
def interval() -> Iterator[float]:
    """Python's own limit, before and after."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    yield 0.005
    sys.setswitchinterval(before)


@pytest.mark.parametrize("role", ["zone", "centre"])
def test_the_loop_of_a_zone_cell_keeps_the_interpreter_for_less_than_python_would(
    role: str, tmp_path: Path, interval: float
) -> None:
    text = HEAD.format(settle_ms=500, more="")
    text += '[zones.north]\n[links.sw-north]\ndriver = "simulated"\nzone = "north"\n'
    text += '[[device]]\nid = "north-1"\ntemplate = "lamp"\nlink = "sw-north"\n'
    (tmp_path / "city.toml").write_text(text)
    city = load_city(tmp_path / "city.toml")
    made = blueprints(place(city, 1, {}), 0, city.gateway)
    (config,) = (one.config for one in made if one.role == role)
    host = CellHost(config)
    host.start()
    try:
        found = sys.getswitchinterval()
    finally:
        host.stop(0.2)
    assert found == pytest.approx(WRITERS_WAIT_S if role == "zone" else interval)
    assert WRITERS_WAIT_S <= 0.001, "a commit needs the interpreter twice, the disk 0.2 ms"
