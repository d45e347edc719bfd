"""Aggregates of several zones, put together, are those of all their members."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.native.table import Rollup
from jacquemart.runtime.actor.supervisor import merge_rollups

values = st.lists(st.integers(-1_000, 1_000).map(float), max_size=6)
zones = st.lists(st.tuples(values, st.integers(0, 3), st.integers(0, 255)), max_size=6)


def rollup(found: list[float], silent: int, worst: int) -> Rollup:
    nan = math.nan
    return Rollup(
        len(found) + silent, len(found), sum(found), min(found, default=nan),
        max(found, default=nan), worst,
    )  # fmt: skip


@given(zones)
def test_merged_rollups_are_those_of_all_members(parts) -> None:
    merged = merge_rollups([rollup(*part) for part in parts])
    members = [value for found, _, _ in parts for value in found]
    whole = rollup(
        members, sum(silent for _, silent, _ in parts), max((w for _, _, w in parts), default=0)
    )
    for name in ("count", "online", "sum", "minimum", "maximum", "worst"):
        found, expected = getattr(merged, name), getattr(whole, name)
        assert found == expected or (math.isnan(found) and math.isnan(expected)), name
