"""outcome: what became of a command, asked later by its identity."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fake_gateway import FakeGateway

from jacquemart.cli import main
from jacquemart.runtime.model.outcome import Status

ID = bytes(range(16))


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as one:
        yield one


def ask(gateway: FakeGateway, answer: dict[str, Any], *words: str) -> int:
    gateway.answers["outcome"] = answer
    return main(["outcome", "lamp-1/setpoint", ID.hex(), *words, "--api", gateway.api])


def ended(status: Status, value: float | None = 80.0) -> list[Any]:
    return [int(status), "ok", "", value, [1, 2, 3, 4]]


def test_a_command_that_was_applied_is_shown_as_it_was_then(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"known": True, "stage": "ended", "outcome": ended(Status.APPLIED), "resolved": None}
    assert ask(gateway, answer) == 0
    assert capsys.readouterr().out.startswith("lamp-1/setpoint  APPLIED  80")


def test_a_command_under_way_and_an_unknown_one_are_exit_code_1(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    for stage, words in (("accepted", "not ended yet"), ("unknown", "never accepted"),
                         ("too_old", "nobody remembers")):  # fmt: skip
        answer = {"known": False, "stage": stage, "outcome": None, "resolved": None}
        assert ask(gateway, answer) == 1
        assert words in capsys.readouterr().out


def test_what_a_read_back_found_later_is_shown_and_counts(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {
        "known": True, "stage": "ended", "outcome": ended(Status.INDETERMINATE, None),
        "resolved": [int(Status.APPLIED), 80.0],
    }  # fmt: skip
    assert ask(gateway, answer) == 0
    assert "read back later: APPLIED, the field shows 80" in capsys.readouterr().out
    assert ask(gateway, answer, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["resolved"] == {"status": "APPLIED", "value": 80.0}
    assert found["id"] == ID.hex()


def test_what_is_no_identity_is_wrong_usage(gateway: FakeGateway) -> None:
    assert main(["outcome", "lamp-1", "xyz", "--api", gateway.api]) == 2
