"""A change on its way through cells on a real Ray: refused, interrupted, and in order.

Fakes in the place of devices: what the cells themselves do with a change has tests of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from cluster_fakes.scene import OPTIONS, diary, environment, wait_until, write_city

from jacquemart.runtime.cluster import City, control_wire, processes, runstate
from jacquemart.runtime.model.errors import ChangeBusy, ChangeRefused, ConfigError, UsageError

pytestmark = pytest.mark.slow

LAMPS = [f"lamp-{z}-{k}-{i}" for z in range(2) for k in range(3) for i in range(4)]


@dataclass
class Stage:
    """A running city of fakes and the folder that its cells write into."""

    city: City
    folder: Path
    events: list[dict[str, Any]]

    def file(self, **about: Any) -> Path:
        """Write a changed city file."""
        return write_city(self.folder, alone="link-0-1", **about)

    def changes(self, cell: str) -> list[dict[str, Any]]:
        """Return what a cell was asked to become."""
        path = self.folder / f"{cell}.changes"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def homes(self) -> dict[str, str]:
        return dict(diary(self.folder, "gateway-1")[-1]["homes"])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One city for all tests; each sets it back to the file it began with."""
    folder = tmp_path_factory.mktemp("changing")
    events: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(folder).items():
            patch.setenv(name, value)
        path = write_city(folder, alone="link-0-1")
        with City(path, options=OPTIONS, on_progress=events.append) as city:
            yield Stage(city, folder, events)


@pytest.fixture(autouse=True)
def set_back(stage: Stage) -> Iterator[None]:
    yield
    for path in [*stage.folder.glob("refuse-*"), *stage.folder.glob("die-*")]:
        path.unlink()
    stage.city.apply(stage.file())
    assert stage.city.plan(stage.file())["empty"]


def test_a_plan_names_what_would_change_and_changes_nothing(stage: Stage) -> None:
    before = len(stage.changes("zone-1"))
    path = stage.file(add={"new-1": "link-0-0"}, remove=["lamp-1-0-0"], change={"lamp-1-1-1": 9})
    plan = stage.city.plan(path)
    assert [one["id"] for one in plan["devices"]["added"]["named"]] == ["new-1"]
    assert [one["id"] for one in plan["devices"]["removed"]["named"]] == ["lamp-1-0-0"]
    assert plan["devices"]["changed"]["named"][0]["keys"] == ["index"]
    assert plan["blind"]["devices"] == 2
    for unknown in ("holds", "alarms", "in_flight"):
        assert plan[unknown]["known"] is False
        assert plan[unknown]["why"]
    assert not plan["cells"]["started"]
    assert "alone-1" not in plan["cells"]["changed"]
    assert len(stage.changes("zone-1")) == before
    assert plan == stage.city.plan(path)


def test_supervisors_take_a_change_first_then_the_devices_cells_and_others_are_not_asked(
    stage: Stage,
) -> None:
    alone = len(stage.changes("alone-1"))
    result = stage.city.apply(stage.file(add={"new-1": "link-0-0"}))
    assert result["devices"]["added"] == 1
    assert result["seconds"] > 0
    (cell,) = [name for name in result["cells"]["changed"] if name.startswith("device-")]
    assert "new-1" in stage.changes(cell)[-1]["lamps"]
    assert "new-1" in stage.changes("gateway-1")[-1]["lamps"]
    assert len(stage.changes("alone-1")) == alone
    order = [
        os.stat(stage.folder / f"{name}.changes").st_mtime_ns
        for name in ("zone-1", cell, "gateway-1")
    ]
    assert order == sorted(order)
    wait_until(
        lambda: any(event["event"] == "city_changed" for event in stage.events), "it is told"
    )


def test_the_same_file_again_has_nothing_to_do_and_no_cell_is_asked(stage: Stage) -> None:
    path = stage.file(add={"new-1": "link-0-0"})
    stage.city.apply(path)
    before = len(stage.changes("zone-1"))
    assert stage.city.apply(path)["empty"]
    assert len(stage.changes("zone-1")) == before


def test_a_wrong_file_is_told_as_its_loader_tells_it_and_nothing_is_asked(stage: Stage) -> None:
    before = len(stage.changes("zone-1"))
    with pytest.raises(ConfigError, match="two lamps in one place"):
        stage.city.apply(stage.file(wrong="two lamps in one place"))
    with pytest.raises(ChangeRefused, match="tick_ms") as refused:
        stage.city.apply(stage.file(tick_ms=50))
    assert refused.value.advice
    assert len(stage.changes("zone-1")) == before


def test_a_plan_that_is_not_the_one_that_was_shown_is_refused(stage: Stage) -> None:
    shown = stage.city.plan(stage.file(add={"new-1": "link-0-0"}))
    path = stage.file(add={"new-2": "link-0-0"})
    with pytest.raises(ChangeRefused, match="since the plan was shown"):
        stage.city.apply(path, shown["plan"])
    stage.city.apply(path)
    with pytest.raises(ChangeRefused, match="since the plan was shown"):
        stage.city.apply(stage.file(add={"new-1": "link-0-0"}), shown["plan"])


def test_a_cell_that_refuses_leaves_the_city_as_it_was_in_all_cells(stage: Stage) -> None:
    path = stage.file(add={"new-1": "link-0-0"}, remove=["lamp-0-0-0"])
    cell = next(n for n in stage.city.plan(path)["cells"]["changed"] if n.startswith("device"))
    (stage.folder / f"refuse-{cell}").touch()
    with pytest.raises(ChangeRefused, match=f"cell {cell} cannot take it.*told to refuse"):
        stage.city.apply(path)
    last = stage.changes("zone-1")[-1]
    assert "lamp-0-0-0" in last["lamps"]
    assert "new-1" not in last["lamps"]
    assert stage.changes(cell)[-1]["refused"] is False
    assert "lamp-0-0-0" in stage.changes(cell)[-1]["lamps"]
    assert stage.city.plan(stage.file())["empty"]


