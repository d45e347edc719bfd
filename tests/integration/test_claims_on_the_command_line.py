"""hold, release, reserve, lockout, holds and why, as people type them, at a real city."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import soon
from small_city import small_city

from jacquemart.cli import main
from jacquemart.cli.api import principal
from jacquemart.runtime.testing import LocalCity

ME = principal()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    with small_city(tmp_path) as running:
        yield running


@pytest.fixture
def say(city: LocalCity, capsys: pytest.CaptureFixture[str]) -> Any:
    def said(*words: str) -> tuple[int, str]:
        code = main([*words, "--api", city.api])
        return code, capsys.readouterr().out

    return said


def test_a_hold_is_made_seen_explained_and_released(city: LocalCity, say: Any) -> None:
    bob = city.client(principal="bob")
    code, said = say("hold", "north-1/setpoint", "40", "--for", "8h", "--why", "works")
    assert (code, said.splitlines()[0]) == (0, "north-1/setpoint  APPLIED  40.0 %")
    assert bob.set("north-1/setpoint", 80.0).reason == "held"
    code, said = say("holds")
    head, row = said.splitlines()
    assert head.split() == ["what", "slot", "value", "by", "until", "why"]
    assert row.split()[:5] == ["north-1/setpoint", "8", "hold", "40.0", ME]
    assert row.endswith("8 h left  works")
    code, said = say("why", "north-1")
    assert f"{ME} holds setpoint in slot 8 until" in said
    assert f"hold setpoint at 40, slot 8, by {ME}, until" in said
    assert say("release", "north-1/setpoint")[0] == 0
    assert say("holds")[1] == "nobody claims anything\n"
    assert bob.set("north-1/setpoint", 80.0).applied


def test_a_lockout_needs_a_reason_and_is_released_by_its_name(say: Any) -> None:
    assert say("lockout", "north-2")[0] == 2
    assert say("lockout", "north-2", "--why", "lamp open")[0] == 0
    code, said = say("set", "north-2/setpoint", "10")
    assert (code, "has locked it out until it is released: lamp open" in said) == (1, True)
    assert say("release", "north-2", "--lockout")[0] == 0
    assert say("set", "north-2/setpoint", "10")[0] == 0


def test_devices_are_reserved_all_or_none(city: LocalCity, say: Any) -> None:
    bob = city.client(principal="bob")
    assert bob.reserve("north-3", why="test run").applied
    code, said = say("reserve", "north-1", "north-2", "north-3")
    assert code == 1
    assert "bob has reserved it at priority 8 until it is released: test run" in said
    found = json.loads(say("holds", "--json")[1])
    assert [(c["device"], c["owner"]) for c in found["claims"]] == [("north-3", "bob")]
    assert say("reserve", "north-1", "north-2", "--for", "15m", "--grace", "60s")[0] == 0

    def told() -> list[int]:
        found = json.loads(say("holds", "north-[12]", "--json")[1])
        return [claim["grace_ms"] for claim in found["claims"]]

    soon(lambda: len(told()) == 2)  # the zone hears of each a little later
    assert told() == [60_000, 60_000]
