"""Wrong usage, cities that are not there, and which city is meant."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import canned_city
import pytest
from fake_gateway import FakeGateway

import jacquemart
from jacquemart.cli import api, main
from jacquemart.cli.parser import COMMANDS
from jacquemart.runtime.cluster import runstate
from jacquemart.runtime.cluster.processes import identify
from jacquemart.runtime.model.errors import UsageError


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as one:
        one.answers["get"] = [canned_city.reading("lamp-1/level", 80.0, "%")]
        yield one


@pytest.fixture(autouse=True)
def _no_other_city(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JACQUEMART_API", raising=False)
    monkeypatch.setattr(runstate, "folders", lambda: [tmp_path / "run"])


def nobody() -> str:
    """Return an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"tcp://127.0.0.1:{server.getsockname()[1]}"


QUESTIONS = [
    ["ls"], ["get", "a/b"], ["set", "a/b", "1"], ["set", "a*/b", "1"], ["watch"], ["zones"],
    ["top"], ["top", "--once"], ["why", "a"], ["events"],
]  # fmt: skip


@pytest.mark.parametrize("words", QUESTIONS, ids=lambda words: " ".join(words))
def test_a_city_that_is_not_there_is_said_at_once(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    address = nobody()
    began = time.monotonic()
    assert main([*words, "--api", address]) == 3
    assert time.monotonic() - began < 3
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith(
        f"jacquemart: error: {address}: connection refused (is the city running?"
    )


def test_a_city_that_is_not_there_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zones", "--json", "--api", nobody()]) == 3
    found = json.loads(capsys.readouterr().err)
    assert found["exit"] == 3
    assert found["error"]["code"] == "gateway_unreachable"
    assert found["error"]["retryable"] is True


def test_a_gateway_that_never_answers_is_given_up(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.silent = True
    assert main(["zones", "--timeout", "0.3", "--api", gateway.api]) == 3
    assert "no answer within 0.3 s" in capsys.readouterr().err


def test_a_gateway_of_another_protocol_is_refused(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.answers["hello"] = {"protocol": 2}
    assert main(["zones", "--api", gateway.api]) == 1
    assert "speaks protocol 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address",
    ["4747", "127.0.0.1:4747", "http://127.0.0.1:4747", "tcp://:4747", "tcp://h:", "tcp://h:²",
     "tcp://h:0", "tcp://h:70000"],
)  # fmt: skip
def test_an_address_that_is_none_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], address: str
) -> None:
    assert main(["zones", "--api", address]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"jacquemart: error: {address!r} ")
    assert "e.g. tcp://127.0.0.1:4747" in line or "allowed: 1 to 65535" in line


def test_the_address_comes_from_the_option_then_the_environment() -> None:
    assert api.endpoint("tcp://[::1]:5", {"JACQUEMART_API": "tcp://h:6"}) == "tcp://[::1]:5"
    assert api.endpoint(None, {"JACQUEMART_API": "tcp://h:6"}) == "tcp://h:6"
    assert api.endpoint(None, {}) == "tcp://127.0.0.1:4747"


def state_of(city: str, address: str) -> runstate.RunState:
    me = identify(os.getpid())
    assert me is not None
    return runstate.RunState(city, me.pid, me.started, api=address)


def test_then_from_the_city_that_runs_here(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    runstate.claim(state_of("testville", gateway.api))
    assert main(["get", "lamp-1/level"]) == 0
    assert "80.0 %" in capsys.readouterr().out


def test_and_never_from_one_of_several() -> None:
    runstate.claim(state_of("lyon", "tcp://127.0.0.1:1"))
    runstate.claim(state_of("dijon", "tcp://127.0.0.1:2"))
    with pytest.raises(UsageError, match=r"dijon at tcp://127.0.0.1:2, lyon at tcp") as caught:
        api.endpoint(None, {})
    assert "--api" in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [[], ["fly"], ["get"], ["ls", "--limit", "-1"], ["ls", "--limit", "x"], ["why"],
     ["events", "-n", "0"], ["events", "-n", "501"], ["zones", "--timeout", "0"],
     ["watch", "--rollups", "--events"], ["watch", "--count", "0"], ["run"],
     ["run", "c.toml", "--port", "65536"], ["run", "c.toml", "--cells", "0"],
     ["stop", "dijon", "--all"], ["top", "--interval", "nan"]],
    ids=lambda words: " ".join(words) or "nothing",
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "error:" in shown.err
    assert "Traceback" not in shown.err


def test_help_names_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {command} " in text for command in COMMANDS)
    assert "exit codes" in text
    for command in COMMANDS:
        assert main([command, "--help"]) == 0
        assert "--json" in capsys.readouterr().out


def test_the_version_is_the_packages_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jacquemart.cli", "--version"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"jacquemart {jacquemart.__version__}\n"


def test_a_question_loads_neither_ray_nor_asyncio_nor_rich(gateway: FakeGateway) -> None:
    code = (
        "import sys; from jacquemart.cli import main; "
        f"code = main(['get', 'lamp-1/level', '--api', {gateway.api!r}]); "
        "heavy = {'ray', 'asyncio', 'rich', 'numpy', 'tempfile'} & set(sys.modules); "
        "assert not heavy, heavy; sys.exit(code)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_terminal_that_knows_no_utf_8_gets_escapes(gateway: FakeGateway) -> None:
    gateway.answers["get"] = [canned_city.reading("lamp-1/level", float("nan"), "°C")]
    done = subprocess.run(
        [sys.executable, "-m", "jacquemart.cli", "get", "lamp-1/level", "--api", gateway.api],
        capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert rb"\u2013" in done.stdout


def test_an_argument_that_is_no_text_is_wrong_usage(
    gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["get", "\udcff/level"], ["ls", "\udcff"], ["set", "\udcff*/level", "1"]):
        assert main([*words, "--api", gateway.api]) == 2
        assert "not UTF-8" in capsys.readouterr().err


def test_a_full_disk_is_said_in_one_line(gateway: FakeGateway) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "jacquemart.cli", "get", "lamp-1/level", "--api", gateway.api],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "jacquemart: error: output: No space left on device\n"
