"""Drawn intersections, and what somebody may ask of their interlock: for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

RED, RED_YELLOW, GREEN, YIELD, YELLOW = 1, 2, 3, 4, 5
TIMES = st.sampled_from([0, 100, 300, 500, 700, 1_000, 1_500])


@st.composite
def matrices(draw: st.DrawFn, most: int = 5) -> dict[str, Any]:
    """Return what ``Interlock`` takes; short times, so that a few steps reach everything."""
    count = draw(st.integers(1, most))
    groups = range(count)
    intergreen: list[list[int | None]] = [[None] * count for _ in groups]
    yields: list[set[int]] = [set() for _ in groups]
    for one in groups:
        for other in range(one):
            if draw(st.integers(0, 3)):
                intergreen[one][other], intergreen[other][one] = draw(TIMES), draw(TIMES)
                way = draw(st.sampled_from(["none", "none", "one", "other", "both"]))
                if way in ("one", "both"):
                    yields[one].add(other)
                if way in ("other", "both"):
                    yields[other].add(one)
    many = st.lists(TIMES, min_size=count, max_size=count)
    return {
        "intergreen": intergreen,
        "yields": yields,
        "min_green": draw(many),
        "yellow": draw(many),
        "red_yellow": draw(many),
        "in_flash": draw(st.lists(st.sampled_from([0, 6]), min_size=count, max_size=count)),
        "start_red": draw(TIMES),
        "longest_step": draw(st.sampled_from([500, 1_000, 2_000])),
    }


def likely(aspect: int, lots: int, yellow: int, red_yellow: int) -> int:
    """Return what a group may show after an aspect, most of the time; ``lots``: 0 to 99."""
    if lots < 40:
        return aspect
    if lots > 95:
        return lots % 7
    after_go = YELLOW if yellow else RED
    go = GREEN if lots % 2 else YIELD
    return {
        RED: (RED_YELLOW if red_yellow else go) if lots % 3 else RED,
        RED_YELLOW: go,
        GREEN: after_go if lots % 3 else YIELD,
        YIELD: after_go if lots % 3 else GREEN,
        YELLOW: RED,
    }.get(aspect, after_go)
