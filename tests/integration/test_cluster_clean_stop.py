"""However a city ends, no process, socket or shared-memory file of it is left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_fakes.scene import FAKES, Traces, environment, wait_until, write_city

from jacquemart.runtime.cluster import private_dir, processes

pytestmark = pytest.mark.slow


class Starter:
    """A program that runs a city, in a process group of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(FAKES / "starter.py"), str(write_city(folder))],
            stdout=subprocess.PIPE,
            env={**os.environ, **environment(folder)},
            text=True,
            start_new_session=True,
        )
        self.facts = self.read()
        self.traces = Traces.of(self.facts["warden"], self.facts["private_dir"])

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the starter ended without a word"
        found: dict[str, Any] = json.loads(line)
        return found

    def pid_of(self, cell: str) -> int:
        return int(next(one["pid"] for one in self.facts["cells"] if one["name"] == cell))


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Starter]:
    started = Starter(tmp_path)
    yield started
    started.process.kill()
    started.process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.kill(started.facts["child"], signal.SIGKILL)
    processes.kill(processes.session_members(started.traces.warden), 5.0)
    private_dir.remove(started.traces.private_dir)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_starter_is_ended(
    starter: Starter, number: signal.Signals, tmp_path: Path
) -> None:
    starter.process.send_signal(number)
    starter.traces.assert_gone(30.0)
    starter.process.wait(30.0)
    assert not list((tmp_path / "run").rglob("*.json"))
    if number == signal.SIGINT:
        assert starter.read() == {"interrupted": True}


def test_nothing_is_left_when_a_cell_hangs_while_the_city_stops(starter: Starter) -> None:
    os.kill(starter.pid_of("device-1"), signal.SIGSTOP)
    starter.process.send_signal(signal.SIGINT)
    starter.traces.assert_gone(30.0)


def test_nothing_is_left_when_the_warden_is_killed(starter: Starter, tmp_path: Path) -> None:
    os.kill(starter.facts["warden"], signal.SIGKILL)
    starter.traces.assert_gone(30.0)
    assert "the warden ended unexpectedly" in starter.read()["failure"]
    assert starter.process.poll() is None
    assert not list((tmp_path / "run").rglob("*.json"))


def test_nothing_is_left_when_the_warden_is_told_to_stop(starter: Starter) -> None:
    os.kill(starter.facts["warden"], signal.SIGTERM)
    starter.traces.assert_gone(30.0)
    assert starter.read() == {"failure": "None"}


def test_cells_end_by_themselves_when_warden_and_starter_are_killed_and_the_next_city_sweeps(
    starter: Starter,
) -> None:
    starter.process.kill()
    os.kill(starter.facts["warden"], signal.SIGKILL)
    starter.process.wait()
    wait_until(
        lambda: not any(process.alive for process in starter.traces.processes),
        "all processes ended by themselves",
        10.0,
    )
    private_dir.sweep()
    assert starter.traces.left() == []
