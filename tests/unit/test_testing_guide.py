"""What the guide to testing shows runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from jacquemart.drivers.simulated import SimulatedField

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "testing.md"
CITY = """
[city]
id = "guide"
[zones.north]
[links.street]
driver = "simulated"
zone = "north"
[templates.lamp]
kind = "generic"
driver = "simulated"
points.setpoint = { writable = true, feedback = "level", settle_ms = 200 }
points.level = { poll_ms = 100 }
[[device]]
id = "lamp-1"
template = "lamp"
link = "street"
"""


def shown(name: str) -> dict[str, Any]:
    """Run a block of the guide and return what it defines."""
    pattern = rf"<!-- {re.escape(name)} -->\n```python\n(.*?)```"
    found = re.search(pattern, GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, f"the guide shows no {name}"
    names: dict[str, Any] = {}
    exec(compile(found.group(1), f"{GUIDE.name}:{name}", "exec"), names)
    return names


@pytest.fixture
def city_file(tmp_path: Path) -> Path:
    (tmp_path / "city.toml").write_text(CITY)
    return tmp_path / "city.toml"


def test_the_city_of_the_guide_runs(city_file: Path) -> None:
    try:
        shown("local_city.py")["test_a_stuck_lamp_is_told"](city_file)
    finally:
        SimulatedField.forget("street")


def test_the_bad_connection_of_the_guide_passes(city_file: Path) -> None:
    try:
        name = "test_a_command_over_a_slow_line_is_done_in_time_or_not_at_all"
        shown("chaos.py")[name](city_file)
    finally:
        SimulatedField.forget("street")


def test_the_virtual_time_of_the_guide_passes() -> None:
    shown("virtual_time.py")["test_a_minute_is_over_at_once"]()
