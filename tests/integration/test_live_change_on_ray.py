"""A city on a real Ray changes while it runs, by its file, and nobody else notices."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import jacquemart
from jacquemart.runtime.city import CityErrors
from jacquemart.runtime.cluster import runstate
from jacquemart.runtime.testing.blind import BlindWatch

pytestmark = pytest.mark.slow

POLL_MS = 250
ID = f"changing-{os.getpid()}"
HEAD = """
[city]
id = "{id}"
[gateway]
port = 0
stream_port = 0
[zones.north]
[zones.south]
"""
TEMPLATE = """
[templates.{name}]
kind = "generic"
driver = "simulated"
[templates.{name}.points.setpoint]
unit = "%"
range = [0, 100]
writable = true
feedback = "level"
tolerance = 0.5
settle_ms = {settle_ms}
poll_ms = {poll_ms}
address = {{ ramp_per_s = 400, lag_ms = 50 }}
[templates.{name}.points.level]
unit = "%"
poll_ms = {poll_ms}
"""
LINKS = {f"st-{at}": "north" if at < 4 else "south" for at in range(8)}
Lamps = dict[str, tuple[str, str]]
"""Device -> template, link."""
FIRST: Lamps = {f"{link}-{n}": ("lamp", link) for link in LINKS for n in range(15)}


def text_of(lamps: Lamps, more: str = "") -> str:
    text = HEAD.format(id=ID)
    for name, settle_ms in (("lamp", 1500), ("lantern", 1600)):
        text += TEMPLATE.format(name=name, settle_ms=settle_ms, poll_ms=POLL_MS)
    for link, zone in LINKS.items():
        text += f'[links.{link}]\ndriver = "simulated"\nzone = "{zone}"\nseed = 7\n'
    for id, (template, link) in lamps.items():
        text += f'[[device]]\nid = "{id}"\ntemplate = "{template}"\nlink = "{link}"\n'
    return text + more


def second() -> Lamps:
    """Return the first city's lamps with 50 added, 20 removed, 30 changed and 10 moved."""
    lamps = dict(FIRST)
    names = list(lamps)
    for id in names[0:60:3]:  # 20, all in the north
        del lamps[id]
    for id in names[1:61:2][:30]:
        if id in lamps:
            lamps[id] = ("lantern", lamps[id][1])
    for id in names[70:90:2]:
        lamps[id] = ("lamp", "st-7" if lamps[id][1] != "st-7" else "st-0")
    for n in range(50):
        lamps[f"new-{n}"] = ("lamp", f"st-{n % 8}")
    return lamps


def points_of(devices: list[str]) -> dict[str, int]:
    return {f"{id}/{point}": POLL_MS for id in devices for point in ("level", "setpoint")}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[jacquemart.City]:
    path = tmp_path_factory.mktemp("city") / "city.toml"
    path.write_text(text_of(FIRST), encoding="utf-8")
    with jacquemart.City(path, cells=2, standby=False) as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "changed.toml"


@pytest.fixture(autouse=True)
def set_back(city: jacquemart.City, tmp_path: Path) -> Iterator[None]:
    """Leave the city as it was first."""
    yield
    path = tmp_path / "first.toml"
    path.write_text(text_of(FIRST), encoding="utf-8")
    city.apply(path)


def listed(client: jacquemart.Client) -> set[str]:
    return {str(row[0]) for row in client.ls("*")["rows"]}


def links_heard(client: jacquemart.Client) -> list[Any]:
    return [event for event in client.query("events", number=1_000) if event[0].startswith("link_")]


def test_a_changed_city_is_applied_and_whoever_did_not_change_has_no_blind_tick(
    city: jacquemart.City, file: Path
) -> None:
    lamps = second()
    file.write_text(text_of(lamps), encoding="utf-8")
    plan = city.plan(file)
    counts = {kind: part["count"] for kind, part in plan["devices"].items()}
    assert counts["added"] == 50
    assert counts["removed"] == 20
    assert counts["moved"] == 10
    assert counts["changed"] == sum(
        lamps[id][0] != FIRST[id][0] and lamps[id][1] == FIRST[id][1]
        for id in FIRST.keys() & lamps.keys()
    )
    assert plan["links"]["changed"]["count"] == 0
    others = [id for id in FIRST if lamps.get(id) == FIRST[id]]
    epochs = {cell["name"]: (cell["epoch"], cell["pid"]) for cell in city.cells}
    with city.client() as client, BlindWatch(city.api, points_of(others)) as watch:
        heard = len(links_heard(client))
        time.sleep(4 * POLL_MS / 1_000)
        watch.count()
        result = city.apply(file, plan["plan"])
        time.sleep(8 * POLL_MS / 1_000)
        seen = watch.count()
        assert seen.readings > len(others), "the watch has seen the others all along"
        assert seen.ticks == 0, (seen.longest_ms, seen.points)
        assert len(links_heard(client)) == heard, "no link was connected anew"
        assert {c["name"]: (c["epoch"], c["pid"]) for c in city.cells} == epochs
        assert listed(client) == set(lamps)
        moved = next(id for id in lamps if id in FIRST and lamps[id][1] != FIRST[id][1])
        changed = next(id for id, (template, _) in lamps.items() if template == "lantern")
        for id in ("new-3", moved, changed, others[0]):
            assert client.set(f"{id}/setpoint", 40.0).applied, id
        assert client.get("new-49/level").good
        with pytest.raises(jacquemart.JacquemartError, match="st-0-0"):
            client.get("st-0-0/level")
    assert result["devices"]["added"] == 50
    assert city.plan(file)["empty"]
    assert city.apply(file)["empty"], "a second identical apply has nothing to do"


