"""Vehicles in the simulated field: position, speed and heading are of one course."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.drivers.simulated import SimulatedDriver
from jacquemart.drivers.simulated.behaviour import behaviour_of
from jacquemart.drivers.simulated.route import Route, bearing, parse_waypoints
from jacquemart.drivers.simulated.street import StreetModel
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.territory import distance_m

LINE = "47.30 5.00; 47.31 5.00; 47.31 5.03"
ROUND = "47.30 5.00; 47.31 5.00; 47.31 5.03; 47.30 5.00"
PARTS = ("latitude", "longitude", "speed", "heading", "standing", "status")

degrees = st.tuples(
    st.floats(47.2, 47.4).map(lambda x: round(x, 4)), st.floats(4.9, 5.2).map(lambda x: round(x, 4))
)
routes = st.lists(degrees, min_size=2, max_size=8).filter(
    lambda points: all(a != b for a, b in itertools.pairwise(points))
)


def bus(seed: int = 1, device: str = "bus-1", **address: Any) -> StreetModel:
    model = StreetModel(seed)
    for part in PARTS:
        own = {"driving": 1, "standing": 2} if part == "status" else {}
        spec = PointSpec(part, address={"drives": LINE, "part": part, **own, **address})
        model.declare(device, part, behaviour_of(spec), 0.0)
    return model


def shown(model: StreetModel, now: float, device: str = "bus-1") -> dict[str, float]:
    return {part: model.true_value(f"{device}/{part}", now) for part in PARTS}


@settings(max_examples=200)
@given(routes, st.floats(1.0, 30.0), st.floats(0.0, 60.0), st.floats(0.0, 100_000.0))
def test_speed_and_heading_are_those_of_the_way_it_goes(
    points: list[tuple[float, float]], speed: float, dwell_s: float, time: float
) -> None:
    route = Route(points, speed, dwell_s)
    here, soon = route.at(time), route.at(time + 0.01)
    if here.standing:
        assert here.speed == 0.0
        assert (here.latitude, here.longitude) in points
        return
    assert here.speed == speed
    if soon.standing or soon.heading != here.heading:
        return  # it came to a waypoint in between
    gone = distance_m(here.latitude, here.longitude, soon.latitude, soon.longitude)
    assert gone == pytest.approx(speed * 0.01, rel=0.01, abs=1e-3)
    way = bearing(*route.at(time)[:2], *soon[:2])
    apart = abs((way - here.heading + 180.0) % 360.0 - 180.0)
    assert apart < 1.0 or gone < 0.05


@given(routes, st.floats(0.0, 10_000.0))
def test_it_comes_round_again(points: list[tuple[float, float]], time: float) -> None:
    route = Route(points, 8.0, 20.0)
    again = route.at(time + route.period_s)
    assert distance_m(*route.at(time)[:2], *again[:2]) < 0.01


def test_a_line_is_driven_there_and_back_and_a_round_only_round() -> None:
    there = distance_m(47.30, 5.00, 47.31, 5.00) + distance_m(47.31, 5.00, 47.31, 5.03)
    line = Route(parse_waypoints(LINE), 10.0, 30.0)
    assert line.period_s == pytest.approx(2 * there / 10.0 + 4 * 30.0)
    back = distance_m(47.31, 5.03, 47.30, 5.00)
    assert Route(parse_waypoints(ROUND), 10.0, 30.0).period_s == pytest.approx(
        (there + back) / 10.0 + 3 * 30.0
    )


def test_the_same_seed_drives_the_same_way_and_others_elsewhere() -> None:
    assert shown(bus(), 1_000.0) == shown(bus(), 1_000.0)
    assert shown(bus(), 1_000.0) != shown(bus(seed=2), 1_000.0)
    assert shown(bus(), 1_000.0) != shown(bus(device="bus-2"), 1_000.0, "bus-2")


def test_how_often_it_is_looked_at_changes_nothing() -> None:
    looked, alone = bus(), bus()
    for time in range(0, 5_000, 7):
        looked.reading("bus-1/latitude", float(time))
    assert shown(looked, 5_000.0) == shown(alone, 5_000.0)


def test_its_status_says_driving_standing_and_off_duty_by_its_timetable() -> None:
    model = bus(on_s=600.0, off_s=300.0)
    found: dict[float, int] = {}
    for second in range(9_000):
        status = model.true_value("bus-1/status", float(second))
        standing = model.true_value("bus-1/standing", float(second))
        assert status in (0.0, 2.0 if standing else 1.0)
        found[status] = found.get(status, 0) + 1
    assert found[0.0] == pytest.approx(3_000, abs=3)
    assert set(found) == {0.0, 1.0, 2.0}


def test_it_drives_on_when_it_is_off_duty() -> None:
    model = bus(on_s=1.0, off_s=1e9)
    before, after = shown(model, 2e3), shown(model, 3e3)
    assert before["status"] == after["status"] == 0.0
    assert (before["latitude"], before["longitude"]) != (after["latitude"], after["longitude"])


def test_noise_lies_around_the_truth() -> None:
    model = StreetModel(3)
    spec = PointSpec("latitude", address={"drives": LINE, "part": "latitude", "noise": 0.001})
    model.declare("bus-1", "latitude", behaviour_of(spec), 0.0)
    offs = [
        model.reading("bus-1/latitude", time) - model.true_value("bus-1/latitude", time)
        for time in map(float, range(200))
    ]
    assert max(map(abs, offs)) <= 0.001
    assert len(set(offs)) > 100


def test_a_stuck_vehicle_stays_where_it_is() -> None:
    model = bus(dwell_s=0.0)
    here = shown(model, 100.0)
    model.freeze("bus-1", 100.0)
    assert shown(model, 900.0) == here
    model.thaw("bus-1", 900.0)
    assert shown(model, 900.0) == shown(bus(dwell_s=0.0), 900.0)


def test_nothing_can_follow_what_drives() -> None:
    model = bus()
    with pytest.raises(ConfigError, match="which drives"):
        model.declare("bus-1", "x", behaviour_of(PointSpec("x", address={"follows": "speed"})), 0.0)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ({"drives": LINE}, "part"),
        ({"drives": LINE, "part": "wheels"}, "part"),
        ({"drives": "47.3 5.0", "part": "speed"}, "drives"),
        ({"drives": "47.3, 5.0; 47.4, 5.0", "part": "speed"}, "drives"),
        ({"drives": "147.3 5.0; 47.4 5.0", "part": "speed"}, "drives"),
        ({"drives": 3, "part": "speed"}, "drives"),
        ({"drives": LINE, "part": "speed", "speed": 0}, "speed"),
        ({"drives": LINE, "part": "speed", "driving": 1}, "driving"),
        ({"drives": LINE, "part": "speed", "ramp_per_s": 1}, "ramp_per_s"),
    ],
)
def test_a_wrong_address_is_told_by_its_key(address: dict[str, Any], key: str) -> None:
    found = SimulatedDriver.check_point(PointSpec("p"), address)
    assert [name for name, _, _ in found] == [key]


def test_a_point_that_drives_is_not_written() -> None:
    spec = PointSpec("p", writable=True)
    found = SimulatedDriver.check_point(spec, {"drives": LINE, "part": "speed"})
    assert [name for name, _, _ in found] == ["drives"]


def test_the_link_says_how_its_vehicles_drive() -> None:
    assert not SimulatedDriver.check_link({"driving": {"speed": 5.5, "off_s": 60}})
    wrong = SimulatedDriver.check_link({"driving": {"speed": -1, "colour": 3}})
    assert [key for key, _, _ in wrong] == ["driving.speed", "driving.colour"]
    assert math.isclose(StreetModel(1, {"speed": 5.5})._traffic._driving["speed"], 5.5)
