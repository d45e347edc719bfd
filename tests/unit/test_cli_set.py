"""set: one point or many, what became of it, and the exit code that says so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import canned_city
import pytest
from fake_gateway import NAN, FakeGateway, bulk_result, outcome

from jacquemart.cli import main
from jacquemart.native import frames
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire.messages import Bulk, BulkResult


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as one:
        one.answers["get"] = [canned_city.reading("lamp-1/setpoint", 80.0, "%")]
        yield one


def ask(gateway: FakeGateway, *words: str) -> int:
    return main([*words, "--api", gateway.api])


def test_an_applied_command_shows_what_was_read_back_and_when(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("set", "lamp-1/setpoint", "80", "--within", "5", "--priority", "3", "--unit", "%")
    assert ask(gateway, *words) == 0
    assert capsys.readouterr().out.splitlines() == [
        "lamp-1/setpoint  APPLIED  80.0 %",
        "  dispatched +0.50 ms, acknowledged +14 ms, finished +1,041 ms",
    ]
    (command,) = gateway.commands
    assert (command.device, command.verb, command.point) == ("lamp-1", "set", "setpoint")
    assert (command.value, command.unit, command.priority) == (80.0, "%", 3)
    assert command.principal not in ("", "anonymous")


def test_the_unit_is_the_points_own_if_none_was_given(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(gateway, "set", "lamp-1/setpoint", "on") == 0
    assert capsys.readouterr().out.startswith("lamp-1/setpoint  APPLIED  1.0 %\n")
    assert gateway.commands[0].unit == ""


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.APPLIED])
def test_any_other_end_is_exit_code_1(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str], status: Status
) -> None:
    gateway.on_command = lambda c: outcome(c, status, Reason.UNREACHABLE_BY, "cab-3\nis dead")
    assert ask(gateway, "set", "lamp-1/setpoint", "80") == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first == rf"lamp-1/setpoint  {status.name}  unreachable_by  cab-3\nis dead"


def test_a_program_gets_the_outcome_by_names(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    def indeterminate(command: frames.Command) -> frames.OutcomeFrame:
        return outcome(command, Status.INDETERMINATE, Reason.NO_ANSWER, "sent, no answer", NAN)

    gateway.on_command = indeterminate
    assert ask(gateway, "set", "lamp-1/setpoint", "80", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {
        "id": gateway.commands[0].id.hex(),
        "device": "lamp-1",
        "point": "setpoint",
        "status": "INDETERMINATE",
        "applied": False,
        "reason": "no_answer",
        "detail": "sent, no answer",
        "value": None,
        "dispatched_ns": 500_000,
        "acknowledged_ns": 14_000_000,
        "finished_ns": 1_041_000_000,
    }
    assert [verb for verb, _ in gateway.queries] == ["hello"]


def of_lamps(failed: int) -> list[tuple[str, Status, str, str, float]]:
    ended = [(f"lamp-{at}", Status.APPLIED, "ok", "", 80.0) for at in range(1_000)]
    for at in range(failed):
        ended[at] = (f"lamp-{at}", Status.FAILED, Reason.NOT_FOLLOWING, "level is 0.0", 0.0)
    return ended


def bulk_of(gateway: FakeGateway, ended: list[tuple[str, Status, str, str, float]]) -> None:
    def answer(bulk: Bulk) -> BulkResult:
        return bulk_result(bulk, ended)

    gateway.on_bulk = answer


def test_a_pattern_commands_all_that_match(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    bulk_of(gateway, of_lamps(0))
    words = ("set", "lamp-*/setpoint", "80", "--zone", "north", "--kind", "street_light")
    assert ask(gateway, *words, "--unit", "%", "--priority", "2") == 0
    assert capsys.readouterr().out.startswith("1,000 devices in 0.0")
    (bulk,) = gateway.bulks
    assert (bulk.device, bulk.point, bulk.zone, bulk.kind) == (
        "lamp-*", "setpoint", "north", "street_light",
    )  # fmt: skip
    assert (bulk.value, bulk.unit, bulk.priority) == (80.0, "%", 2)
    assert not gateway.commands


def test_a_zone_alone_makes_a_command_for_many(gateway: FakeGateway) -> None:
    bulk_of(gateway, of_lamps(0)[:1])
    assert ask(gateway, "set", "lamp-0/setpoint", "80", "--zone", "north") == 0
    assert gateway.bulks[0].device == "lamp-0"
    assert gateway.bulks[0].kind == "*"


def test_twenty_exceptions_are_shown_and_the_rest_counted(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    bulk_of(gateway, of_lamps(23))
    assert ask(gateway, "set", "lamp-*/setpoint", "80") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(" s: 977 APPLIED, 23 FAILED")
    assert lines[1].split() == ["lamp-0", "FAILED", "not_following", "0", "level", "is", "0.0"]
    assert len(lines) == 1 + 20 + 1
    assert lines[-1].strip() == "and 3 more; --all shows them"
    assert ask(gateway, "set", "lamp-*/setpoint", "80", "--all") == 1
    assert len(capsys.readouterr().out.splitlines()) == 1 + 23


def test_a_program_gets_every_exception(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    bulk_of(gateway, of_lamps(23))
    assert ask(gateway, "set", "lamp-*/setpoint", "80", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"APPLIED": 977, "FAILED": 23}
    assert found["devices"] == 1_000
    assert len(found["exceptions"]) == 23
    assert found["exceptions"][0]["reason"] == "not_following"


def test_a_command_that_no_device_matches_is_refused(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    bulk_of(gateway, [])
    assert ask(gateway, "set", "lmap-*/setpoint", "80") == 1
    assert capsys.readouterr().err == "jacquemart: no device matches; nothing was sent\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lamp-1", "80"], "'lamp-1' is not a point"),
        (["lamp-*/set*", "80"], "wildcard in the point"),
        (["lamp-1/setpoint", "nan"], "'nan' is no value"),
        (["lamp-1/setpoint", "inf"], "'inf' is no value"),
        (["lamp-1/setpoint", "80%"], "'80%' is no value"),
        (["lamp-1/setpoint", "80", "--priority", "0"], "--priority"),
        (["lamp-1/setpoint", "80", "--within", "0"], "--within"),
        (["lamp-1/setpoint"], "VALUE"),
    ],
)
def test_a_wrong_command_line_sends_nothing(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert ask(gateway, "set", *words) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""
    assert not gateway.commands
    assert not gateway.bulks


def test_a_negative_value_is_a_value(gateway: FakeGateway) -> None:
    assert ask(gateway, "set", "lamp-1/setpoint", "-5") == 0
    assert gateway.commands[0].value == -5.0


def test_ctrl_c_says_that_the_command_is_on_its_way(gateway: FakeGateway) -> None:
    gateway.on_command = lambda command: time.sleep(1.5) or outcome(command, Status.APPLIED)  # type: ignore[func-returns-value]
    process = subprocess.Popen(
        [sys.executable, "-m", "jacquemart.cli", "set", "lamp-1/setpoint", "80",
         "--api", gateway.api],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not gateway.commands:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=10)
    assert process.returncode == 130
    assert (out, error) == (
        "", "jacquemart: not waited for: what was sent already still takes effect\n",
    )  # fmt: skip
