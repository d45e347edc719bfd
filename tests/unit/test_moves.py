"""Passes over cells: whoever waits is told, and a version that cannot make them is left."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jacquemart.runtime.cluster.keeper import Keeper
from jacquemart.runtime.cluster.moves import TRIES, MoveJob, Moves
from jacquemart.runtime.cluster.resume import Again, History
from jacquemart.runtime.cluster.rolling import Drain, GiveUp, Hand, Rolling, Warm
from jacquemart.runtime.cluster.upgrade import Upgrade
from jacquemart.runtime.model.errors import ChangeRefused, StartError
from jacquemart.runtime.model.versions import MINE, Span

OLD = "/old/python"


def keeper(history: History | None = None) -> Any:
    """Return what passes need of a keeper: a city of one cell, of which nothing comes."""
    blueprint = SimpleNamespace(role="zone")
    made = SimpleNamespace(
        history=history or History(),
        options=SimpleNamespace(journal_format=0, grace_s=1.0),
        changes=SimpleNamespace(busy=False, under_way=False),
        cells=SimpleNamespace(city="c", plan={"zone-1": blueprint}, answers=lambda kind: {}),
        standbys=SimpleNamespace(want=lambda key: False),
        register=SimpleNamespace(city=None),
        report=SimpleNamespace(tell=lambda *args, **named: None),
    )
    made.left = lambda: made.history
    return made


def a_pass(of: Any, tries: int, told: Callable[[Any], None] = lambda _: None) -> Moves:
    """Return one that is under way."""
    moves = Moves(cast("Keeper", of))
    moves.offer(MoveJob(lambda _: None, told, tries=tries))
    moves.turn(settled=True)
    return moves


def fails(moves: Moves) -> None:
    """Let one successor come to nothing, and its pause pass."""
    moves.failed("zone-1", "planted")
    moves._due_s = 1e-9 if moves._due_s else 0.0
    moves.turn(settled=True)


def test_a_version_whose_cells_cannot_be_made_gives_the_city_back() -> None:
    moves = a_pass(keeper(History().upgraded(OLD, 0)), TRIES)
    for _ in range(TRIES - 1):
        fails(moves)
    with pytest.raises(StartError, match=r"no successor of cell zone-1 can be made: planted"):
        fails(moves)


def test_a_committed_version_whose_cells_cannot_be_made_lets_the_operator_act() -> None:
    told: list[Any] = []
    moves = a_pass(keeper(), TRIES, told.append)
    for _ in range(TRIES):
        fails(moves)
    assert isinstance(told[0], ChangeRefused)
    assert not moves.busy, "another version may be tried"


def test_who_follows_a_pass_that_goes_on_for_ever_is_told_after_a_few_failures() -> None:
    told: list[Any] = []
    of = keeper()
    of.moves = Moves(cast("Keeper", of))
    Keeper.move_all(of)
    moves = of.moves
    moves.turn(settled=True)
    moves.follow(MoveJob(lambda _: None, told.append))
    for _ in range(TRIES):
        assert not told
        fails(moves)
    assert isinstance(told[0], ChangeRefused)
    assert moves.busy, "nobody waits, and it goes on"


def test_a_successor_that_is_lost_whenever_it_adopts_ends_the_pass() -> None:
    made = Rolling(("a", "b"), tries=2)
    assert made.begin() == [Warm("a")]
    assert made.lost("a") == [], "the old one was lost: that is no failure of the new one"
    assert made.warm("a") == [Drain("a")]
    assert made.lost("a") == []
    assert made.drained("a") == [Hand("a")]
    assert made.lost("b") == []
    assert made.lost("a") == []
    assert made.lost("a") == [GiveUp("a")]


@pytest.mark.parametrize(
    ("most", "newest", "committed"), [(1, 0, False), (2, 1, False), (2, 0, True), (2, 2, True)]
)
def test_only_journals_that_the_version_before_can_read_leave_a_way_back(
    most: int, newest: int, committed: bool
) -> None:
    other = replace(MINE, package="9.0", journal=Span(1, most))
    moves = Moves(cast("Keeper", keeper()))
    moves.offer(
        MoveJob(lambda _: None, lambda _: None, upgrade=Upgrade("/new/python", other, newest))
    )
    with pytest.raises(Again) as found:
        moves.turn(settled=True)
    assert found.value.history.committed is committed
    assert found.value.history.came_from == sys.executable


@pytest.mark.parametrize(("committed", "way_back"), [(False, OLD), (True, "")])
def test_what_was_committed_is_tried_as_often_and_does_not_go_back_by_itself(
    committed: bool, way_back: str
) -> None:
    of = keeper(History().upgraded(OLD, 0, committed=committed))
    of.moves = Moves(cast("Keeper", of))
    Keeper.move_all(of)
    assert of.history.came_from == way_back
    assert of.moves._job.tries == TRIES
    of.moves._over(of.moves._job)
    assert not of.history.came_from, "every cell is of this version now"


def test_an_upgrade_that_the_loss_of_ray_has_overtaken_is_told_not_to_have_begun() -> None:
    of = keeper()
    of.moves = moves = Moves(cast("Keeper", of))
    of._session = SimpleNamespace(restart_gcs=lambda: False)
    with pytest.raises(Again) as found:
        Keeper.check_ray(of, ["ray:raylet"])
    assert not found.value.history.undone
    moves.offer(MoveJob(lambda _: None, lambda _: None, upgrade=Upgrade("/n/python", MINE, 0)))
    with pytest.raises(Again) as found:
        Keeper.check_ray(of, ["ray:raylet"])
    assert found.value.history.undone
    assert not found.value.python, "and it is the same version"
