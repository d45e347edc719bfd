"""A city passes to another installed version under a storm of commands, and back again."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import other_version
import pytest
from box_city import write_boxes
from faults_field import RECORD
from faults_judge import Verdict, Written, judge
from faults_load import Load, LoadOptions

import jacquemart
from jacquemart.runtime.model.errors import ChangeRefused, VersionMismatch
from jacquemart.runtime.model.versions import PACKAGE

pytestmark = pytest.mark.slow

FIELD = Path(__file__).resolve().parents[1] / "peers" / "faults_field.py"
LINKS, PER_LINK = 2, 4
DEVICES = LINKS * PER_LINK
POLL_S = 1.0
#: What the machine may add to how long a value is not read: its cores are shared.
SLOWNESS_S = 6.0


@dataclass
class Town:
    """A running city under load, whose values somebody looks at all the time."""

    city: jacquemart.City
    load: Load
    log: Path
    state: Path
    over: threading.Event = field(default_factory=threading.Event)
    looks: int = 0
    oldest_s: float = 0.0
    """The greatest age of a value that somebody was shown."""

    def pids(self) -> set[int]:
        return {cell["pid"] for cell in self.city.cells}

    def await_true(self, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + 30.0
        while not condition():
            assert time.monotonic() < until, what
            time.sleep(0.02)

    def look(self) -> None:
        points = [f"d{device}/value" for device in range(DEVICES)]
        with self.city.client() as client:
            while not self.over.wait(0.05):
                try:
                    rows = client.get_many(points)
                except jacquemart.JacquemartError:
                    continue  # the gateway is away: the values are there when it is back
                now = time.time_ns()
                self.looks += 1
                ages = [(now - row.receive_ns) / 1e9 for row in rows if row.receive_ns]
                self.oldest_s = max([self.oldest_s, *ages])

    def versions(self) -> set[str]:
        with self.city.client() as client:
            return {cell.get("version", "?") for cell in client.query("top")["cells"]}

    def formats(self) -> set[int]:
        found = set()
        for path in self.state.glob("*.journal"):
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            found.add(connection.execute("PRAGMA user_version").fetchone()[0])
            connection.close()
        return found

    def verdict(self) -> Verdict:
        time.sleep(0.5)
        commands = list(self.load.commands)
        known = {(one.device, one.value) for one in commands}
        writes = (
            Written(at, link * PER_LINK + place // 2, value)
            for at, link, place, value in RECORD.iter_unpack(self.log.read_bytes())
        )
        return judge(commands, [one for one in writes if (one.device, one.value) in known])


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("upgrade")
    log, state = folder / "field.log", folder / "state"
    peer = subprocess.Popen(
        [sys.executable, str(FIELD), str(log), str(LINKS)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert peer.stdout is not None
    ports = [int(port) for port in peer.stdout.readline().split()]
    path = write_boxes(folder, f"upgrade-{os.getpid()}", ports, PER_LINK)
    try:
        with jacquemart.City(path, cells=2, standby=False, state=state) as city:
            made = Town(city, Load(LoadOptions(city.api, DEVICES, 0.1, 12.0)), log, state)
            looker = threading.Thread(target=made.look)
            looker.start()
            yield made
            made.over.set()
            looker.join(20.0)
            made.load.stop()
    finally:
        peer.communicate(timeout=10.0)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version after this one, installed."""
    return other_version.install(tmp_path_factory.mktemp("later"))


def assert_true_to_its_word(town: Town) -> None:
    found = town.verdict()
    assert found.applied > 0
    faults = ("lost", "applied_twice", "refused_but_applied", "late", "unfinished", "rejected",
              "expired", "failed", "indeterminate")  # fmt: skip
    wrong = {name: getattr(found, name) for name in faults if getattr(found, name)}
    assert not wrong, town.load.errors


def passes_to(town: Town, python: Path, *, commit: bool = False) -> dict[str, Any]:
    before = town.pids()
    warden, since = town.city.warden_pid, len(town.load.commands)
    result = town.city.restart_cells(python=str(python), commit=commit)
    town.await_true(lambda: not before & town.pids(), "every process is a new one")
    assert town.city.warden_pid == warden
    assert town.versions() == {result["version"]}
    assert {cell["version"] for cell in town.city.cells} == {result["version"]}
    town.await_true(lambda: len(town.load.commands) > since + 4 * DEVICES, "the storm goes on")
    return result


def test_p14_a_city_passes_to_the_next_version_and_back_and_every_command_has_its_one_end(
    town: Town, later: Path
) -> None:
    up = passes_to(town, later)
    assert up["version"] == other_version.NEXT
    assert town.formats() == {1}, "the version before can still read what the next one wrote"
    down = passes_to(town, Path(sys.executable))
    assert down["version"] == PACKAGE
    assert_true_to_its_word(town)
    away = max(*up["away_s"].values(), *down["away_s"].values())
    print(f"away {up['away_s']} {down['away_s']}; {town.looks} looks, oldest {town.oldest_s:.2f} s")
    assert town.looks > 50
    assert 0.0 < town.oldest_s < POLL_S + away + SLOWNESS_S


def test_a_version_that_cannot_run_the_city_gives_it_back_to_the_one_before(
    town: Town, tmp_path: Path
) -> None:
    broken = dict(other_version.CHANGES)
    told = '    report.progress("placed"'
    broken["runtime/cluster/opening.py"] = ((told, f'    raise RuntimeError("planted")\n{told}'),)
    python = other_version.install(tmp_path, broken)
    with pytest.raises(ChangeRefused, match="planted"):
        town.city.restart_cells(python=str(python))
    assert town.versions() == {PACKAGE}
    assert_true_to_its_word(town)


def test_a_version_whose_cells_cannot_be_made_gives_it_back_too(town: Town, tmp_path: Path) -> None:
    broken = dict(other_version.CHANGES)
    made = "        self._make(config, shards, network, places).prepare()\n"
    broken["runtime/cluster/ray_cell.py"] = ((made, '        raise RuntimeError("planted")\n'),)
    python = other_version.install(tmp_path, broken)
    with pytest.raises(ChangeRefused, match=r"no successor of cell zone-1 can be made: .*planted"):
        town.city.restart_cells(python=str(python))
    assert town.versions() == {PACKAGE}
    assert_true_to_its_word(town)


def test_after_the_commitment_there_is_no_way_back_and_trying_changes_nothing(
    town: Town, later: Path
) -> None:
    assert passes_to(town, later, commit=True)["version"] == other_version.NEXT
    assert town.formats() == {2}
    cells = town.pids()
    with pytest.raises(VersionMismatch, match=f"format 2; jacquemart {PACKAGE} knows 1"):
        town.city.restart_cells(python=sys.executable)
    assert town.pids() == cells
    assert_true_to_its_word(town)
