"""Approach detection: what positions say of who comes to a stop line, and what they must not."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.actors.priority.approach import (
    Approach,
    CheckedIn,
    CheckedOut,
    Comes,
    Detection,
    Fix,
    Gone,
    Halt,
    Tidings,
)
from jacquemart.actors.priority.approach.arrival import arrival
from jacquemart.actors.priority.approach.plane import Plane, Way, metres_between
from jacquemart.runtime.model.errors import ConfigError

LAT, LON = 47.322, 5.041
PLANE = Plane(LAT, LON)
A_METRE = 1.0 / 111_195.08


def north(metres: float, east: float = 0.0) -> tuple[float, float]:
    return LAT + metres * A_METRE, LON + east * A_METRE / math.cos(math.radians(LAT))


#: 400 m due north, a stop 100 m before the line.
AVENUE = Approach("avenue", "darcy", "north", (north(0), north(400)), frozenset({"5"}),
                  (Halt(100.0, 20.0, 5.0),))  # fmt: skip


class Street:
    """Positions of vehicles on the avenue, once a second."""

    def __init__(self, *approaches: Approach, **options: Any) -> None:
        self.detection = Detection(approaches or (AVENUE,), **options)
        self.now = 1_000_000
        self.told: list[Tidings] = []

    def at(self, metres: float, speed: float = 10.0, wait: float = 1.0, **more: Any) -> None:
        self.now += round(wait * 1_000)
        lat, lon = north(metres, more.pop("east", 0.0))
        age = more.pop("age_ms", 0)
        fix = Fix("bus-1", self.now - age, self.now, lat, lon, 5.0, speed, 0.0, line="5")
        self.told += self.detection.seen(replace(fix, **more))

    def drive(self, begin: float, end: float, speed: float = 10.0, **more: Any) -> None:
        metres = begin
        while (metres - end) * speed < 0:
            self.at(metres, abs(speed), **more)
            metres += speed

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.now += 1_000
            self.told += self.detection.tick(self.now)

    def words(self) -> list[str]:
        names = [type(one).__name__ for one in self.told]
        return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]

    def gone(self) -> list[Gone]:
        return [one.why for one in self.told if isinstance(one, CheckedOut)]


def test_a_bus_checks_in_comes_nearer_and_checks_out_behind_the_line() -> None:
    street = Street()
    street.drive(-50, 420)
    assert street.words() == ["CheckedIn", "Comes", "CheckedOut"]
    assert street.gone() == [Gone.PASSED]
    first = street.told[0]
    assert isinstance(first, CheckedIn)
    assert first.approach.group == "north"
    assert first.at_ms <= 1_000_000 + 7_000


def test_the_time_of_arrival_is_kept_between_its_earliest_and_its_latest() -> None:
    street = Street(replace(AVENUE, halts=()))
    street.drive(-50, 420)
    passed = street.told[-1].at_ms
    for one in street.told:
        if not isinstance(one, CheckedOut):
            left = (passed - one.at_ms) / 1_000
            assert one.arrival.earliest_s <= left + 1.0
            assert left - 1.0 <= one.arrival.latest_s
            assert abs(one.arrival.expected_s - left) < 3.0


def test_a_bus_at_its_stop_comes_later_and_one_whose_doors_have_shut_comes_soon() -> None:
    street = Street()
    street.drive(0, 300)
    before = street.told[-1]
    street.at(300, 0.0, door_open=True)
    boarding = street.told[-1]
    street.at(300, 0.0, door_open=False)
    leaving = street.told[-1]
    assert isinstance(before, Comes)
    assert isinstance(boarding, Comes)
    assert isinstance(leaving, Comes)
    assert boarding.arrival.expected_s > 25.0
    assert leaving.arrival.expected_s < boarding.arrival.expected_s - 15.0
    street.drive(310, 330)
    behind = street.told[-1]
    assert isinstance(behind, Comes)
    assert behind.arrival.doubt_s < before.arrival.doubt_s


def test_who_waits_in_the_queue_at_red_could_come_in_a_moment() -> None:
    found = arrival(20.0, 5.0, 0.0, 10.0, (), queue_m=60.0, stood_s=30.0)
    assert found.expected_s < 10.0
    braking = arrival(40.0, 5.0, 3.0, 10.0, (), queue_m=60.0)
    assert braking.expected_s < 8.0, "that it brakes says nothing of when it could come"


def test_a_bus_that_stands_still_on_the_way_is_given_up_and_one_at_red_is_not() -> None:
    street = Street(replace(AVENUE, halts=()))
    street.drive(0, 150)
    for _ in range(60):
        street.at(150, 0.0)
    assert street.gone() == [Gone.STANDS]
    street.drive(160, 200)
    assert street.words()[-1] == "CheckedOut", "who was given up does not check in there again"
    queue = Street(replace(AVENUE, halts=()))
    queue.drive(0, 380)
    for _ in range(90):
        queue.at(385, 0.0)
    assert queue.gone() == []


def test_a_bus_that_goes_backwards_is_cancelled() -> None:
    street = Street()
    street.drive(0, 200)
    for metres in range(195, 120, -5):
        street.at(metres, 5.0, heading_deg=math.nan)
    assert street.gone() == [Gone.BACKWARDS]


def test_a_bus_that_drives_the_other_way_never_checks_in() -> None:
    street = Street()
    for metres in range(400, 0, -10):
        street.at(metres, 10.0, heading_deg=180.0)
    assert street.told == []


def test_a_bus_that_teleports_is_cancelled_at_once_and_begins_anew_where_two_positions_agree() -> (
    None
):
    street = Street()
    street.drive(0, 100)
    street.at(5_000)
    assert street.gone() == [Gone.JUMPED]
    street.at(110)
    assert street.words() == ["CheckedIn", "Comes", "CheckedOut"], "that is a jump, too"
    street.at(120)
    assert street.words()[-1] == "CheckedIn"


def test_two_vehicles_with_one_id_hold_no_green_until_that_is_over_for_a_while() -> None:
    street = Street()
    for second in range(30):
        street.at(10 * second, wait=0.5)
        street.at(3_000 + 10 * second, wait=0.5)
    checked_in = [one for one in street.told if isinstance(one, CheckedIn)]
    assert len(checked_in) <= 1
    assert set(street.gone()) <= {Gone.JUMPED, Gone.JUMPING}
    before = len(street.told)
    street.drive(0, 300)
    assert len(street.told) == before, "it is left alone for a minute"
    street.now += 70_000
    street.drive(0, 200)
    assert street.words()[-1] == "Comes"


def test_one_vehicle_in_two_feeds_is_one_vehicle() -> None:
    street = Street()
    for second in range(20):
        street.at(10 * second, wait=0.5, feed="radio")
        street.at(10 * second - 8, wait=0.5, feed="modem")
    assert len([one for one in street.told if isinstance(one, CheckedIn)]) == 1
    assert street.gone() == []
    street.wait(9)
    street.at(380, feed="modem")
    assert street.gone() == [], "the other feed speaks when the first one is silent"


def test_feeds_that_put_one_id_in_two_places_make_it_jump() -> None:
    street = Street()
    for second in range(10):
        street.at(10 * second, wait=0.5, feed="radio")
        street.at(2_000, wait=0.5, feed="modem")
    assert Gone.JUMPING in street.gone() or Gone.JUMPED in street.gone()
    assert len([one for one in street.told if isinstance(one, CheckedIn)]) <= 3


def test_a_position_that_grows_old_ends_it_with_nothing_more_heard() -> None:
    street = Street()
    street.drive(0, 200)
    street.wait(9)
    assert street.gone() == []
    street.wait(3)
    assert street.gone() == [Gone.OLD]


def test_a_vehicle_that_is_not_heard_any_more_is_forgotten_and_its_place_with_it() -> None:
    street = Street()
    street.drive(0, 200)
    street.wait(100)
    assert list(street.detection._tracks) == ["bus-1"]
    street.wait(30)
    assert street.detection._tracks == {}
    assert street.gone() == [Gone.OLD]


def test_positions_that_come_too_late_or_in_the_wrong_order_say_nothing() -> None:
    street = Street()
    street.at(100, age_ms=11_000)
    assert street.told == []
    street.drive(100, 200)
    count = len(street.told)
    street.at(100, age_ms=8_000, wait=0.1)
    assert len(street.told) == count


def test_a_clock_that_is_ahead_does_not_make_a_position_younger() -> None:
    street = Street()
    street.at(100, age_ms=-3_600_000)
    street.at(110, age_ms=-3_600_000)
    street.wait(12)
    assert street.gone() == [Gone.OLD]


def test_who_turns_away_before_the_line_is_cancelled_and_not_counted_as_passed() -> None:
    street = Street()
    street.drive(0, 200)
    for east in (20, 40, 60):
        street.at(200, 10.0, east=east, heading_deg=90.0)
    assert street.gone() == [Gone.LEFT]


def test_who_turns_right_at_the_line_has_passed_it() -> None:
    street = Street()
    street.drive(0, 399)
    for east in (10, 25, 40):
        street.at(401, 8.0, east=east, heading_deg=90.0)
    assert street.gone() == [Gone.PASSED]


def test_a_bus_of_another_line_is_none_of_this_approach() -> None:
    street = Street()
    street.drive(0, 300, line="6")
    assert street.told == []


@pytest.mark.parametrize("duty", [False, None])
def test_who_is_not_known_to_be_on_duty_is_not_followed(duty: bool | None) -> None:
    street = Street()
    street.drive(0, 300, on_duty=duty)
    assert street.told == []
    street.drive(0, 100)
    street.at(110, on_duty=duty)
    assert street.gone() == [Gone.OFF_DUTY]
    assert street.detection._tracks == {}, "nothing is remembered of it"


@pytest.mark.parametrize(
    "broken",
    [{"lat": math.nan}, {"lon": math.inf}, {"lat": 91.0}, {"accuracy_m": 200.0}],
)
def test_what_is_no_place_is_no_position(broken: dict[str, float]) -> None:
    street = Street()
    street.drive(0, 100)
    count = len(street.told)
    street.at(110, **broken)
    assert len(street.told) == count


NUMBERS = st.one_of(st.floats(-500, 900), st.just(math.nan), st.floats())
ODD = st.tuples(
    NUMBERS, NUMBERS, st.floats(), st.floats(), st.floats(-20_000, 20_000),
    st.sampled_from([True, True, False, None]), st.sampled_from(["", "a", "b"]),
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(ODD, max_size=40))
def test_whatever_positions_say_each_check_in_has_one_check_out(rows: Any) -> None:
    street = Street()
    inside: dict[str, bool] = {}
    for along, east, speed, heading, age, duty, feed in rows:
        street.told.clear()
        lat, lon = north(along, east)
        street.at(0, lat=lat, lon=lon, speed_mps=speed, heading_deg=heading, age_ms=round(age),
                  on_duty=duty, feed=feed)  # fmt: skip
        for one in street.told:
            on = inside.get(one.approach.id, False)
            assert on is not isinstance(one, CheckedIn)
            inside[one.approach.id] = not isinstance(one, CheckedOut)
            if not isinstance(one, CheckedOut):
                comes = one.arrival
                assert 0.0 <= comes.earliest_s <= comes.latest_s < 3_600.0
                assert comes.earliest_s <= comes.expected_s + 1e-9
    street.wait(20)
    assert all(track.laid is None for track in street.detection._tracks.values())


@given(st.floats(-2_000, 2_000), st.floats(-2_000, 2_000))
def test_a_place_on_a_way_is_the_nearest_of_many_tried(x: float, y: float) -> None:
    way = Way([(0.0, 0.0), (300.0, 0.0), (300.0, 400.0), (-100.0, 700.0)])
    spot = way.spot(x, y)
    tried = min(
        math.hypot(x - px, y - py)
        for (ax, ay), (bx, by) in pairwise(way.points)
        for px, py in [(ax + (bx - ax) * k / 200, ay + (by - ay) * k / 200) for k in range(201)]
    )
    assert spot.beside_m <= tried + 1e-6
    assert spot.along_m >= 0.0


def test_the_plane_is_true_to_a_thousandth_within_a_city() -> None:
    for metres in (-8_000, 3_000, 8_000):
        point = north(metres, metres)
        x, y = PLANE.at(*point)
        assert math.hypot(x, y) == pytest.approx(metres_between(LAT, LON, *point), rel=1e-3)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"path": (north(0),)}, "path: found 1 points"),
        ({"path": (north(0), north(3_000))}, "length of 3000 m"),
        ({"path": (north(0), (math.nan, 5.0))}, r"path\[1\]"),
        ({"width_m": 1.0}, "width_m: found 1.0; allowed: 3 to 100"),
        ({"halts": (Halt(900.0),)}, r"halts\[0\].before_m: found 900.0; allowed: 0 to 400"),
        ({"group": ""}, "group: found nothing"),
    ],
)
def test_a_wrong_declaration_says_what_and_what_is_allowed(wrong: Any, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        replace(AVENUE, **wrong)


def test_two_approaches_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="twice"):
        Detection([AVENUE, AVENUE])
