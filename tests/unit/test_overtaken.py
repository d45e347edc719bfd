"""No setpoint goes after a newer one of its point that may have been sent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.kernel.overtaken import Overtaken

POINTS = st.sampled_from([("a", "x"), ("a", "y"), ("b", "x")])


@given(st.lists(st.tuples(POINTS, st.integers(1, 50))), POINTS, st.integers(1, 50))
def test_one_is_overtaken_exactly_if_a_later_one_of_its_point_was_noted(
    noted: list[tuple[tuple[str, str], int]], point: tuple[str, str], accepted: int
) -> None:
    overtaken = Overtaken()
    for each in noted:
        overtaken.may_be_sent(*each)
    later = any(other == point and number > accepted for other, number in noted)
    assert overtaken.overtakes(point, accepted) is later


def test_the_longest_noted_is_forgotten_first() -> None:
    overtaken = Overtaken(kept=2)
    for device in "abc":
        overtaken.may_be_sent((device, "x"), 7)
    assert [overtaken.overtakes((device, "x"), 1) for device in "abc"] == [False, True, True]
