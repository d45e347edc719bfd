"""stop: the very process that the run state names is told to stop, and waited for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jacquemart.cli import main
from jacquemart.runtime.cluster import runstate
from jacquemart.runtime.cluster.processes import identify

GENTLE = "import signal, sys; signal.signal(15, lambda *_: sys.exit(0))"
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN)"
_STAY = "; print('here', flush=True); import time; time.sleep(60)"


@pytest.fixture(autouse=True)
def _own_run_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runstate, "folders", lambda: [tmp_path / "run"])


class Wardens:
    """Processes that play wardens; each with its run state."""

    def __init__(self) -> None:
        self.started: dict[str, subprocess.Popen[str]] = {}

    def start(self, city: str, code: str = GENTLE, *, older: int = 0) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code + _STAY], stdout=subprocess.PIPE, text=True
        )
        self.started[city] = process
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        me = identify(process.pid)
        assert me is not None
        runstate.claim(runstate.RunState(city, me.pid, me.started - older, api="tcp://h:1"))
        return process

    def close(self) -> None:
        for process in self.started.values():
            process.kill()
            process.communicate()


@pytest.fixture
def wardens() -> Iterator[Wardens]:
    started = Wardens()
    yield started
    started.close()


def test_the_only_city_is_stopped_and_gone(
    wardens: Wardens, capsys: pytest.CaptureFixture[str]
) -> None:
    process = wardens.start("dijon")
    assert main(["stop"]) == 0
    assert capsys.readouterr().out.startswith("dijon stopped in ")
    assert process.wait(5) == 0
    assert runstate.running() == []


def test_one_of_several_is_stopped_by_its_name(wardens: Wardens) -> None:
    dijon, lyon = wardens.start("dijon"), wardens.start("lyon")
    assert main(["stop", "lyon"]) == 0
    assert lyon.wait(5) == 0
    assert dijon.poll() is None


def test_several_cities_are_not_guessed_at(
    wardens: Wardens, capsys: pytest.CaptureFixture[str]
) -> None:
    processes = [wardens.start("dijon"), wardens.start("lyon")]
    assert main(["stop"]) == 2
    assert "name one, or use --all: dijon, lyon" in capsys.readouterr().err
    assert all(process.poll() is None for process in processes)


def test_all_of_them_are_stopped_together(
    wardens: Wardens, capsys: pytest.CaptureFixture[str]
) -> None:
    processes = [wardens.start("dijon"), wardens.start("lyon")]
    assert main(["stop", "--all", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["cities"]
    assert [(one["city"], one["gone"]) for one in found] == [("dijon", True), ("lyon", True)]
    assert [one["pid"] for one in found] == [process.pid for process in processes]
    assert all(process.wait(5) == 0 for process in processes)


def test_a_city_that_does_not_end_is_said_to_be_there(
    wardens: Wardens, capsys: pytest.CaptureFixture[str]
) -> None:
    process = wardens.start("dijon", STUBBORN)
    assert main(["stop", "--wait", "0.3"]) == 1
    assert f"still there after 0.3 s: dijon (pid {process.pid})" in capsys.readouterr().err
    assert main(["stop", "--wait", "0.3", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["cities"][0]["gone"] is False


def test_a_later_process_with_the_same_pid_is_left_alone(wardens: Wardens) -> None:
    process = wardens.start("dijon", older=1)
    assert main(["stop", "dijon"]) == 3
    assert process.poll() is None


def test_a_process_that_ended_meanwhile_is_gone(wardens: Wardens) -> None:
    from jacquemart.cli.stop import _terminate

    process = wardens.start("dijon")
    (state,) = runstate.running()
    process.kill()
    process.wait()
    _terminate(state)
    reused = runstate.RunState("dijon", os.getpid(), state.started)
    _terminate(reused)  # this very process has the pid, but is another one: nothing is sent


def test_no_city_is_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop"]) == 3
    assert "no city of this user runs on this host" in capsys.readouterr().err
    assert main(["stop", "dijon"]) == 3
    assert "no city 'dijon'" in capsys.readouterr().err


def test_all_of_none_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop", "--all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"cities": []}
