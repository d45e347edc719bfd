"""What the warden and its starter say to each other, and the stand-ins for Ray's agents."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jacquemart.runtime.city import CityErrors, CityProblem
from jacquemart.runtime.cluster import idle_agent, options, ray_settings, resume
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.report import Reporter, error_fields, error_of
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.directory import CellAddress
from jacquemart.runtime.model.errors import ConfigError, InternalError, StartError, UsageError

OPTIONS = WardenOptions(city="/c.toml", private_dir="/tmp/x", cells=3, starter_pid=4)


def test_errors_come_out_as_the_types_that_went_in() -> None:
    start = error_of(error_fields(StartError("a port is taken", where="gateway", advice="free it")))
    assert type(start) is StartError
    assert str(start) == "gateway: a port is taken (free it)"
    ours = error_of(error_fields(ZeroDivisionError("oops")))
    assert type(ours) is InternalError
    assert "ZeroDivisionError: oops" in str(ours)


def test_the_problems_of_a_city_file_come_through_whole() -> None:
    problems = (CityProblem("city.toml", 3, "zones", '"x"', "a table"),)
    error = error_of(json.loads(json.dumps(error_fields(CityErrors(problems, 2, "2 at x.csv id")))))
    assert isinstance(error, CityErrors)
    assert isinstance(error, ConfigError)
    assert error.errors == problems
    assert (error.more, error.more_at) == (2, "2 at x.csv id")
    assert "city.toml:3" in str(error)


def test_events_are_lines_and_a_starter_that_is_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    report = Reporter(writer)
    report.progress("city", zones=2)
    report.error(StartError("no"))
    lines = [json.loads(line) for line in os.read(reader, 65_536).splitlines()]
    assert [line["event"] for line in lines] == ["progress", "error"]
    assert lines[0]["stage"] == "city"
    assert lines[1]["code"] == "start"
    os.close(reader)
    report.tell("stopped")
    os.close(writer)


def test_options_are_read_up_to_their_end_and_no_byte_further() -> None:
    reader, writer = os.pipe()
    os.write(writer, OPTIONS.to_line() + b"stop\n")
    assert options.read(reader) == OPTIONS
    assert os.read(reader, 100) == b"stop\n"
    os.close(writer)
    with pytest.raises(UsageError):
        options.read(reader)
    os.close(reader)


@pytest.mark.parametrize("line", [b"", b"[]\n", b"{}\n", b'{"surprise": 1}\n', b"\xff\n"])
def test_options_that_are_none_are_refused(line: bytes) -> None:
    with pytest.raises(UsageError):
        options.parse(line)


def test_a_warden_that_becomes_a_new_one_remembers(tmp_path: Path) -> None:
    address = CellAddress("a", "zone", 5, "tcp://a:3", "tcp://a:4", 11, "127.0.0.1", "/l")
    cells = (resume.Left(address, 4),)
    history = resume.History(2, 7, 99, "tcp://a:1", "tcp://a:2", cells, (1.5,))
    assert history.pids == {11}
    mine = replace(OPTIONS, private_dir=str(tmp_path))
    city = CitySpec("c", "C", (), {}, (), ())
    path = resume.save(mine, resume.Again(history, city))
    found = resume.arguments(["--resume", str(path)])
    assert found is not None
    assert found[0] == mine
    assert replace(found[1], city_file="") == history
    assert resume.load_city(found[1].city_file) == city
    with pytest.raises(StartError):
        resume.load_city(str(tmp_path / "none"))
    assert resume.arguments([]) is None
    with pytest.raises(UsageError):
        resume.arguments(["--resume", str(tmp_path / "none")])
    with pytest.raises(UsageError):
        resume.arguments(["city.toml"])


def test_a_ray_that_is_lost_again_and_again_is_given_up() -> None:
    history = resume.History()
    for at in (0.0, 1.0, 2.0):
        history = history.lost(at)
    assert history.number == 4
    assert history.lost(2.0 + resume.WINDOW_S).number == 5
    with pytest.raises(StartError, match="4 times"):
        history.lost(3.0)


def test_the_environment_of_the_embedded_ray_leads_to_no_other_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    os.environ.update(RAY_ADDRESS="elsewhere:1", RAY_AUTH_TOKEN="stale")
    token = ray_settings.make_token(tmp_path)
    assert token.stat().st_mode & 0o777 == 0o600
    assert len(token.read_text()) == 64
    ray_settings.apply(token, tmp_path / "gcs")
    assert ("RAY_gcs_storage_path", str(tmp_path / "gcs")) in os.environ.items()
    assert (tmp_path / "gcs").is_dir()
    assert "RAY_ADDRESS" not in os.environ
    assert "RAY_AUTH_TOKEN" not in os.environ
    assert ray_settings.ENVIRONMENT.items() <= os.environ.items()
    assert os.environ["RAY_AUTH_TOKEN_PATH"] == str(token)


@pytest.fixture
def agents() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for one in started:
        one.kill()
        one.wait()


def start_agent(mode: str, folder: Path, *command: str) -> subprocess.Popen[bytes]:
    file = idle_agent.__file__
    return subprocess.Popen([sys.executable, "-I", "-S", file, mode, str(folder), "n0", *command])


def await_file(path: Path) -> str:
    until = time.monotonic() + 10.0
    while not path.exists():
        assert time.monotonic() < until, f"no {path}"
        time.sleep(0.01)
    return path.read_text()


def test_the_idle_dashboard_agent_says_that_it_serves_nothing(
    tmp_path: Path, agents: list[subprocess.Popen[bytes]]
) -> None:
    agents.append(start_agent("none", tmp_path, "ignored"))
    for name in idle_agent.PORTS_OF_NONE:
        assert await_file(tmp_path / f"{name}_n0") == "-1"
    assert agents[0].poll() is None


def test_the_late_agent_becomes_the_real_one_on_its_port_when_it_is_first_asked(
    tmp_path: Path, agents: list[subprocess.Popen[bytes]]
) -> None:
    real = "import sys,pathlib; pathlib.Path(sys.argv[1]).write_text(' '.join(sys.argv[2:]))"
    done = tmp_path / "done"
    agents.append(
        start_agent(
            "late", tmp_path, sys.executable, "-c", real, str(done),
            "--runtime-env-agent-port=0", "--head",
        )
    )  # fmt: skip
    port = int(await_file(tmp_path / "runtime_env_agent_port_n0"))
    assert not done.exists()
    with contextlib.suppress(ConnectionResetError):  # it may leave its port before we are through
        socket.create_connection(("127.0.0.1", port), 5.0).close()
    agents[0].wait(10.0)
    assert await_file(done) == f"--head --runtime-env-agent-port={port}"


def test_only_a_raylet_gets_idle_agents() -> None:
    from jacquemart.runtime.cluster.quiet_node import with_idle_agents

    raylet = [
        "/ray/raylet", "--session_dir=/s", "--node_id=n0", "--dashboard_agent_command=py a.py --x",
        "--runtime_env_agent_command=py b.py", "--head",
    ]  # fmt: skip
    changed = with_idle_agents(raylet)
    assert changed[:3] + changed[5:] == raylet[:3] + raylet[5:]
    first, second = (shlex.split(part.partition("=")[2]) for part in changed[3:5])
    assert first[-6:] == ["none", "/s", "n0", "py", "a.py", "--x"]
    assert second[-5:] == ["late", "/s", "n0", "py", "b.py"]
    assert with_idle_agents(["/ray/gcs_server", "--x"]) == ["/ray/gcs_server", "--x"]
