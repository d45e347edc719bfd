"""The command line against a running city: what a person reads, and what a program parses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from jacquemart.runtime.cluster.processes import identify, session_members

pytestmark = pytest.mark.slow

CITY = """
[city]
id = "commanded"
name = "Commanded"
[gateway]
port = 0
stream_port = 0
[zones.north]
[zones.south]
[links.street]
driver = "simulated"
zone = "north"
seed = 7
latency_ms = 1
timeout_ms = 100
faults = { dead = ["lamp-3"] }
[links.square]
driver = "simulated"
zone = "south"
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
LAMPS = {"lamp-1": "street", "lamp-2": "street", "lamp-3": "street", "lamp-9": "square"}


class Runner:
    """``jacquemart run`` in a process, whose run state nobody else sees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "city.toml"
        self.file.write_text(
            CITY
            + "".join(
                f'[[device]]\nid = "{lamp}"\ntemplate = "lamp"\nlink = "{link}"\n'
                for lamp, link in LAMPS.items()
            ),
            encoding="utf-8",
        )
        self.environment = {
            **{k: v for k, v in os.environ.items() if k != "JACQUEMART_API"},
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "HOME": str(folder),
            "COLUMNS": "100",
        }
        self.events: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jacquemart.cli", "run", str(self.file), "--json"],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        while not self.events or self.events[-1]["event"] != "ready":
            self.read_event()

    @property
    def out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def read_event(self) -> None:
        line = self.out.readline()
        assert line, f"run ended with {self.process.wait()}: {self.events}"
        self.events.append(json.loads(line))

    def end(self, number: signal.Signals | None) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        if number is not None and self.process.poll() is None:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=60)
        self.events.extend(json.loads(line) for line in rest.splitlines())
        return self.process.returncode

    def ask(self, *words: str, code: int = 0) -> str:
        """Run a command that ends with this code; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "jacquemart.cli", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout if code < 2 and done.stdout else done.stderr

    def document(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Run a command with ``--json``; return the one document that it printed."""
        lines = self.ask(*words, "--json", code=code).splitlines()
        assert len(lines) == 1
        found: dict[str, Any] = json.loads(lines[0])
        return found

    def documents(self, *words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.ask(*words, "--json").splitlines()]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """One running city for all questions and commands."""
    runner = Runner(tmp_path_factory.mktemp("cli"))
    yield runner
    assert runner.end(signal.SIGTERM) == 0


@pytest.fixture
def own_city(tmp_path: Path) -> Iterator[Runner]:
    """A city for a test that stops it."""
    runner = Runner(tmp_path)
    yield runner
    runner.end(signal.SIGTERM)


def test_ls_lists_devices_and_with_a_slash_points(city: Runner) -> None:
    listed = city.document("ls")
    assert (listed["of"], listed["total"]) == ("devices", 4)
    assert {row["device"]: row["link"] for row in listed["rows"]} == LAMPS
    worst = {row["device"]: row["worst"] for row in listed["rows"]}
    assert worst == {**dict.fromkeys(LAMPS, "GOOD"), "lamp-3": "BAD(unit)"}
    points = city.document("ls", "lamp-[12]/*")
    assert [row["point"] for row in points["rows"]] == [
        *("lamp-1/setpoint", "lamp-1/level", "lamp-2/setpoint", "lamp-2/level")
    ]
    lines = city.ask("ls", "--zone", "south").splitlines()
    assert [line.split()[0] for line in lines] == ["DEVICE", "lamp-9"]


def test_set_ends_applied_and_get_reads_it_back(city: Runner) -> None:
    ended = city.document("set", "lamp-1/setpoint", "40", "--unit", "%")
    assert (ended["status"], ended["applied"], ended["reason"]) == ("APPLIED", True, "ok")
    assert ended["value"] == pytest.approx(40.0, abs=0.5)
    assert 0 < ended["dispatched_ns"] < ended["acknowledged_ns"] < ended["finished_ns"]
    reading = city.document("get", "lamp-1/level")["readings"][0]
    assert reading["value"] == pytest.approx(40.0, abs=0.5)
    assert (reading["unit"], reading["quality"], reading["usable"]) == ("%", "GOOD", True)
    assert city.ask("get", "lamp-1/level").split()[:4] == ["lamp-1/level", "40.0", "%", "GOOD"]
    assert city.ask("set", "lamp-1/setpoint", "41").split()[:4] == [
        *("lamp-1/setpoint", "APPLIED", "41.0", "%")
    ]


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        (("lamp-3/setpoint", "40"), "REJECTED", "unreachable"),
        (("lamp-1/setpoint", "300"), "REJECTED", "out_of_range"),
        (("lamp-1/setpoint", "3", "--unit", "V"), "REJECTED", "wrong_unit"),
        (("lamp-1/level", "3"), "REJECTED", "not_writable"),
        (("lamp-1/colour", "3"), "REJECTED", "unknown_point"),
    ],
)
def test_a_command_that_is_not_applied_says_why_and_ends_with_1(
    city: Runner, words: tuple[str, ...], status: str, reason: str
) -> None:
    ended = city.document("set", *words, code=1)
    assert (ended["status"], ended["reason"], ended["applied"]) == (status, reason, False)
    assert ended["detail"]
    assert city.ask("set", *words, code=1).split()[:3] == [words[0], status, reason]


def test_a_command_for_many_counts_and_shows_who_did_not_follow(city: Runner) -> None:
    ended = city.document("set", "lamp-*/setpoint", "70", code=1)
    assert (ended["devices"], ended["counts"]) == (4, {"APPLIED": 3, "REJECTED": 1})
    assert [one["device"] for one in ended["exceptions"]] == ["lamp-3"]
    text = city.ask("set", "*/setpoint", "71", "--zone", "south")
    assert text.startswith("1 device")
    assert text.rstrip().endswith("1 APPLIED")


def test_watch_shows_the_state_now_and_every_change(city: Runner) -> None:
    now = city.documents("watch", "lamp-2/*", "--count", "2")
    assert {one["point"] for one in now} == {"lamp-2/setpoint", "lamp-2/level"}
    watcher = subprocess.Popen(
        [sys.executable, "-m", "jacquemart.cli", "watch", "lamp-2/level", "--json"],
        env=city.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watcher.stdout is not None
    level = json.loads(watcher.stdout.readline())["value"]
    target = 20.0 if level > 50.0 else 80.0
    city.ask("set", "lamp-2/setpoint", str(target))
    while json.loads(watcher.stdout.readline())["value"] != pytest.approx(target, abs=0.5):
        pass
    watcher.send_signal(signal.SIGINT)
    watcher.communicate(timeout=30)
    assert watcher.returncode == 130


def test_zones_and_top_give_figures_by_zone_and_cell(city: Runner) -> None:
    for found in (city.document("zones"), city.document("top", "--interval", "0.2")):
        assert found["city"] == "Commanded"
        kinds = {zone["zone"]: zone["kinds"]["generic"] for zone in found["zones"]}
        assert {name: (k["devices"], k["online"]) for name, k in kinds.items()} == {
            "north": (3, 2),
            "south": (1, 1),
        }
        assert found["total"]["generic"]["devices"] == 4
    roles = sorted(cell["role"] for cell in found["cells"])
    assert set(roles) == {"centre", "device", "gateway", "zone"}
    assert all(cell["rss_mb"] > 1 and cell["cpu_share"] >= 0 for cell in found["cells"])
    text = city.ask("top", "--once", "--interval", "0.2")
    assert text.startswith("Commanded  3 of 4 devices online")
    assert "gateway-1" in text
    assert "all of Commanded" in city.ask("zones")


def test_why_and_events_explain(city: Runner) -> None:
    found = city.document("why", "lamp-3")
    assert (found["device"], found["zone"], found["link"]["id"]) == ("lamp-3", "north", "street")
    assert "link street works, but lamp-3 does not answer on it" in found["reasons"]
    assert "lamp-3 does not answer" in city.ask("why", "lamp-3")
    events = city.documents("events")
    assert {"street", "square"} <= {e["subject"] for e in events if e["name"] == "link_up"}
    assert "link_up" in city.ask("events")


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        (("get", "lamp-99/level"), 1, "unknown_device"),
        (("get", "lamp-1/colour"), 1, "unknown_point"),
        (("why", "lamp-99"), 1, "unknown_device"),
        (("zones", "--api", "tcp://127.0.0.1:1"), 3, "gateway_unreachable"),
        (("stop", "atlantis"), 3, "gateway_unreachable"),
    ],
)
def test_an_error_is_one_document_and_its_exit_code(
    city: Runner, words: tuple[str, ...], exit_code: int, code: str
) -> None:
    found = city.document(*words, code=exit_code)
    assert (found["error"]["code"], found["exit"]) == (code, exit_code)


def test_check_says_what_there_is_or_all_that_is_wrong(city: Runner) -> None:
    good = city.document("check", str(city.file))
    assert (good["ok"], good["city"]["devices"]) == (True, 4)
    text = city.ask("check", str(city.file)).splitlines()
    assert text[0] == f"Commanded (commanded), from {city.file}"
    assert ["devices", "4"] in [line.split()[:2] for line in text]
    bad = city.folder / "bad.toml"
    wrong = CITY.replace('zone = "south"', 'zone = "west"').replace("poll_ms", "pole_ms")
    bad.write_text(wrong, encoding="utf-8")
    found = city.document("check", str(bad), code=1)
    assert found["ok"] is False
    assert {problem["key"] for problem in found["problems"]} >= {"links.square.zone"}
    assert len(found["problems"]) == found["count"] == 3
    text = city.ask("check", str(bad), code=1).splitlines()
    assert text[-1] == "3 problems"
    assert all(line.startswith(f"{bad}:") for line in text[:-1])


def left_of(ready: dict[str, Any], members: list[int]) -> list[object]:
    """Return what is still there of a city: processes, its folder."""
    folder = Path(ready["token_path"]).parents[1]
    alive = [pid for pid in members if (one := identify(pid)) is not None and one.alive]
    return [*alive, *([folder] if folder.exists() else [])]


@pytest.mark.parametrize("how", ["SIGINT", "stop"])
def test_a_city_that_is_run_from_the_command_line_leaves_nothing_however_it_is_stopped(
    own_city: Runner, how: str
) -> None:
    ready = own_city.events[-1]
    states = list((own_city.folder / "run").rglob("*.json"))
    assert len(states) == 1
    warden = identify(json.loads(states[0].read_text(encoding="utf-8"))["pid"])
    assert warden is not None
    members = list(session_members(warden))
    assert {cell["pid"] for cell in ready["cells"]} <= set(members)
    if how == "stop":
        told = own_city.document("stop")["cities"]
        assert [(one["city"], one["gone"]) for one in told] == [("commanded", True)]
        assert own_city.end(None) == 0
    else:
        assert own_city.end(signal.SIGINT) == 0
    assert own_city.events[-1]["event"] == "stopped"
    give_up = time.monotonic() + 10.0
    while left := left_of(ready, members):
        assert time.monotonic() < give_up, left
        time.sleep(0.05)
    assert not list((own_city.folder / "run").rglob("*.json"))
    assert own_city.document("zones", code=3)["error"]["code"] == "gateway_unreachable"