def test_a_wrong_file_leaves_everything_as_it_was(city: jacquemart.City, file: Path) -> None:
    file.write_text(text_of(second(), '[links.st-0b]\ndriver = "steam"\nzone = "west"\n'), "utf-8")
    with (
        city.client() as client,
        BlindWatch(city.api, points_of(list(FIRST))) as watch,
    ):
        with pytest.raises(CityErrors) as refused:
            city.apply(file)
        assert len(refused.value.errors) >= 2
        assert all(problem.line for problem in refused.value.errors)
        time.sleep(4 * POLL_MS / 1_000)
        assert watch.count().ticks == 0
        assert listed(client) == set(FIRST)


def test_a_link_gets_a_process_of_its_own_while_the_city_runs_and_gives_it_back(
    city: jacquemart.City, file: Path
) -> None:
    text = text_of(FIRST).replace("[links.st-7]\n", '[links.st-7]\nisolation = "process"\n')
    file.write_text(text, encoding="utf-8")
    others = [id for id, (_, link) in FIRST.items() if link != "st-7"]
    with city.client() as client, BlindWatch(city.api, points_of(others)) as watch:
        time.sleep(4 * POLL_MS / 1_000)
        watch.count()
        result = city.apply(file)
        (fresh,) = result["cells"]["started"]
        assert client.set("st-7-3/setpoint", 60.0).applied
        assert client.why("st-7-3")["cell"].startswith(fresh)
        assert fresh in {cell["name"] for cell in city.cells}
        file.write_text(text_of(FIRST), encoding="utf-8")
        result = city.apply(file)
        assert result["cells"]["stopped"] == [fresh]
        assert client.set("st-7-3/setpoint", 20.0).applied
        give_up = time.monotonic() + 20.0
        while fresh in {cell["name"] for cell in city.cells}:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        seen = watch.count()
        assert seen.ticks == 0, (seen.longest_ms, seen.points)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # who replaces a frozen cell may have been first
        os.kill(pid, signal.SIGKILL)


def test_a_cell_killed_in_the_middle_of_a_change_comes_back_with_the_new_city(
    city: jacquemart.City, file: Path
) -> None:
    lamps = second()
    file.write_text(text_of(lamps), encoding="utf-8")
    plan = city.plan(file)
    victim = next(cell for cell in city.cells if cell["name"] == "device-1")
    os.kill(victim["pid"], signal.SIGSTOP)  # so that it cannot have taken the change
    killer = threading.Timer(4.0, kill, (victim["pid"],))
    killer.start()
    result = city.apply(file, plan["plan"])
    killer.join()
    assert result["cells"]["replaced"] == ["device-1"]
    again = next(cell for cell in city.cells if cell["name"] == "device-1")
    assert again["epoch"] > victim["epoch"]
    give_up = time.monotonic() + 30.0
    with city.client() as client:
        assert listed(client) == set(lamps)
        for id in ("new-0", "new-4", "new-49"):
            while not client.get(f"{id}/level").good:
                assert time.monotonic() < give_up, id
                time.sleep(0.05)
            assert client.set(f"{id}/setpoint", 20.0).applied


def jacquemart_says(*words: str, input: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jacquemart.cli", *words],
        capture_output=True, text=True, timeout=120, check=False, input=input,
    )  # fmt: skip


def test_the_command_line_shows_the_plan_applies_it_and_has_nothing_to_do_then(
    city: jacquemart.City, file: Path
) -> None:
    assert runstate.find(ID) is not None
    file.write_text(text_of(second()), encoding="utf-8")
    shown = jacquemart_says("plan", str(file), "--city", ID)
    assert shown.returncode == 0, shown.stderr
    assert "50 added, 20 removed" in shown.stdout
    assert "holds     none stands on a device that is touched" in shown.stdout
    unasked = jacquemart_says("apply", str(file), "--city", ID)
    assert unasked.returncode == 2
    assert "--yes" in unasked.stderr
    done = jacquemart_says("apply", str(file), "--city", ID, "--yes")
    assert done.returncode == 0, done.stderr
    assert "50 added" in done.stdout
    again = jacquemart_says("apply", str(file), "--city", ID, "--yes", "--json")
    assert again.returncode == 0
    document = json.loads(again.stdout)
    assert document["plan"]["empty"]
    assert document["result"] is None
    file.write_text(text_of(FIRST).replace("[city]", "[city]\ntick_ms = 50"), encoding="utf-8")
    restart = jacquemart_says("apply", str(file), "--city", ID, "--yes")
    assert restart.returncode == 1
    assert "city.tick_ms" in restart.stdout
    file.write_text("[city]\n", encoding="utf-8")
    wrong = jacquemart_says("plan", str(file), "--city", ID)
    assert wrong.returncode == 1
    assert wrong.stdout == jacquemart_says("check", str(file)).stdout
    nobody = jacquemart_says("plan", str(file), "--city", "atlantis")
    assert nobody.returncode == 3
