"""What the guide to signal priority shows works."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from jacquemart.actors.priority.policy import Condition, read_policy
from jacquemart.actors.priority.request import State, VehicleType

GUIDE = (Path(__file__).parents[2] / "docs/guides/priority.md").read_text(encoding="utf-8")


def block(language: str, with_text: str = "") -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    found = [one for one in blocks if with_text in one]
    assert found
    return str(found[0])


def test_the_policy_in_the_guide_is_a_policy() -> None:
    table = tomllib.loads(block("toml", "[priority.bus]"))["priority"]
    policy = read_policy(table, "city.toml: priority")
    bus, line = policy.rule(VehicleType.BUS, "5"), policy.rule(VehicleType.BUS, "L3")
    assert bus is not None
    assert line is not None
    assert (bus.ask, bus.late_s, line.late_s, line.level) == (Condition.NEED, 60, 0, 8)


def test_the_granter_in_the_guide_grants(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    assert "activated" in capsys.readouterr().out
    assert names["granter"].status()[0].state is State.ACTIVATED
