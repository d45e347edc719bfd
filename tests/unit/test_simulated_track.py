"""Tracks: courses of straight lines, how they are followed, and what is counted under them."""

from __future__ import annotations

import pytest

from jacquemart.drivers.simulated.track import Track, area, followed, seconds_above_zero


def test_a_track_is_constant_before_its_first_and_after_its_last_knot() -> None:
    track = Track(10.0, 3.0)
    track.lay([(20.0, 3.0), (30.0, 5.0)])
    assert [track.at(t) for t in (0.0, 10.0, 20.0, 25.0, 30.0, 99.0)] == [3, 3, 3, 4, 5, 5]


def test_a_jump_counts_from_its_own_time_on() -> None:
    track = Track(0.0, 0.0)
    track.lay([(5.0, 100.0)])
    assert track.at(4.999) == 0.0
    assert track.at(5.0) == 100.0


def test_laying_anew_replaces_only_what_comes_later() -> None:
    track = Track(0.0, 0.0)
    track.lay([(0.0, 0.0), (10.0, 100.0)])
    track.lay([(5.0, 50.0), (10.0, 0.0)])
    assert [track.at(t) for t in (2.5, 5.0, 7.5, 10.0)] == [25.0, 50.0, 25.0, 0.0]


def test_forgetting_the_past_changes_nothing_from_then_on() -> None:
    track = Track(0.0, 0.0)
    track.lay([(0.0, 0.0), (1.0, 1.0), (2.0, 4.0), (3.0, 9.0)])
    expected = [track.at(1.5 + i / 10) for i in range(20)]
    track.forget_before(1.5)
    assert [track.at(1.5 + i / 10) for i in range(20)] == expected


def test_following_a_jump_takes_a_ramp_and_ends_at_the_goal() -> None:
    assert followed([(0.0, 80.0)], 0.0, 40.0) == [(0.0, 0.0), (2.0, 80.0)]


def test_following_without_a_ramp_is_the_course_itself() -> None:
    assert followed([(0.0, 1.0), (1.0, 5.0)], 0.0, 0.0) == [(0.0, 1.0), (1.0, 5.0)]


def test_a_follower_that_is_fast_enough_catches_up_and_stays() -> None:
    course = followed([(0.0, 10.0), (10.0, 20.0)], 0.0, 3.0)
    assert course == [(0.0, 0.0), (5.0, 15.0), (10.0, 20.0)]


def test_a_follower_that_is_too_slow_falls_behind_and_arrives_later() -> None:
    course = followed([(0.0, 0.0), (10.0, 100.0)], 0.0, 5.0)
    assert course == [(0.0, 0.0), (10.0, 50.0), (20.0, 100.0)]


def test_a_follower_meets_a_course_that_comes_towards_it() -> None:
    course = followed([(0.0, 30.0), (10.0, 0.0)], 0.0, 3.0)
    assert course[1] == pytest.approx((5.0, 15.0))
    assert course[-1] == (10.0, 0.0)


@pytest.mark.parametrize(
    ("knots", "whole", "above"),
    [
        ([(0.0, 2.0), (10.0, 2.0)], 20.0, 10.0),
        ([(0.0, 0.0), (10.0, 4.0)], 20.0, 10.0),
        ([(0.0, -4.0), (8.0, 4.0)], 8.0, 4.0),
        ([(0.0, 0.0), (10.0, 0.0)], 0.0, 0.0),
        ([(0.0, -1.0), (10.0, -2.0)], 0.0, 0.0),
        ([(0.0, 0.0), (5.0, 0.0), (5.0, 3.0), (7.0, 3.0)], 6.0, 2.0),
    ],
)
def test_area_and_time_above_zero(
    knots: list[tuple[float, float]], whole: float, above: float
) -> None:
    assert area(knots) == pytest.approx(whole)
    assert seconds_above_zero(knots) == pytest.approx(above)
