"""A vehicle at a border does not flap, and never stays in a zone that it has left."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.actors.fleet.presence import LEAVE_M, LEAVE_S, OUTSIDE, Move, Presence
from jacquemart.runtime.model.city import ZoneSpec
from jacquemart.runtime.model.territory import Territory

ZONES = ("a", "b", OUTSIDE)


def told(moves: list[Move]) -> None:
    """Every move begins where the one before has ended."""
    at: str | None = None
    for move in moves:
        assert move.left == at
        assert move.entered != at
        at = move.entered


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.floats(0.1, 40.0), st.sampled_from(ZONES), st.floats(0.0, 200.0)),
            st.sampled_from(("lost", "ended")),
        ),
        max_size=60,
    )
)
def test_moves_follow_each_other_and_nobody_stays_where_he_is_not(
    steps: list[tuple[float, str, float] | str],
) -> None:
    presence, now, moves = Presence(), 0.0, list[Move]()
    outside_since: float | None = None
    for step in steps:
        if step == "lost":
            presence.lost()
            outside_since = None
            assert presence.zone is None
            continue
        if step == "ended":
            presence.ended()
            told(moves)
            moves.clear()
            outside_since = None
            continue
        assert isinstance(step, tuple)
        passed, here, apart = step
        now += passed
        before = presence.zone
        move = presence.seen(now, here, 0.0 if here == before else apart)
        moves += [move] if move is not None else []
        if presence.zone == here:
            outside_since = None
            continue
        outside_since = now if outside_since is None else outside_since
        assert presence.zone == before != OUTSIDE
        assert apart < LEAVE_M
        assert now - outside_since < LEAVE_S
    told(moves)


@given(st.lists(st.floats(-LEAVE_M * 0.9, LEAVE_M * 0.9), min_size=2, max_size=80))
def test_a_vehicle_that_swings_across_a_border_stays_in_its_zone(swings: list[float]) -> None:
    presence = Presence()
    presence.seen(0.0, "a", 0.0)
    for second, metres in enumerate(swings):
        inside_first = second % 3 == 0  # never outside for long
        out = metres > 0.0 and not inside_first
        assert presence.seen(5.0 * second, "b" if out else "a", max(metres, 0.0)) is None
    assert presence.zone == "a"


def test_well_behind_the_border_it_leaves_at_once_and_near_it_after_a_while() -> None:
    presence = Presence()
    assert presence.seen(0.0, "a", 0.0) == Move(None, "a")
    assert presence.seen(1.0, "b", LEAVE_M) == Move("a", "b")
    assert presence.seen(2.0, "a", 1.0) is None
    assert presence.seen(2.0 + LEAVE_S, "a", 1.0) == Move("b", "a")


def test_who_comes_from_outside_is_in_the_zone_with_its_first_position() -> None:
    presence = Presence()
    presence.seen(0.0, OUTSIDE, math.inf)
    assert presence.seen(1.0, "a", math.inf) == Move(OUTSIDE, "a")


def test_a_lost_word_is_no_move_and_the_end_of_a_duty_is_forgotten() -> None:
    presence = Presence()
    presence.seen(0.0, "a", 0.0)
    presence.lost()
    assert presence.seen(60.0, "a", 0.0) is None
    presence.lost()
    assert presence.seen(90.0, "b", 500.0) == Move("a", "b")
    presence.ended()
    assert presence.seen(120.0, "b", 0.0) == Move(None, "b")


def test_a_territory_says_how_far_outside_of_one_zone_a_point_lies() -> None:
    west, east = shapely.box(5.00, 47.0, 5.01, 47.01), shapely.box(5.01, 47.0, 5.02, 47.01)
    territory = Territory(
        [ZoneSpec("w", outline=shapely.to_wkb(west)), ZoneSpec("e", outline=shapely.to_wkb(east))]
    )
    degree_m = 111_195.0 * math.cos(math.radians(47.005))
    assert territory.apart("w", 47.005, 5.011) == pytest.approx(0.001 * degree_m, rel=0.01)
    assert territory.apart("e", 47.005, 5.011) == 0.0
    assert territory.apart("w", 47.005, 5.01) == 0.0
    assert territory.apart("nowhere", 47.005, 5.01) == math.inf
    assert territory.apart("w", math.nan, 5.01) == math.inf


L_SHAPE = shapely.Polygon(
    [(5.0, 47.0), (5.03, 47.0), (5.03, 47.01), (5.01, 47.01), (5.01, 47.03), (5.0, 47.03)]
).difference(shapely.box(5.004, 47.004, 5.006, 47.006))


@settings(max_examples=300)
@given(
    st.floats(46.995, 47.035), st.floats(4.995, 5.035), st.floats(0.0, 360.0), st.floats(0.0, 1.0)
)
def test_who_moves_less_than_there_is_room_is_still_in_the_zone(
    lat: float, lon: float, way: float, share: float
) -> None:
    territory = Territory([ZoneSpec("l", outline=shapely.to_wkb(L_SHAPE))])
    room = territory.room("l", lat, lon)
    if not territory.zone_at(lat, lon):
        assert room == 0.0
        return
    metres = room * share
    north, east = metres * math.cos(math.radians(way)), metres * math.sin(math.radians(way))
    degree = 111_195.0
    there = lat + north / degree, lon + east / (degree * math.cos(math.radians(lat)))
    assert territory.zone_at(*there) == "l"
    assert territory.room("nowhere", lat, lon) == 0.0
