"""Processes, private directories, run states and the lifeline, with real processes and files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jacquemart.runtime.cluster import private_dir, processes, runstate
from jacquemart.runtime.cluster.lifeline import Lifeline
from jacquemart.runtime.cluster.pulse import Beat, Pulse
from jacquemart.runtime.model.errors import StartError

SLEEP = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(SLEEP, start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(private_dir, "LONGEST_PATH", 500)
    return tmp_path


def test_a_process_is_known_by_its_start_time_too(child: subprocess.Popen[bytes]) -> None:
    known = processes.identify(child.pid)
    assert known is not None
    assert known.alive
    assert not processes.ProcessId(child.pid, known.started + 1).alive
    child.kill()
    assert processes.wait_ended([child.pid], 5.0) == set()
    assert not known.alive  # a zombie now
    child.wait()
    assert processes.identify(child.pid) is None


def test_waiting_gives_up_in_time_and_killing_does_not(child: subprocess.Popen[bytes]) -> None:
    assert processes.wait_ended([child.pid], 0.05) == {child.pid}
    assert processes.kill([child.pid], 5.0) == set()


def test_a_session_is_found_without_its_leader() -> None:
    shell = subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60"], start_new_session=True)
    leader = processes.identify(shell.pid)
    assert leader is not None
    until = time.monotonic() + 5.0
    while len(processes.session_members(leader)) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    shell.kill()
    shell.wait()
    left = processes.session_members(leader)
    assert len(left) == 2
    assert processes.kill(left, 5.0) == set()
    assert processes.session_members(leader) == []


def test_a_session_of_a_reused_pid_is_left_alone(child: subprocess.Popen[bytes]) -> None:
    now = processes.identify(child.pid)
    assert now is not None
    assert processes.session_members(now) == [child.pid]
    assert processes.session_members(processes.ProcessId(child.pid, now.started - 1)) == []


def test_descendants_are_found_through_generations() -> None:
    shell = subprocess.Popen(["sh", "-c", "sh -c 'sleep 60; true'; true"])
    until = time.monotonic() + 5.0
    while len(processes.descendants(shell.pid)) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    found = processes.descendants(shell.pid)
    assert len(found) == 2
    assert shell.pid in processes.descendants(os.getpid())
    processes.kill([shell.pid, *found], 5.0)
    shell.wait()


def test_a_private_directory_is_for_its_owner_and_is_swept_when_all_owners_are_gone(
    home: Path, child: subprocess.Popen[bytes]
) -> None:
    path = private_dir.make()
    assert path.stat().st_mode & 0o777 == 0o700
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert private_dir.sweep() == []
    other = processes.identify(child.pid)
    assert other is not None
    (path / "owners").write_text(f"{other.pid} {other.started}\n")
    assert private_dir.sweep() == []
    child.kill()
    child.wait()
    assert private_dir.sweep() == [path]
    assert not path.exists()


def test_a_directory_of_somebody_else_is_refused(home: Path) -> None:
    target = home / "elsewhere"
    target.mkdir()
    link = home / "link"
    link.symlink_to(target)
    with pytest.raises(StartError, match="not a directory of this user"):
        private_dir.owned_dir(link)


def test_two_cities_of_one_name_are_refused_and_a_dead_one_is_replaced(
    home: Path, child: subprocess.Popen[bytes]
) -> None:
    other = processes.identify(child.pid)
    assert other is not None
    path = runstate.claim(runstate.RunState("dijon/été", other.pid, other.started))
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StartError, match="running already"):
        runstate.claim(runstate.state_of("dijon/été", "", ""))
    child.kill()
    child.wait()
    assert runstate.running() == []
    mine = runstate.state_of("dijon/été", "127.0.0.1:1", "/t")
    assert runstate.claim(mine) == path
    assert runstate.running() == [mine]
    assert runstate.find("dijon/été") == mine
    runstate.remove(path, other.pid)
    assert path.exists()
    runstate.remove(path, os.getpid())
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"city": 1}', '{"city": "a", "x": 1}', "\xff"])
def test_a_file_that_is_no_run_state_is_passed_over(home: Path, text: str) -> None:
    folder = private_dir.owned_dir(runstate.folders()[0])
    (folder / "broken.json").write_text(text, encoding="latin-1")
    assert runstate.running() == []


def test_a_state_is_found_in_whichever_folder_it_lies(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runstate.claim(runstate.state_of("a", "", ""))
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    runstate.claim(runstate.state_of("b", "", ""))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    assert [state.city for state in runstate.running()] == ["a", "b"]
    runstate.forget("b", os.getpid())
    assert [state.city for state in runstate.running()] == ["a"]


@pytest.fixture
def handlers() -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_the_lifeline_tells_the_end_of_processes(child: subprocess.Popen[bytes]) -> None:
    reader, writer = os.pipe()
    line = Lifeline(reader, None)
    assert line.watch("a", child.pid)
    assert line.wait(0.01) == []
    child.kill()
    assert line.wait(5.0) == ["a"]
    assert line.wait(0.0) == []
    child.wait()
    assert not line.watch("b", child.pid)
    assert not line.ending
    os.close(writer)
    line.wait(5.0)
    assert line.ending == "the starter let go"
    os.close(reader)


@pytest.mark.usefixtures("handlers")
def test_the_lifeline_ends_with_the_starter_though_its_pipe_is_held_open(
    child: subprocess.Popen[bytes],
) -> None:
    reader, writer = os.pipe()
    line = Lifeline(reader, processes.identify(child.pid))
    line.wait(0.0)
    assert not line.ending
    child.kill()
    line.wait(5.0)
    assert line.ending == "the starter has ended"
    os.close(reader)
    os.close(writer)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_lifeline_ends_with_a_signal(number: signal.Signals) -> None:
    reader, writer = os.pipe()
    line = Lifeline(reader, None)
    threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
    line.wait(5.0)
    assert line.ending == number.name
    os.close(reader)
    os.close(writer)


def await_true(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_pulse_tells_a_process_that_runs_from_a_loop_that_answers(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path / "pulse")
    sick = threading.Event()

    def alive() -> None:
        if sick.is_set():
            raise RuntimeError("no answer")

    beat = Beat(str(pulse.path))
    await_true(lambda: pulse.process() > 1)
    assert not pulse.moved()
    beat.follow(alive)
    await_true(pulse.moved)
    sick.set()
    time.sleep(0.6)
    pulse.moved()
    before = pulse.process()
    time.sleep(0.6)
    assert not pulse.moved()
    assert pulse.process() > before
    seen_again = Pulse(pulse.path, again=True)
    assert seen_again.process() >= before
    beat.stop()
    pulse.close()
    pulse.close()
    assert list(tmp_path.iterdir()) == []


def test_a_process_is_stopped_wants_to_run_or_neither(child: subprocess.Popen[bytes]) -> None:
    assert not processes.stopped(child.pid)
    child.send_signal(signal.SIGSTOP)
    await_true(lambda: processes.stopped(child.pid))
    assert not processes.wants_to_run(child.pid)
    child.send_signal(signal.SIGCONT)
    assert not processes.stopped(0)
    spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        await_true(lambda: processes.wants_to_run(spinning.pid))
    finally:
        spinning.kill()
        spinning.wait()
    assert not processes.wants_to_run(spinning.pid)


def test_run_states_are_read_by_anybody_who_knows_json(home: Path) -> None:
    path = runstate.claim(runstate.state_of("a", "127.0.0.1:1", "/t"))
    found = json.loads(path.read_text())
    assert set(found) == {
        "city", "pid", "started", "api", "stream", "ray_address", "token_path", "control",
    }  # fmt: skip
