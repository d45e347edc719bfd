"""Doors, meters, plants and fire over any story."""

from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.actors.building.doors import Door, DoorSignals
from jacquemart.actors.building.fire import Fire, FireSystem
from jacquemart.actors.building.meters import Meter
from jacquemart.actors.building.plant import (
    OUTRANKS_MINIMUM,
    Plant,
    PlantTimes,
    restart_delay_s,
)

TIMES = PlantTimes(min_on_s=180.0, min_off_s=120.0, restart_spread_s=90.0)
unknown = st.sampled_from([True, False, None])


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(st.floats(0.0, 200.0), st.booleans(), st.integers(1, 16), st.booleans()),
        max_size=60,
    )
)
def test_a_plant_stays_on_and_off_for_its_minimum_time_unless_safety_outranks_it(story) -> None:
    plant = Plant("b/heating_plant_1", TIMES)
    now, running, since = 0.0, False, 0.0
    plant.seen(now, running)
    for pause, wanted, priority, follows in story:
        now += pause
        refusal = plant.refuses(now, priority, on=wanted)
        if wanted is running:
            assert refusal == ""
            continue
        least = TIMES.min_off_s if wanted else TIMES.min_on_s
        if priority <= OUTRANKS_MINIMUM:
            assert refusal == ""
        else:
            assert bool(refusal) is (now - since < least)
        if not refusal and follows:
            running, since = wanted, now
            plant.seen(now, running)


@given(st.text(max_size=40), st.floats(0.0, 3_600.0))
def test_a_restart_delay_lies_within_its_spread_and_is_the_same_each_time(name, spread) -> None:
    delay = restart_delay_s(name, spread)
    assert 0.0 <= delay <= spread
    assert delay == restart_delay_s(name, spread)


def test_the_restarts_of_180_buildings_are_spread_evenly() -> None:
    delays = sorted(restart_delay_s(f"dij-b{n:03d}/heating_plant_1", 120.0) for n in range(180))
    assert max(b - a for a, b in itertools.pairwise(delays)) < 10.0
    in_any_10_s = max(sum(at <= d < at + 10.0 for d in delays) for at in range(110))
    assert in_any_10_s <= 30


@settings(max_examples=150)
@given(st.lists(st.tuples(st.floats(0.0, 60.0), unknown, unknown), max_size=40))
def test_a_plant_is_restarted_only_when_it_is_wanted_does_not_run_and_its_turn_has_come(
    story,
) -> None:
    plant = Plant("b/air_plant_1", TIMES)
    plant.seen(0.0, True)
    now = 1_000.0
    plant.link_up(now)
    turn = now + restart_delay_s("b/air_plant_1", TIMES.restart_spread_s)
    stopped = None
    for pause, wanted, running in story:
        now += pause
        if running is not None:
            plant.seen(now, running)
            stopped = (stopped if stopped is not None else now) if running is False else None
        at = plant.restart(now, wanted=wanted, running=running)
        if at is not None and at <= now:
            assert wanted is True
            assert running is False
            assert now >= turn
            assert now - stopped >= TIMES.min_off_s
            assert plant.restart(now, wanted=True, running=False) is None  # once


@settings(max_examples=150)
@given(st.lists(st.tuples(st.floats(0.0, 40.0), unknown, unknown, st.booleans()), max_size=40))
def test_a_door_is_forced_and_held_only_when_it_is_and_never_while_fire_opens_it(story) -> None:
    door = Door("1", held_s=30.0)
    now, was, open_since = 0.0, None, None
    told: set[str] = set()
    for pause, opened, locked, fire in story:
        now += pause
        if door.due is not None and door.due <= now:
            facts = door.tick(now)
            assert [fact.name for fact in facts] == ["door_held"]
            assert now >= open_since + 30.0  # the door's own sum
            assert "door_held" not in told
            told.add("door_held")
        facts = door.look(now, DoorSignals(opened, locked), released=fire)
        names = [fact.name for fact in facts]
        if opened is False:
            assert names == (["door_shut"] if told else [])
            told = set()
        if opened is True and (was is not True or fire):
            open_since = now
        for name in names:
            if name == "door_forced":
                assert was is False
                assert locked is True
                assert not fire
            if name != "door_shut":
                assert name not in told
                told.add(name)
        was = opened


def test_a_door_whose_controller_says_that_it_was_forced_is_believed() -> None:
    door = Door("3", held_s=0.0)
    assert door.look(0.0, DoorSignals(False, None, False), released=False) == []
    facts = door.look(1.0, DoorSignals(True, None, True), released=False)
    assert [(fact.name, fact.detail) for fact in facts] == [("door_forced", {"door": "3"})]
    assert door.due is None


@settings(max_examples=150)
@given(st.lists(st.floats(0.0, 1_000.0), min_size=1, max_size=40), st.sampled_from([1_000.0, None]))
def test_a_counter_that_goes_back_is_told_once_and_as_what_it_is(readings, top) -> None:
    meter = Meter("meter_water_1", top)
    last = math.inf
    for value in readings:
        facts = meter.look(value)
        went_back = last is not math.inf and value < last
        assert len(facts) == (1 if went_back else 0)
        if went_back:
            fact = facts[0]
            rolled = top is not None and last >= 900.0 and value <= 100.0
            assert fact.name == ("meter_rolled_over" if rolled else "meter_reset")
            assert fact.detail["before"] == last
            assert fact.detail["after"] == value
            if rolled:
                assert math.isclose(fact.detail["used"], top - last + value)
        last = value


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(st.sampled_from(["fire_alarm_1", "fire_alarm_2", "fire_fault_1",
                                   "fire_disablement_1", "fire_pressure_1"]), unknown),
        max_size=40,
    )
)  # fmt: skip
def test_a_fire_alarm_is_told_at_once_and_ends_only_when_its_point_says_so(story) -> None:
    system = FireSystem(present=True)
    on: set[str] = set()
    for point, shown in story:
        rising = shown is True and point not in on and point.startswith("fire_alarm_")
        names = [fact.name for fact in system.look({point: shown})]
        if shown is not None:
            (on.add if shown else on.discard)(point)
        assert ("fire_alarm" in names) is rising
        assert system.alarm is any(name.startswith("fire_alarm_") for name in on)


def test_a_building_without_a_fire_system_does_not_show_quiet() -> None:
    assert FireSystem(present=False).state is Fire.ABSENT
    assert FireSystem(present=True).state is Fire.QUIET
