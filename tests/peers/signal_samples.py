"""An intersection to try things on: a main road, a side road with a left turn, and a crossing."""

from __future__ import annotations

from jacquemart.actors.signals.model import (
    Aspect,
    Detector,
    Group,
    Intersection,
    Plan,
    Stage,
    Step,
    Use,
)

R, G, Y = Aspect.RED, Aspect.GREEN, Aspect.YIELD
MAIN, SIDE, TURN, WALK = range(4)


def crossing(*, offset_ms: int = 0, coordinated: bool = True, demand: bool = False) -> Intersection:
    """Return it. The turn gives way to the main road in one stage, and has its own in another."""
    groups = (
        Group("main", min_green_ms=8_000, max_green_ms=60_000, red_yellow_ms=1_000),
        Group("side", min_green_ms=5_000, max_green_ms=40_000, red_yellow_ms=1_000),
        Group("turn", min_green_ms=5_000, max_green_ms=90_000),
        Group("walk", Use.PEDESTRIAN, min_green_ms=6_000, max_green_ms=40_000, yellow_ms=0,
              clearance_ms=7_000, in_flash=Aspect.DARK),
    )  # fmt: skip
    return Intersection(
        "K1",
        groups,
        {
            (MAIN, SIDE): 5_000, (SIDE, MAIN): 6_000,
            (MAIN, TURN): 4_500, (TURN, MAIN): 5_000,
            (MAIN, WALK): 6_000, (WALK, MAIN): 8_000,
            (SIDE, TURN): 5_000, (TURN, SIDE): 5_500,
        },
        (
            Stage("main", (G, R, Y, R)),
            Stage("turn", (R, R, G, G)),
            Stage("side", (R, G, R, G)),
        ),
        (
            Plan("day", 1, 80_000,
                 (Step(0, 0, extend_ms=8_000), Step(1, 35_000, on_demand=demand),
                  Step(2, 55_000)), offset_ms, coordinated),
            Plan("night", 2, 60_000, (Step(0, 0), Step(2, 30_000)), offset_ms, coordinated),
        ),
        frozenset({(TURN, MAIN)}),
        (Detector("loop_main", (MAIN,)), Detector("loop_turn", (TURN,))) if demand else (),
    )  # fmt: skip