def test_a_refusal_before_any_cell_has_taken_it_touches_none(stage: Stage) -> None:
    asked = len(stage.changes("gateway-1"))
    for name in ("zone-1", "centre-1"):
        (stage.folder / f"refuse-{name}").touch()
    with pytest.raises(ChangeRefused, match="told to refuse"):
        stage.city.apply(stage.file(add={"new-1": "link-0-0"}))
    assert stage.city.plan(stage.file())["empty"]
    assert len(stage.changes("gateway-1")) == asked


@pytest.mark.parametrize("role", ["zone-1", "device", "gateway-1"])
def test_a_cell_killed_in_the_middle_comes_back_with_the_new_city(stage: Stage, role: str) -> None:
    path = stage.file(add={"new-1": "link-0-0"})
    plan = stage.city.plan(path)
    cell = next(name for name in plan["cells"]["changed"] if name.startswith(role))
    epoch = next(one["epoch"] for one in stage.city.cells if one["name"] == cell)
    (stage.folder / f"die-{cell}").touch()
    result = stage.city.apply(path)
    assert cell in result["cells"]["replaced"]

    def replaced() -> bool:
        return next(one["epoch"] for one in stage.city.cells if one["name"] == cell) > epoch

    wait_until(replaced, "the starter hears of the successor by itself")
    assert stage.city.plan(path)["empty"]


def test_a_second_change_at_the_same_time_is_refused(stage: Stage) -> None:
    path = stage.file(add={"new-1": "link-0-0"})
    (stage.folder / "die-zone-1").touch()  # makes the first one long
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(stage.city.apply(path)))
    thread.start()
    wait_until(lambda: not (stage.folder / "die-zone-1").exists(), "the first is under way")
    try:
        # Where the machine is slow the first is through before the second is planned and sent.
        with pytest.raises((ChangeBusy, ChangeRefused), match=r"under way|changed since"):
            stage.city.apply(path)
    finally:
        thread.join(60)
    assert first[0]["devices"]["added"] == 1


def test_links_with_a_process_of_their_own_get_one_and_give_it_back(stage: Stage) -> None:
    names = {cell["name"] for cell in stage.city.cells}
    result = stage.city.apply(write_city(stage.folder, alone="link-1-0"))
    (fresh,) = result["cells"]["started"]
    assert fresh.startswith("alone-")
    assert fresh not in names
    gone = result["cells"]["stopped"]
    assert len(gone) == 1
    assert gone[0].startswith("alone-")
    wait_until(lambda: not {cell["name"] for cell in stage.city.cells} & set(gone), "they are gone")
    homes = stage.homes()
    assert fresh in homes.values()
    assert not set(gone) & set(homes.values())
    assert {cell["name"] for cell in stage.city.cells} == (names - set(gone)) | {fresh}


def test_a_city_that_has_changed_is_the_changed_one_after_its_ray_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    path = write_city(tmp_path, id="resumed")
    events: list[dict[str, Any]] = []
    with City(path, options=OPTIONS, on_progress=events.append) as city:
        changed = write_city(tmp_path, id="resumed", add={"new-1": "link-0-0"})
        city.apply(changed)
        address, warden = city.ray_address, processes.identify(city.warden_pid)
        assert warden is not None
        members = [psutil.Process(pid) for pid in processes.session_members(warden)]
        next(one for one in members if one.name() == "raylet").kill()
        wait_until(lambda: city.ray_address != address, "another Ray runs")
        assert city.plan(changed)["empty"]
        back = city.apply(write_city(tmp_path, id="resumed"))
        assert back["devices"]["removed"] == 1


def _raw(stage: Stage) -> socket.socket:
    state = runstate.find("city")
    assert state is not None
    one = socket.socket(socket.AF_UNIX)
    one.connect(state.control)
    one.settimeout(10)
    return one


def test_who_breaks_the_control_protocol_is_told_so_or_let_go_and_others_are_served(
    stage: Stage,
) -> None:
    for message, word in (
        ({"verb": "explode"}, "explode"),
        ({"verb": "plan", "path": 7}, "texts"),
        ({"verb": "plan", "path": "x", "folder": "here"}, "folder"),
        ({"verb": "city", "more": 1}, "nothing else"),
    ):
        with _raw(stage) as one:
            control_wire.send(one, message)
            answer = control_wire.receive(one, 2**20, 10.0)
            assert word in answer["error"]["message"]
    with _raw(stage) as one:
        one.sendall(struct.pack(">I", 2**31))
        assert "bytes" in control_wire.receive(one, 2**20, 10.0)["error"]["message"]
    with _raw(stage) as one:
        one.sendall(struct.pack(">I", 5) + b"\xc1\xc1\xc1\xc1\xc1")
        assert control_wire.receive(one, 2**20, 10.0)["error"]["code"] == "bad_frame"
    with contextlib.ExitStack() as idle:
        for _ in range(3):
            idle.enter_context(_raw(stage))
        assert stage.city.plan(stage.file())["empty"]


def test_nobody_else_may_reach_the_control_socket(stage: Stage) -> None:
    state = runstate.find("city")
    assert state is not None
    path = Path(state.control)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_city_that_does_not_run_has_no_plan(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not running"):
        City(tmp_path / "city.json", options=OPTIONS).plan(tmp_path / "other.json")
