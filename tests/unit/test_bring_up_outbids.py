"""A city that starts with a clock that went back: its cells get epochs that the journals take."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jacquemart.runtime.cluster.bring_up import BringUp
from jacquemart.runtime.cluster.register import Register
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.directory import CellAddress, Placement

LEAST = 5_000


class Cells:
    """Two cells that answer at once; each needs an epoch of its own."""

    def __init__(self, needs: dict[str, int]) -> None:
        self.needs = needs
        self.plan = dict.fromkeys(needs)
        self.live: dict[str, int] = {}
        self.versions: list[int] = []
        self._answers: dict[str, dict[str, Any]] = {}

    def running(self) -> list[str]:
        return list(self.live)

    def begin(self, name: str, epoch: int) -> None:
        self.live[name] = epoch
        self._answers.setdefault("start", {})[name] = epoch

    def connect(self, directory: Any) -> None:
        self.versions.append(directory.version)
        self._answers["connect"] = dict.fromkeys(self.live, directory.version)

    def call(self, kind: str, names: list[str]) -> None:
        self._answers[kind] = {
            name: {
                "ready": self.live[name] >= self.needs[name],
                "least_epoch": self.needs[name] if self.live[name] < self.needs[name] else 0,
                "detail": "",
            }
            for name in names
        }

    def owing(self, kind: str) -> list[str]:
        return list(self._answers.get(kind, ()))

    def answers(self, kind: str) -> dict[str, Any]:
        return self._answers.pop(kind, {})


class Keeper:
    """What ``cluster.keeper.Keeper`` does of it, without processes."""

    def __init__(self, needs: dict[str, int]) -> None:
        city = CitySpec("c", "C", (), {}, (), ())
        self.cells = Cells(needs)
        self.register = Register(Placement(city, ()), 1_000)
        self.ended: list[str] = []

    def begin(self, name: str) -> None:
        self.cells.begin(name, self.register.next_epoch(0))

    def hand(self, name: str, *, lost: bool = False) -> None:
        self.ended.append(name)
        self.begin(name)

    def arrived(self, name: str, epoch: int) -> None:
        assert self.register.arrived(CellAddress(name, "device", epoch, "", "", 1, ""))

    def check_ray(self, ended: Any) -> None:
        pass


def test_cells_that_a_journal_outbids_are_started_anew_and_the_others_are_left_alone() -> None:
    keeper = Keeper({"device-1": LEAST, "device-2": 1, "zone-1": 1, "device-3": 2 * LEAST})
    lifeline = SimpleNamespace(ending=0, wait=lambda pause: [])
    told: list[dict[str, Any]] = []
    report = SimpleNamespace(progress=lambda stage, **fields: told.append(fields))
    BringUp(keeper, lifeline, report, Path("."), 10.0).run()  # type: ignore[arg-type]
    assert told[-1]["cells_ready"] == told[-1]["cells"] == 4
    assert keeper.ended == ["device-1", "device-3"]
    epochs = keeper.cells.live
    assert epochs["device-1"] == LEAST
    assert epochs["device-3"] == 2 * LEAST
    assert epochs["device-2"] < epochs["zone-1"] < LEAST
    assert {name: cell.epoch for name, cell in keeper.register.cells.items()} == epochs
    assert keeper.cells.versions == sorted(set(keeper.cells.versions))
