"""What the guide to testing shows runs as it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest
from guide_city import CITY, shown

from jacquemart.drivers.simulated import SimulatedField


@pytest.fixture
def city_file(tmp_path: Path) -> Path:
    (tmp_path / "city.toml").write_text(CITY)
    return tmp_path / "city.toml"


def test_the_city_of_the_guide_runs(city_file: Path) -> None:
    try:
        shown("testing.md", "local_city.py")["test_a_stuck_lamp_is_told"](city_file)
    finally:
        SimulatedField.forget("street")


def test_the_bad_connection_of_the_guide_passes(city_file: Path) -> None:
    try:
        name = "test_a_command_over_a_slow_line_is_done_in_time_or_not_at_all"
        shown("testing.md", "chaos.py")[name](city_file)
    finally:
        SimulatedField.forget("street")


def test_the_virtual_time_of_the_guide_passes() -> None:
    shown("testing.md", "virtual_time.py")["test_a_minute_is_over_at_once"]()
