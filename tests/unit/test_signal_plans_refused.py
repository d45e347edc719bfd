"""A plan in which somebody starts giving way before who has ended has cleared."""

from __future__ import annotations

import pytest

from jacquemart.actors.signals.checking import problems
from jacquemart.actors.signals.model import Aspect, Group, Intersection, Plan, Stage, Step

R, G, Y = Aspect.RED, Aspect.GREEN, Aspect.YIELD
MAIN, TURN, BESIDE = range(3)


def short_between(main_to_turn_s: float, between_s: float) -> Intersection:
    """The main road ends, somebody beside it goes on alone, then the turn starts giving way."""
    groups = (
        Group("main", min_green_ms=5_000, max_green_ms=60_000),
        Group("turn", min_green_ms=5_000, max_green_ms=60_000),
        Group("beside", min_green_ms=1_000, max_green_ms=90_000),
    )
    late = 40_000 + round(between_s * 1_000)
    return Intersection(
        "K1", groups,
        {(MAIN, TURN): round(main_to_turn_s * 1_000), (TURN, MAIN): 5_000},
        (Stage("main", (G, R, R)), Stage("beside", (R, R, G)), Stage("turn", (R, Y, G))),
        (Plan("day", 1, 90_000, (Step(0, 0), Step(1, 40_000), Step(2, late))),),
        frozenset({(TURN, MAIN)}),
    )  # fmt: skip


@pytest.mark.parametrize(("needed_s", "between_s"), [(4.5, 3.0), (6.0, 5.0)])
def test_who_starts_giving_way_waits_for_who_has_ended(needed_s: float, between_s: float) -> None:
    (found,) = problems(short_between(needed_s, between_s))
    assert found.found == f"{between_s:g} s from main to turn"
    assert found.allowed == f"at least its intergreen, {needed_s:g} s"


@pytest.mark.parametrize("needed_s", [3.0, 5.0])
def test_and_may_start_when_that_has_cleared(needed_s: float) -> None:
    assert problems(short_between(needed_s, needed_s)) == []
