"""A building on a bench, in virtual time: as its own panel, and with one in the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from jacquemart.actors.building import Building
from jacquemart.actors.building.intrusion import State
from jacquemart.runtime.actor import Ticket
from jacquemart.runtime.city import load_city
from jacquemart.runtime.city.problems import CityErrors
from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.kinds import Answers, KindBench, template_of

OWN = ("intrusion_zone_1", "intrusion_detector_101", "intrusion_detector_102",
       "intrusion_detector_103", "intrusion_tamper_1")  # fmt: skip
FIELD = ("intrusion_state_1", "intrusion_set_1", "intrusion_arm_1", "intrusion_inhibit_1",
         "intrusion_inhibited_1", "intrusion_fault_1")  # fmt: skip
REST = ("heating_plant_1", "heating_running_1", "heating_setpoint_1", "meter_water_1",
        "door_open_1", "door_locked_1", "door_lock_1", "fire_alarm_1", "fire_fault_1")  # fmt: skip
OPTIONS = {"entry_route": [101], "exit_s": 45, "entry_s": 30, "door_held_s": 60}


def template(*points: str, **options: object) -> TemplateSpec:
    """Return a template with these points and no others."""
    whole = template_of(
        Building,
        members={"intrusion_detector_*": ("101",)},
        options={**OPTIONS, **options},
        points={point: {} for point in points},
    )
    kept = [p for p in whole.points if p.name in points or p in Building.derived_points]
    return TemplateSpec(whole.name, whole.kind, whole.driver, tuple(kept), whole.options)


def own_panel(**options: object) -> KindBench:
    return KindBench(Building, template(*OWN, *REST, **options))


def field_panel(**options: object) -> KindBench:
    return KindBench(Building, template(*OWN, *FIELD, *REST, **options))


def shows(bench: KindBench) -> State:
    return State(int(bench.value("intrusion_zone_1")))


def ended(ticket: Ticket, status: Status, words: str = "") -> None:
    assert ticket.outcome is not None
    assert ticket.outcome.status is status, ticket.outcome
    assert words in ticket.outcome.detail


def test_a_building_without_a_panel_arms_itself_after_the_exit_time() -> None:
    with own_panel() as bench:
        ended(bench.command("arm", 1), Status.APPLIED)
        assert shows(bench) is State.EXIT_DELAY
        bench.advance(44.0)
        assert shows(bench) is State.EXIT_DELAY
        bench.advance(2.0)
        assert shows(bench) is State.ARMED
        assert bench.said == ["intrusion_armed"]
        assert bench.writes == []


def test_who_comes_by_the_entry_route_has_the_entry_time_and_others_have_none() -> None:
    with own_panel() as bench:
        bench.command("arm", 1)
        bench.advance(46.0)
        bench.reading("intrusion_detector_101", 1.0)
        assert shows(bench) is State.ENTRY_DELAY
        bench.advance(20.0)
        ended(bench.command("disarm", 1), Status.APPLIED)
        assert "intrusion_alarm" not in bench.said
        bench.reading("intrusion_detector_101", 0.0)
        bench.command("arm", 1)
        bench.advance(46.0)
        bench.reading("intrusion_detector_102", 1.0)
        assert shows(bench) is State.ALARM
        assert bench.events[-1].detail == {"intrusion_zone": 1, "detector": 102}
        assert bench.events[-1].severity == 2


def test_an_entry_time_that_runs_out_is_an_alarm_and_three_activations_confirm_it() -> None:
    with own_panel() as bench:
        bench.command("arm", 1)
        bench.advance(46.0)
        bench.reading("intrusion_detector_101", 1.0)
        bench.advance(31.0)
        assert shows(bench) is State.ALARM
        for _ in range(2):
            bench.reading("intrusion_detector_101", 0.0)
            bench.advance(60.0)
            bench.reading("intrusion_detector_101", 1.0)
        assert shows(bench) is State.CONFIRMED
        assert bench.said[-1] == "intrusion_confirmed"


def test_a_detector_that_is_not_heard_keeps_a_zone_from_being_armed_until_it_is_inhibited() -> None:
    with own_panel() as bench:
        bench.reading("intrusion_detector_103", 0.0, Quality.BAD_UNIT)
        ended(bench.command("arm", 1), Status.REJECTED, "103 is unknown")
        ended(bench.command("inhibit", 103), Status.APPLIED)
        ended(bench.command("arm", 1), Status.APPLIED)


def test_an_armed_zone_stays_armed_when_a_handler_fails_and_when_it_moves() -> None:
    with own_panel() as bench:
        bench.command("arm", 1)
        bench.advance(46.0)
        saved = bench.actor.save()
        bench.actor.on_start()
        bench.advance(1.0)
        assert shows(bench) is State.ARMED
    with own_panel() as other:
        other.actor.load(saved)
        other.advance(1.0)
        other.reading("intrusion_detector_102", 1.0)
        assert shows(other) is State.ALARM


def test_a_panel_in_the_field_is_written_and_believed() -> None:
    with field_panel() as bench:
        ended(bench.command("arm", 1), Status.APPLIED)
        assert bench.writes == [("intrusion_arm_1", 1.0)]
        assert shows(bench) is State.DISARMED  # until the panel says otherwise
        bench.reading("intrusion_state_1", State.ARMED)
        assert shows(bench) is State.ARMED
        bench.answers(Answers.IGNORES)
        ticket = bench.command("disarm", 1)
        bench.advance(10.0)
        ended(ticket, Status.FAILED)
        assert shows(bench) is State.ARMED


def test_a_panel_that_is_lost_takes_its_state_with_it() -> None:
    with field_panel() as bench:
        bench.reading("intrusion_state_1", State.ARMED)
        bench.link(False)
        bench.advance(10.0)
        assert bench.quality("intrusion_zone_1") is Quality.BAD_COMM
        assert bench.quality("fire") is Quality.BAD_COMM
        ended(bench.command("disarm", 1), Status.REJECTED)


def test_an_inhibition_keeps_those_that_there_are_and_is_proven_by_the_panel() -> None:
    with field_panel() as bench:
        bench.reading("intrusion_inhibited_1", 0b001)
        ended(bench.command("inhibit", 103), Status.APPLIED)
        assert bench.writes == [("intrusion_inhibit_1", 0b101)]
        ended(bench.command("restore", 101), Status.APPLIED)
        assert bench.writes[-1] == ("intrusion_inhibit_1", 0b100)
        ended(bench.command("isolate", 101), Status.REJECTED, "has no intrusion_isolate_1")


def test_a_plant_is_held_for_its_minimum_time_but_not_against_life_safety() -> None:
    with own_panel(plant_min_on_s=180, plant_min_off_s=120) as bench:
        bench.advance(121.0)
        ended(bench.set("heating_plant_1", 1), Status.APPLIED)
        bench.advance(10.0)
        ended(bench.set("heating_plant_1", 0), Status.REJECTED, "possible in 1")
        ended(bench.set("heating_plant_1", 0, priority=2), Status.APPLIED)
        assert bench.writes == [("heating_plant_1", 1.0), ("heating_plant_1", 0.0)]


def test_a_plant_that_stands_still_after_a_power_failure_is_started_once_in_its_turn() -> None:
    with own_panel(plant_min_off_s=0, plant_min_on_s=0, restart_spread_s=300) as bench:
        bench.set("heating_plant_1", 1)
        bench.advance(1.0)
        bench.link(False)
        bench.advance(30.0)
        bench.field.values["heating_running_1"] = 0.0
        bench.link(True)
        began = bench.loop.time()
        bench.advance(700.0)
        assert bench.writes == [("heating_plant_1", 1.0)] * 2
        assert bench.said[-1] == "plant_restarted"
        assert bench.field.times_s[-1] <= began + 300.0


def test_a_plant_that_nobody_wants_stays_off_after_a_power_failure() -> None:
    with own_panel(plant_min_off_s=0, restart_spread_s=10) as bench:
        bench.link(False)
        bench.advance(30.0)
        bench.link(True)
        bench.advance(700.0)
        assert bench.writes == []


def test_a_door_that_stays_open_is_told_after_a_minute_and_once() -> None:
    with own_panel() as bench:
        bench.reading("door_open_1", 1.0)
        bench.advance(59.0)
        assert bench.said == []
        bench.advance(300.0)
        assert bench.said == ["door_held"]
        assert bench.value("doors_open") == 1.0
        bench.reading("door_open_1", 0.0)
        assert bench.said == ["door_held", "door_shut"]


def test_a_meter_that_goes_back_is_told_and_its_reading_is_uncertain() -> None:
    with own_panel() as bench:
        bench.reading("meter_water_1", 500.0)
        bench.reading("meter_water_1", 3.0)
        assert bench.said == ["meter_reset"]
        assert bench.events[0].detail["before"] == 500.0
        assert bench.quality("meter_water_1") is Quality.UNCERTAIN


def test_fire_is_told_at_once_and_stays_when_another_fire_point_is_lost() -> None:
    with own_panel() as bench:
        bench.reading("fire_alarm_1", 1.0)
        assert (bench.said, bench.value("fire")) == (["fire_alarm"], 4.0)
        bench.reading("fire_fault_1", 0.0, Quality.BAD_DEVICE)
        assert bench.quality("fire") is Quality.GOOD
        ended(bench.set("fire_alarm_1", 0), Status.REJECTED, "cannot be written")
        assert bench.set("fire", 1).outcome.reason == Reason.NOT_WRITABLE


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ({"intrusion_detector_117": {}}, "a detector n01 to n16"),
        ({"intrusion_detector_201": {}}, "intrusion_zone_2 beside it"),
        ({"intrusion_detector_101": {}}, "which are the same detector"),
        ({"door_locked_9": {}}, "door_open_9 beside it"),
        ({"fire_alarm_1": {"writable": True}}, "false"),
        ({"heating_setpoint_1": {"range": [5, 40]}}, "<= 30"),
    ],
)
def test_a_template_whose_points_do_not_fit_each_other_is_refused(
    points: dict[str, dict[str, object]], words: str
) -> None:
    with pytest.raises(CityErrors) as caught:
        template_of(Building, points=points)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("exit_s", -1, "0 to 3600"),
        ("entry_s", "long", "seconds"),
        ("confirm_activations", 1, "2 to 100"),
        ("entry_route", "101", "[101, 201]"),
        ("exit_delay", 5, "one of exit_s"),
    ],
)
def test_an_option_that_is_wrong_is_refused(option: str, value: object, words: str) -> None:
    with pytest.raises(CityErrors) as caught:
        template_of(Building, options={option: value})
    assert words in str(caught.value)


def test_the_template_of_the_guide_is_one_that_loads(tmp_path: Path) -> None:
    guide = Path(__file__).resolve().parents[2] / "docs" / "guides" / "buildings.md"
    snippet = guide.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    city = tmp_path / "city.toml"
    city.write_text('[city]\nid = "c"\n[zones]\nz = {}\n' + snippet, encoding="utf-8")
    template = load_city(city).templates["school"]
    assert template.points[template.point_index("heating_plant_1")].feedback == "heating_running_1"


def test_in_a_fire_no_door_is_locked_and_every_one_can_be_unlocked() -> None:
    with own_panel() as bench:
        ended(bench.set("door_lock_1", 1.0), Status.APPLIED)
        bench.reading("fire_alarm_1", 1.0)
        ended(bench.set("door_lock_1", 0.0), Status.APPLIED)
        ended(bench.set("door_lock_1", 1.0), Status.REJECTED, "fire alarm")
        bench.reading("fire_alarm_1", 1.0, Quality.STALE_AGE)
        ended(bench.set("door_lock_1", 1.0), Status.REJECTED, "fire alarm")
        bench.reading("fire_alarm_1", 0.0)
        ended(bench.set("door_lock_1", 1.0), Status.APPLIED)
