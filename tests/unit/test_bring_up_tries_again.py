"""A city whose host is lost while it starts: its cells are begun elsewhere, and not for ever."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jacquemart.runtime.cluster.bring_up import TRIES, BringUp
from jacquemart.runtime.cluster.cells import plain_error
from jacquemart.runtime.cluster.register import Register
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.directory import CellAddress, Placement
from jacquemart.runtime.model.errors import CellUnreachable, StartError

LOST = CellUnreachable("its node has died", where="cell device-1")


class Cells:
    """Cells that answer at once; the first so many answers of a kind are errors."""

    def __init__(self, names: list[str], fails: dict[tuple[str, str], list[Exception]]) -> None:
        self.plan = dict.fromkeys(names)
        self.live: dict[str, int] = {}
        self.fails = fails
        self.elsewhere = True
        self.told: list[dict[str, CellAddress]] = []
        self._answers: dict[str, dict[str, Any]] = {}

    def running(self) -> list[str]:
        return list(self.live)

    def may_be_elsewhere(self, name: str) -> bool:
        return self.elsewhere

    def begin(self, name: str, epoch: int) -> None:
        self.live[name] = epoch
        self._answers.setdefault("start", {})[name] = epoch

    def connect(self, directory: Any) -> None:
        self.told.append(dict(directory.cells))
        self._answers["connect"] = dict.fromkeys(self.live, directory.version)

    def call(self, kind: str, names: list[str]) -> None:
        self._answers[kind] = {name: {"ready": True} for name in names}

    def owing(self, kind: str) -> list[str]:
        return list(self._answers.get(kind, ()))

    def answers(self, kind: str) -> dict[str, Any]:
        found = self._answers.pop(kind, {})
        for name in found:
            if errors := self.fails.get((kind, name)):
                found[name] = errors.pop(0)
        return found


class Keeper:
    """What ``cluster.keeper.Keeper`` does of it, without processes."""

    def __init__(self, fails: dict[tuple[str, str], list[Exception]]) -> None:
        self.cells = Cells(["device-1", "device-2", "zone-1"], fails)
        self.register = Register(Placement(CitySpec("c", "C", (), {}, (), ()), ()), 1)
        self.lost: list[str] = []

    def begin(self, name: str) -> None:
        self.cells.begin(name, self.register.next_epoch(0))

    def hand(self, name: str, *, lost: bool = False) -> None:
        assert lost, "nobody knows whether its host is still there"
        self.lost.append(name)
        self.begin(name)

    def arrived(self, name: str, epoch: int) -> None:
        assert self.register.arrived(CellAddress(name, "device", epoch, "", "", 1, ""))

    def check_ray(self, ended: Any) -> None:
        pass


def bring_up(keeper: Keeper) -> list[str]:
    """Run it; return the warnings."""
    warnings: list[str] = []
    report = SimpleNamespace(
        progress=lambda stage, **fields: None,
        tell=lambda event, message: warnings.append(message),
    )
    lifeline = SimpleNamespace(ending=0, wait=lambda pause: [])
    BringUp(keeper, lifeline, report, Path("."), 10.0).run()  # type: ignore[arg-type]
    return warnings


@pytest.mark.parametrize("kind", ["start", "connect", "progress"])
def test_a_cell_that_is_lost_while_the_city_starts_is_begun_again_and_all_know_it(
    kind: str,
) -> None:
    keeper = Keeper({(kind, "device-1"): [LOST] * (TRIES - 1)})
    warnings = bring_up(keeper)
    assert keeper.lost == ["device-1"] * (TRIES - 1)
    assert len(warnings) == TRIES - 1
    assert all("its node has died" in text for text in warnings)
    assert not keeper.cells.fails[kind, "device-1"]
    epochs = {name: cell.epoch for name, cell in keeper.cells.told[-1].items()}
    assert epochs == keeper.cells.live, "everybody was told of those that live"


def test_a_cell_that_cannot_be_reached_again_and_again_ends_the_start() -> None:
    keeper = Keeper({("start", "device-1"): [LOST] * TRIES})
    with pytest.raises(CellUnreachable, match="node has died"):
        bring_up(keeper)
    assert len(keeper.lost) == TRIES - 1


def test_what_is_no_loss_of_a_host_is_not_tried_again() -> None:
    keeper = Keeper({("start", "device-1"): [StartError("no such kind")]})
    with pytest.raises(StartError, match="no such kind"):
        bring_up(keeper)
    keeper = Keeper({("start", "device-1"): [LOST]})
    keeper.cells.elsewhere = False
    with pytest.raises(CellUnreachable):
        bring_up(keeper)
    assert keeper.lost == []


def test_what_ray_says_of_a_lost_actor_names_the_reason_and_not_its_own_particulars() -> None:
    text = (
        "The actor died unexpectedly before finishing this task.\n\tclass_name: A\n"
        "\tactor_id: 71c3\nThe actor died because its node has died. Node Id: 545d\n"
        "\tthe actor's node was terminated\nThe actor never ran."
    )
    error = plain_error(RuntimeError(text), "cell device-1")
    assert isinstance(error, CellUnreachable)
    assert error.where == "cell device-1"
    assert error.message == (
        "The actor died unexpectedly before finishing this task. The actor died because its node"
        " has died. Node Id: 545d The actor never ran."
    )
