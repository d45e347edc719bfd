"""Cells on a real Ray: started, placed, watched, replaced, with fakes in the place of devices."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from cluster_fakes.scene import OPTIONS, Traces, diary, environment, wait_until, write_city

from jacquemart.runtime.cluster import City, processes, runstate
from jacquemart.runtime.model.errors import ConfigError, StartError

pytestmark = pytest.mark.slow


@dataclass
class Stage:
    """A running city, the folder that its cells write into, and what its warden told."""

    city: City
    folder: Path
    events: list[dict[str, Any]]

    def cells(self) -> dict[str, dict[str, Any]]:
        return {cell["name"]: cell for cell in self.city.cells}

    def await_event(self, kind: str, cell: str = "") -> int:
        """Wait for an event, of a cell if one is named; return where in the list it is."""

        def found() -> list[int]:
            return [
                at
                for at, event in enumerate(self.events)
                if event["event"] == kind and (not cell or name_in(event) == cell)
            ]

        wait_until(lambda: bool(found()), f"{kind} {cell}")
        return found()[0]


def name_in(event: dict[str, Any]) -> str:
    cell = event.get("cell")
    return str(cell["name"] if isinstance(cell, dict) else cell)


@contextlib.contextmanager
def on_stage(folder: Path) -> Iterator[Stage]:
    events: list[dict[str, Any]] = []
    path = write_city(folder, alone="link-0-1", nodes={"link-1-2": "depot"})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(folder).items():
            patch.setenv(name, value)
        with City(path, options=OPTIONS, on_progress=events.append) as city:
            yield Stage(city, folder, events)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One city for all tests that lose cells: each loses another one, in any order."""
    with on_stage(tmp_path_factory.mktemp("city")) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_a_city_has_its_cells_alone_where_asked_and_on_loopback_only(stage: Stage) -> None:
    cells = stage.cells()
    roles = [cell["role"] for cell in cells.values()]
    assert sorted(roles) == ["centre", *["device"] * 3, "gateway", "zone"]
    assert {"alone-1", "gateway-1", "zone-1", "centre-1"} <= set(cells)
    assert len({cell["pid"] for cell in cells.values()}) == len(cells)
    first = diary(stage.folder, "alone-1")[0]
    assert set(first["epochs"]) == set(cells)
    assert set(first["homes"].values()) == {"device-1", "device-2", "alone-1"}
    assert all(diary(stage.folder, name)[0] == first for name in ("alone-1", "device-2"))
    told = [event["stage"] for event in stage.events if event["event"] == "progress"]
    assert set(told[:2]) == {"city", "ray"}
    assert told[2:6] == ["placed", "cells", "connected", "links"]
    state = runstate.find("city")
    assert state is not None
    assert (state.api, state.stream) == (stage.city.api, stage.city.stream)
    assert state.pid == stage.city.warden_pid
    assert_quiet_and_private(stage.city)
    assert not (stage.folder / ".ray").exists()


