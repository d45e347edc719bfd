"""A whole city on Ray, with real cells and a simulated field, used through device handles."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from cluster_fakes.scene import FAKES, environment

import jacquemart
from jacquemart.runtime.city import CityErrors
from jacquemart.runtime.model.errors import StartError

pytestmark = pytest.mark.slow

CITY = """
[city]
id = "handles"
[gateway]
port = 0
stream_port = 0
[zones.north]
[links.street]
driver = "simulated"
zone = "north"
seed = 7
latency_ms = 1
[templates.lamp]
kind = "generic"
driver = "simulated"
[templates.lamp.points.setpoint]
unit = "%"
range = [0, 100]
writable = true
feedback = "level"
tolerance = 0.5
settle_ms = 1500
poll_ms = 200
address = { ramp_per_s = 400, lag_ms = 50 }
[templates.lamp.points.level]
unit = "%"
poll_ms = 200
"""
LAMPS = "".join(
    f'[[device]]\nid = "lamp-{n}"\ntemplate = "lamp"\nlink = "street"\n' for n in (1, 2)
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "city.toml").write_text(CITY + LAMPS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def few_files() -> Iterator[None]:
    """Lower this process's limit of open files, which the warden and the cells inherit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_files")
def test_tasks_and_actors_of_any_ray_program_read_and_command_devices(folder: Path) -> None:
    with jacquemart.City(folder / "city.toml") as city:
        user = subprocess.run(
            [sys.executable, str(FAKES / "ray_user.py"), city.ray_address],
            env={**os.environ, **city.ray_environment()},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert user.returncode == 0, user.stderr
        told: dict[str, Any] = json.loads(user.stdout)
        for cell in city.cells:
            soft, hard = psutil.Process(cell["pid"]).rlimit(psutil.RLIMIT_NOFILE)
            assert soft == hard
        with city.client() as client:
            assert client.get("lamp-2/level").value == pytest.approx(70.0, abs=0.5)
    assert told["before"][0] == "UsageError"
    assert told["unknown"][0] == "UnknownDevice"
    assert 'no device "lamp-99"' in told["unknown"][1]
    assert told["elsewhere"][0] == "GatewayUnreachable"
    assert told["repr"] == "DeviceHandle('lamp-1', city='handles')"
    assert told["task"] == ["APPLIED", pytest.approx(30.0, abs=0.5)]
    assert told["driver"] == pytest.approx(30.0, abs=0.5)
    assert told["actor"] == "APPLIED"
    assert told["refused"] == "REJECTED"
    assert told["greeting"] == "hello"


def test_a_wrong_city_file_gives_every_problem_with_its_line(folder: Path) -> None:
    path = folder / "city.toml"
    path.write_text(path.read_text().replace('zone = "north"', 'zone = "south"'), encoding="utf-8")
    with pytest.raises(CityErrors, match="south") as caught:
        jacquemart.City(path).start()
    assert caught.value.errors[0].line > 0
    assert not list(folder.rglob("run/**/*.json"))


def test_a_taken_port_is_told_by_its_number(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=str(port)):
            jacquemart.City(folder / "city.toml", gateway_port=port).start()
