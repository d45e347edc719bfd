"""Sensors: what they count, what they tell, and what they tell of themselves."""

from __future__ import annotations

import pytest

from jacquemart.actors.sensing import EnvironmentalSensor
from jacquemart.actors.traffic import TrafficSensor
from jacquemart.runtime.city import CityErrors
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.kinds import KindBench, template_of


def air(**options: object) -> KindBench:
    template = template_of(EnvironmentalSensor, members=("",), options=options)
    return KindBench(EnvironmentalSensor, template, start={"battery": 90.0})


def test_the_flow_is_what_passed_in_the_last_minute() -> None:
    with KindBench(TrafficSensor, start={"count": 100.0}) as loop:
        loop.advance(60.5)
        assert loop.quality("flow") is Quality.STALE_AGE, "one look says nothing of a flow"
        loop.reading("count", 112.0)
        loop.advance(60.0)
        assert loop.value("flow") == pytest.approx(720.0)


def test_a_counter_that_begins_anew_counts_from_nothing() -> None:
    with KindBench(TrafficSensor, start={"count": 1_000.0}) as loop:
        loop.advance(60.5)
        loop.reading("count", 5.0)
        loop.advance(60.0)
        assert loop.value("flow") == pytest.approx(300.0)


def test_a_count_that_is_not_heard_makes_no_flow() -> None:
    with KindBench(TrafficSensor, start={"count": 10.0}) as loop:
        loop.advance(121.0)
        assert loop.value("flow") == 0.0
        loop.reading("count", 10.0, Quality.BAD_DEVICE)
        loop.advance(60.0)
        assert loop.quality("flow") is Quality.STALE_AGE


def test_a_loop_that_is_occupied_without_a_pause_is_stuck() -> None:
    with KindBench(TrafficSensor) as loop:
        loop.reading("occupancy", 100.0)
        loop.advance(600.0)
        loop.reading("occupancy", 40.0)
        loop.reading("occupancy", 99.5)
        loop.advance(840.0)
        assert (loop.said, loop.value("stuck")) == ([], 0.0)
        loop.advance(120.0)
        assert (loop.said, loop.value("stuck")) == (["detector_stuck"], 1.0)
        loop.reading("occupancy", 98.0)
        assert (loop.said, loop.value("stuck")) == (["detector_stuck", "detector_free"], 0.0)


def test_a_limit_is_told_once_above_it_and_once_well_below_it() -> None:
    with air(limits={"no2": 200}) as sensor:
        for value in (199.0, 201.0, 199.0, 202.0, 191.0, 189.9, 199.0):
            sensor.reading("no2", value)
        assert [(event.name, event.detail) for event in sensor.events] == [
            ("limit_exceeded", {"point": "no2", "value": 201.0}),
            ("limit_exceeded_no_more", {"point": "no2", "value": 189.9}),
        ]


def test_a_bad_reading_exceeds_nothing() -> None:
    with air(limits={"no2": 200}) as sensor:
        sensor.reading("no2", 500.0, Quality.BAD_DEVICE)
        assert sensor.said == []


def test_a_low_battery_is_told_once() -> None:
    with air() as sensor:
        for charge in (16.0, 14.0, 15.5, 14.5, 17.0):
            sensor.reading("battery", charge)
        assert sensor.said == ["battery_low", "battery_low_no_more"]


def test_a_value_that_does_not_move_for_hours_is_frozen_and_no_other() -> None:
    with air(unchanged_h=2) as sensor:
        for step in range(30):
            sensor.reading("noise", 50.0 + step % 2)
            sensor.advance(300.0)
        frozen = {event.detail["point"] for event in sensor.events}
        assert {event.name for event in sensor.events} == {"value_frozen"}
        assert "noise" not in frozen
        assert {"no2", "temperature"} <= frozen
        assert sensor.value("frozen") == len(frozen) == 7, "all but noise and rain"
        sensor.reading("no2", 1.0)
        assert sensor.said[-1] == "moving_again"
        assert sensor.value("frozen") == 6.0


def test_a_day_without_rain_is_no_fault_and_rain_that_never_ends_is_one() -> None:
    with air() as sensor:
        sensor.reading("rain", 0.0)
        sensor.advance(24 * 3_600.0)
        assert "rain" not in {event.detail["point"] for event in sensor.events}
        sensor.reading("rain", 2.5)
        sensor.advance(7 * 3_600.0)
        assert [e.name for e in sensor.events if e.detail["point"] == "rain"] == ["value_frozen"]


def test_a_sensor_that_is_not_heard_is_not_frozen() -> None:
    with air(unchanged_h=2) as sensor:
        sensor.field.there = False
        sensor.advance(20_000.0)
        assert sensor.said == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"limits": {"no2": "high"}}, "options.limits.no2"),
        ({"limits": {"no3": 5}}, "options.limits.no3"),
        ({"limits": 5}, "options.limits"),
        ({"limit": {}}, "options.limit"),
        ({"unchanged_h": 0}, "options.unchanged_h"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], says: str) -> None:
    with pytest.raises(CityErrors, match=says):
        air(**options)
