"""When a cell is late, lost and started again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.cluster.watch import (
    CellWatch,
    Instruction,
    Late,
    Recovered,
    Replace,
    Stage,
    Start,
)


def running(**options: float) -> CellWatch:
    watch = CellWatch(**options)  # type: ignore[arg-type]
    watch.started("a", 0.0)
    watch.arrived("a", 0.0)
    return watch


def test_a_late_cell_is_reported_once_and_not_replaced_at_once() -> None:
    watch = running()
    told = [watch.missed("a", float(turn)) for turn in range(9)]
    assert told == [[], [], [Late("a", 3)], [], [], [], [], [], []]
    assert watch.stage("a") is Stage.RUNNING


def test_a_late_cell_that_answers_again_is_reported_recovered() -> None:
    watch = running()
    for turn in range(3):
        watch.missed("a", float(turn))
    assert watch.answered("a") == [Recovered("a")]
    assert watch.answered("a") == []
    assert watch.missed("a", 4.0) == []


def test_a_cell_that_stays_silent_is_replaced() -> None:
    watch = running(lose_after=4)
    found: list[Instruction] = []
    for turn in range(4):
        found += watch.missed("a", float(turn))
    assert [type(one) for one in found] == [Late, Replace]
    assert watch.stage("a") is Stage.PAUSED
    assert not watch.settled


def test_replacements_start_at_once_at_first_and_further_ones_after_growing_pauses() -> None:
    watch = running(free_losses=2)
    pauses = []
    now = 0.0
    for _ in range(9):
        (told,) = watch.lost("a", "it ended", now)
        assert isinstance(told, Replace)
        pauses.append(told.pause_s)
        assert watch.due(now + told.pause_s) == [Start("a")]
        assert told.pause_s == 0 or watch.due(now + told.pause_s * 0.9) == []
        now += told.pause_s
        watch.started("a", now)
        watch.arrived("a", now)
        now += 0.01
    assert pauses == [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_cell_that_runs_for_a_while_between_its_losses_is_never_kept_waiting() -> None:
    watch = running(steady_s=5.0)
    for turn in range(50):
        assert watch.lost("a", "it ended", 6.0 * turn) == [Replace("a", "it ended", 0.0)]
        watch.started("a", 6.0 * turn)
        watch.arrived("a", 6.0 * turn)


def test_the_same_loss_told_twice_is_one_loss() -> None:
    watch = running()
    assert len(watch.lost("a", "its process ended", 1.0)) == 1
    assert watch.lost("a", "no answer", 1.0) == []
    assert watch.missed("a", 1.0) == []


def test_a_start_that_fails_is_a_loss() -> None:
    watch = running(free_losses=1)
    watch.lost("a", "it ended", 1.0)
    watch.started("a", 1.0)
    assert watch.stage("a") is Stage.STARTING
    assert watch.lost("a", "a port is taken", 2.0) == [Replace("a", "a port is taken", 1.0)]


@given(st.lists(st.sampled_from(["miss", "answer", "die", "start", "arrive"]), max_size=60))
def test_a_cell_is_started_only_after_it_was_ended(steps: list[str]) -> None:
    watch = running(lose_after=3)
    ended = False
    for at, step in enumerate(steps):
        now = float(at)
        told: list[Instruction] = []
        if step == "miss":
            told = watch.missed("a", now)
        elif step == "answer" and watch.stage("a") is Stage.RUNNING:
            told = watch.answered("a")
        elif step == "die":
            told = watch.lost("a", "it ended", now)
        elif step == "start" and watch.due(now):
            assert ended
            watch.started("a", now)
            ended = False
        elif step == "arrive" and watch.stage("a") is Stage.STARTING:
            watch.arrived("a", now)
        replaced = [one for one in told if isinstance(one, Replace)]
        assert not (replaced and ended)
        ended = ended or bool(replaced)
        assert (watch.stage("a") is Stage.PAUSED) == ended