def assert_quiet_and_private(city: City) -> None:
    """Nobody listens to the outside, nothing runs that a city does not need, nobody is nice."""
    warden = processes.identify(city.warden_pid)
    assert warden is not None
    for pid in processes.session_members(warden):
        process = psutil.Process(pid)
        assert process.nice() == os.nice(0)
        listening = [
            connection.laddr.ip
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1"}
        command = " ".join(process.cmdline())
        assert not any(word in command for word in ("dashboard.py", "monitor.py", "log_monitor"))
    for cell in city.cells:
        soft, hard = psutil.Process(cell["pid"]).rlimit(psutil.RLIMIT_NOFILE)
        assert soft == hard


def test_a_lost_cell_comes_back_with_a_higher_epoch_and_everybody_is_told(stage: Stage) -> None:
    before = stage.cells()
    old = diary(stage.folder, "alone-1")[-1]
    os.kill(before["device-1"]["pid"], signal.SIGKILL)
    stage.await_event("cell_replaced", "device-1")
    after = stage.cells()
    assert after["device-1"]["pid"] != before["device-1"]["pid"]
    assert after["device-1"]["epoch"] > max(cell["epoch"] for cell in before.values())
    assert after["device-2"] == before["device-2"]
    wait_until(
        lambda: (
            diary(stage.folder, "alone-1")[-1]["epochs"].get("device-1")
            == after["device-1"]["epoch"]
        ),
        "the new directory arrives",
    )
    new = diary(stage.folder, "alone-1")[-1]
    assert new["version"] > old["version"]
    assert new["homes"] == old["homes"]
    wait_until(lambda: new in diary(stage.folder, "device-1"), "the new cell has it too")


def test_a_gateway_comes_back_on_its_old_ports(stage: Stage) -> None:
    api, stream, old = stage.city.api, stage.city.stream, stage.cells()["gateway-1"]["pid"]
    os.kill(old, signal.SIGKILL)
    stage.await_event("cell_replaced", "gateway-1")
    assert stage.cells()["gateway-1"]["pid"] != old
    assert (stage.city.api, stage.city.stream) == (api, stream)


def test_p7_a_frozen_process_is_replaced_within_a_second_and_a_half(stage: Stage) -> None:
    frozen = stage.cells()["zone-1"]["pid"]
    stage.events.clear()
    os.kill(frozen, signal.SIGSTOP)
    began = time.monotonic()
    stage.await_event("cell_lost", "zone-1")
    assert 0.6 < time.monotonic() - began < 4.0
    stage.await_event("cell_replaced", "zone-1")
    assert stage.cells()["zone-1"]["pid"] != frozen
    assert processes.identify(frozen) is None


def test_p7_a_cell_that_was_stopped_for_half_a_second_goes_on(stage: Stage) -> None:
    slow = stage.cells()["centre-1"]["pid"]
    os.kill(slow, signal.SIGSTOP)
    time.sleep(0.5)
    os.kill(slow, signal.SIGCONT)
    time.sleep(1.0)
    assert stage.cells()["centre-1"]["pid"] == slow


def await_gone(cells: dict[str, dict[str, Any]]) -> None:
    """Wait until the processes are no more, nor zombies: the warden reaps once a second."""
    wait_until(
        lambda: not any(processes.identify(cell["pid"]) for cell in cells.values()), "they are gone"
    )


def test_every_cell_of_a_running_city_gets_a_fresh_process_one_after_the_other(
    stage: Stage,
) -> None:
    before = stage.cells()
    stage.events.clear()
    result = stage.city.restart_cells()
    stage.await_event("cells_moved")
    after = stage.cells()
    assert sorted(result["cells"]) == sorted(before) == sorted(after)
    assert all(0.0 < result["away_s"][name] < 5.0 for name in before)
    assert not {cell["pid"] for cell in before.values()} & {c["pid"] for c in after.values()}
    assert all(after[name]["epoch"] > before[name]["epoch"] for name in before)
    await_gone(before)
    assert not [event for event in stage.events if event["event"] == "cell_lost"]
    latest = {name: cell["epoch"] for name, cell in after.items()}
    for name in after:
        wait_until(lambda n=name: diary(stage.folder, n)[-1]["epochs"] == latest, f"{name} is told")  # type: ignore[misc]


def test_a_second_city_of_the_name_is_refused_and_one_of_another_name_can_share_the_ray(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = stage.city
    with pytest.raises(StartError, match="running already"):
        City(write_city(tmp_path), options=OPTIONS).start()
    for name, value in city.ray_environment().items():
        monkeypatch.setenv(name, value)
    path = write_city(tmp_path, id="other")
    with City(path, options=OPTIONS, ray_address=city.ray_address) as other:
        assert other.ray_address == city.ray_address
        assert other.api != city.api
        assert [state.city for state in runstate.running()] == ["city", "other"]
        others = other.cells
    assert not any(processes.identify(cell["pid"]) for cell in others)
    assert all(processes.identify(cell["pid"]) for cell in city.cells)
    assert [state.city for state in runstate.running()] == ["city"]


def ray_process(city: City, name: str) -> psutil.Process:
    warden = processes.identify(city.warden_pid)
    assert warden is not None
    members = [psutil.Process(pid) for pid in processes.session_members(warden)]
    (found,) = [one for one in members if one.name() == name]
    return found


@pytest.mark.parametrize("frozen", [False, True], ids=["killed", "frozen"])
def test_p6_a_lost_gcs_is_started_again_in_place_and_no_cell_is_touched(
    tmp_path: Path, frozen: bool
) -> None:
    with on_stage(tmp_path) as stage:
        city = stage.city
        before, address = stage.cells(), city.ray_address
        gcs = ray_process(city, "gcs_server")
        gcs.send_signal(signal.SIGSTOP if frozen else signal.SIGKILL)
        stage.await_event("ray_restored")
        assert city.ray_address == address
        assert ray_process(city, "gcs_server").pid != gcs.pid
        assert stage.cells() == before
        stage.events.clear()
        os.kill(before["device-1"]["pid"], signal.SIGKILL)
        stage.await_event("cell_replaced", "device-1")


def test_p4_without_its_raylet_a_city_goes_on_and_its_cells_move_one_after_the_other(
    tmp_path: Path,
) -> None:
    with on_stage(tmp_path) as stage:
        city = stage.city
        before, api, address = stage.cells(), city.api, city.ray_address
        warden = city.warden_pid
        (tmp_path / "city.json").write_text("broken since")
        ray_process(city, "raylet").kill()
        stage.await_event("ray_lost")
        assert all(processes.identify(cell["pid"]) for cell in before.values())
        wait_until(lambda: city.ray_address != address, "another Ray runs")
        assert (city.warden_pid, city.api) == (warden, api)
        stage.await_event("cells_moved")
        last = max(cell["epoch"] for cell in before.values())
        wait_until(
            lambda: all(cell["epoch"] > last for cell in stage.cells().values()),
            "all cells are others",
        )
        assert set(stage.cells()) == set(before)
        await_gone(before)
        moved = [name_in(event) for event in stage.events if event["event"] == "cell_replaced"]
        assert sorted(moved) == sorted(before)
        assert moved[0] == "zone-1"
        assert moved[-1] == "gateway-1"
        assert city.api == api
        traces = Traces.of(city.warden_pid, str(city.private_dir))
    assert traces.left() == []


def agents(city: City) -> dict[str, psutil.Process]:
    """Return the raylet's agents (ours stand in for Ray's), by what they are."""
    found = {}
    for one in ray_process(city, "raylet").children():
        command = one.cmdline()
        for kind in ("none", "late"):
            if kind in command and any(word.endswith("idle_agent.py") for word in command):
                found[kind] = one
    return found


def test_p5_without_one_of_its_agents_a_raylet_ends_and_the_city_goes_on(tmp_path: Path) -> None:
    with on_stage(tmp_path) as stage:
        city, api = stage.city, stage.city.api
        for kind in ("none", "late"):
            before, address = stage.cells(), city.ray_address
            stage.events.clear()
            wait_until(lambda: set(agents(city)) == {"none", "late"}, "both agents run")
            agents(city)[kind].kill()
            stage.await_event("ray_lost")
            assert all(processes.identify(cell["pid"]) for cell in before.values())
            wait_until(lambda old=address: city.ray_address != old, "another Ray runs")  # type: ignore[misc]
            stage.await_event("cells_moved")
            after = stage.cells()
            last = max(cell["epoch"] for cell in before.values())
            assert set(after) == set(before)
            assert all(cell["epoch"] > last for cell in after.values())
            await_gone(before)
            assert not [event for event in stage.events if event["event"] == "cell_lost"]
            assert city.api == api
        traces = Traces.of(city.warden_pid, str(city.private_dir))
    assert traces.left() == []


def test_a_wrong_city_file_is_told_as_such_and_leaves_nothing(folder: Path) -> None:
    city = City(write_city(folder, wrong="zones: found nothing"), options=OPTIONS)
    with pytest.raises(ConfigError, match="found nothing"):
        city.start()
    assert runstate.running() == []


def test_a_cell_that_cannot_start_ends_the_start_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CELL_FAILS", "zone-1")
    with pytest.raises(StartError, match="zone-1: this cell was told to fail"):
        City(write_city(folder), options=OPTIONS).start()
    assert runstate.running() == []
