"""Cells of a city on Ray are killed under load; the field, which survives, says what was done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from box_city import write_boxes
from faults_field import RECORD
from faults_judge import Sent, Verdict, Written, judge
from faults_load import Load, LoadOptions, boot_ns

import jacquemart
from jacquemart.runtime.city import load_city

pytestmark = pytest.mark.slow

FIELD = Path(__file__).resolve().parents[1] / "peers" / "faults_field.py"
LINKS, PER_LINK = 2, 4


@dataclass
class Town:
    """A running city under load."""

    city: jacquemart.City
    load: Load
    log: Path
    events: list[dict[str, Any]]

    def pids(self, role: str = "") -> dict[str, int]:
        return {c["name"]: c["pid"] for c in self.city.cells if role in ("", c["role"])}

    def await_true(
        self, condition: Callable[[], object], what: str, within_s: float = 60.0
    ) -> None:
        until = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < until, what
            time.sleep(0.01)

    def told(self, kind: str) -> bool:
        return any(event["event"] == kind for event in self.events)

    def whole(self) -> None:
        """Wait until a standby is warm, then forget what was told."""
        self.await_true(lambda: self.told("standby_ready"), "a standby")
        self.events.clear()

    def applied_after(self, since_ns: int) -> float:
        """Return how long after a moment a command that was sent after it was applied."""
        found: list[Sent] = []

        def look() -> bool:
            found[:] = [
                one
                for one in list(self.load.commands)
                if one.sent_ns >= since_ns and one.status == "APPLIED"
            ]
            return bool(found)

        self.await_true(look, "a command is applied")
        return (min(one.end_ns for one in found) - since_ns) / 1e9

    def verdict(self) -> Verdict:
        time.sleep(0.5)
        writes = RECORD.iter_unpack(self.log.read_bytes())
        commands = list(self.load.commands)
        known = {(one.device, one.value) for one in commands}
        seen = [
            Written(at, link * PER_LINK + place // 2, value) for at, link, place, value in writes
        ]
        return judge(commands, [one for one in seen if (one.device, one.value) in known])


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("lost")
    log = folder / "field.log"
    field = subprocess.Popen(
        [sys.executable, str(FIELD), str(log), str(LINKS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert field.stdout is not None
    ports = [int(port) for port in field.stdout.readline().split()]
    path = write_boxes(folder, f"cells-lost-{os.getpid()}", ports, PER_LINK)
    assert len(load_city(path).devices) == LINKS * PER_LINK
    events: list[dict[str, Any]] = []
    try:
        with jacquemart.City(path, cells=2, standby=True, on_progress=events.append) as city:
            load = Load(LoadOptions(city.api, LINKS * PER_LINK, 0.1, 3.0))
            yield Town(city, load, log, events)
            load.stop()
    finally:
        field.communicate(timeout=10.0)


def assert_true_to_its_word(town: Town) -> None:
    found = town.verdict()
    assert found.applied > 0
    faults = ("lost", "applied_twice", "refused_but_applied", "late", "unfinished")
    assert {name: getattr(found, name) for name in faults} == dict.fromkeys(faults, 0)


def test_p1_the_standby_serves_a_killed_cells_devices_within_half_a_second(town: Town) -> None:
    town.whole()
    others = {name: pid for name, pid in town.pids().items() if name != "device-1"}
    began = boot_ns()
    os.kill(town.pids()["device-1"], signal.SIGKILL)
    town.await_true(lambda: town.told("cell_replaced"), "the standby adopts", 2.0)
    assert town.applied_after(began) < 2.0  # half a second, and four times that on a busy machine
    after = town.pids()
    assert {name: after[name] for name in others} == others
    assert_true_to_its_word(town)


def test_p2_a_killed_zone_cell_comes_back_and_no_device_cell_is_restarted(town: Town) -> None:
    town.whole()
    devices = town.pids("device")
    os.kill(town.pids()["zone-1"], signal.SIGKILL)
    town.await_true(lambda: town.told("cell_replaced"), "the standby adopts", 5.0)
    town.applied_after(boot_ns())
    assert town.pids("device") == devices
    assert_true_to_its_word(town)


def test_p4_no_command_fails_while_the_raylet_is_killed_and_another_is_started(town: Town) -> None:
    town.whole()
    threading.Event().wait(0.5)
    since = len(town.load.commands)
    (raylet,) = [
        one
        for one in psutil.Process(town.city.warden_pid).children(recursive=True)
        if one.name() == "raylet"
    ]
    raylet.kill()
    town.await_true(lambda: town.told("ready"), "another Ray runs")
    assert [one for one in town.load.commands[since:] if one.status != "APPLIED"] == []
    town.await_true(lambda: town.told("cells_moved"), "the cells move")
    assert_true_to_its_word(town)
