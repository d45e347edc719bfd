"""Buses and service vehicles, each alone with its link: duty, zones, age, tasks."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import shapely

from jacquemart.actors.fleet import Bus, ServiceVehicle
from jacquemart.runtime.actor import DeviceActor
from jacquemart.runtime.model.city import TemplateSpec, ZoneSpec
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.territory import Territory
from jacquemart.runtime.testing.kinds import Card, KindBench, cards, template_of

WEST, EAST, OUTSIDE = (47.005, 5.005), (47.005, 5.015), (47.005, 5.035)
#: Eleven metres behind the border of west and east, on the eastern side.
JUST_EAST = (47.005, 5.01015)
TERRITORY = Territory(
    [
        ZoneSpec("west", outline=shapely.to_wkb(shapely.box(5.00, 47.0, 5.01, 47.01))),
        ZoneSpec("east", outline=shapely.to_wkb(shapely.box(5.01, 47.0, 5.02, 47.01))),
    ]
)
POSITION = ("latitude", "longitude", "speed", "heading", "zone", "age")


def template(kind: type[DeviceActor]) -> TemplateSpec:
    found = template_of(kind)
    words = ("outside", "west", "east")
    points = tuple(
        replace(point, words=words, high=2.0) if point.name == "zone" else point
        for point in found.points
    )
    return replace(found, points=points)


def on_bench(kind: type[DeviceActor] = Bus, status: float = 0.0) -> KindBench:
    bench = KindBench(kind, template(kind), start={"status": status})
    bench.territory = TERRITORY
    return bench


def at(bench: KindBench, place: tuple[float, float]) -> None:
    bench.field.values["latitude"] = place[0]
    bench.reading("longitude", place[1])
    bench.reading("latitude", place[0])


def hidden(bench: KindBench) -> bool:
    shown = [point for point in POSITION if not math.isnan(bench.value(point))]
    assert all(bench.quality(point) >= Quality.BAD for point in POSITION if point not in shown)
    return not shown


@pytest.mark.parametrize("card", [*cards(Bus), *cards(ServiceVehicle)], ids=str)
def test_vehicles_are_sound_kinds(card: Card) -> None:
    card.check()


def test_nothing_is_known_of_where_a_vehicle_off_duty_is() -> None:
    with on_bench() as bench:
        at(bench, WEST)
        bench.advance(20.0)
        assert hidden(bench)
        assert bench.quality("latitude") is Quality.BAD_WITHHELD
        assert bench.actor.zone == "zone-1"
        assert bench.said == []


def test_on_duty_it_is_where_it_is_and_afterwards_nowhere_again() -> None:
    with on_bench() as bench:
        at(bench, WEST)
        bench.reading("status", 1.0)
        bench.advance(6.0)
        assert (bench.value("latitude"), bench.value("zone")) == (WEST[0], 1.0)
        assert bench.actor.zone == "west"
        bench.reading("status", 0.0)
        assert hidden(bench)
        assert bench.actor.zone == "zone-1"
        assert bench.said == ["on_duty", "zone_entered", "off_duty"]
        assert bench.failures == []


def test_a_duty_that_begins_again_shows_only_where_it_is_then() -> None:
    with on_bench() as bench:
        at(bench, WEST)
        bench.reading("status", 1.0)
        at(bench, WEST)
        bench.reading("status", 0.0)
        bench.reading("status", 1.0)
        assert math.isnan(bench.value("latitude"))
        at(bench, EAST)
        bench.advance(6.0)
        assert bench.value("zone") == 2.0
        assert [e.detail for e in bench.events if e.name == "zone_entered"] == [{}, {}]


@pytest.mark.parametrize("status", [9.0, -1.0, 2.5e9])
def test_a_status_that_says_nothing_hides_it_too(status: float) -> None:
    with on_bench(status=1.0) as bench:
        at(bench, WEST)
        bench.reading("status", status)
        assert hidden(bench)


@pytest.mark.parametrize("quality", [Quality.BAD_DEVICE, Quality.STALE_AGE, Quality.BAD_UNIT])
def test_a_status_that_nobody_knows_hides_it_too(quality: Quality) -> None:
    with on_bench(status=1.0) as bench:
        at(bench, WEST)
        assert not hidden(bench)
        bench.reading("status", 1.0, quality)
        assert hidden(bench)


def test_a_lost_link_hides_it_and_its_return_to_the_same_zone_is_no_event() -> None:
    with on_bench(status=1.0) as bench:
        at(bench, WEST)
        bench.link(False)
        assert hidden(bench)
        assert bench.actor.zone == "zone-1"
        bench.link(True)
        assert bench.actor.zone == "west"
        assert bench.said == ["zone_entered"]


def test_a_border_is_crossed_once_and_both_zones_are_told() -> None:
    with on_bench(status=1.0) as bench:
        for place in (WEST, JUST_EAST, WEST, JUST_EAST):
            at(bench, place)
            assert bench.value("zone") == 1.0
        at(bench, EAST)
        assert bench.value("zone") == 2.0
        assert bench.events[1:] == [
            ("zone_left", 0, {"to": "east"}),
            ("zone_entered", 0, {"came_from": "west"}),
        ]


def test_who_stands_just_behind_a_border_belongs_there_after_a_while() -> None:
    with on_bench(status=1.0) as bench:
        at(bench, WEST)
        at(bench, JUST_EAST)
        assert bench.actor.zone == "west"
        bench.advance(25.0)
        assert bench.actor.zone == "east"


def test_outside_of_all_zones_it_is_counted_at_home() -> None:
    with on_bench(status=1.0) as bench:
        at(bench, WEST)
        at(bench, OUTSIDE)
        assert (bench.value("zone"), bench.actor.zone) == (0.0, "zone-1")
        assert bench.events[-1] == ("zone_left", 0, {"to": "outside"})
        at(bench, EAST)
        assert bench.events[-1] == ("zone_entered", 0, {"came_from": "outside"})


def report(bench: KindBench, place: tuple[float, float], age_s: float = 0.0) -> None:
    """Let the vehicle report by itself where it was some seconds ago."""
    slots = [bench.actor.base + bench.template.point_index(p) for p in ("latitude", "longitude")]
    taken = bench.clock.wall_ns() - round(age_s * 1e9)
    bench._happen(lambda: bench._publish(slots, list(place), [0, 0], [taken, taken]))


def speaking(kind: type[DeviceActor]) -> KindBench:
    """Return a vehicle on duty that is asked for its status, and reports its position itself."""
    unasked = {"poll_ms": 0}
    found = template_of(kind, points={"latitude": unasked, "longitude": unasked})
    bench = KindBench(kind, found, start={"status": 1.0})
    bench.territory = TERRITORY
    bench.advance(30.0)
    return bench


def test_a_position_ages_and_is_stale_90_s_after_it_was_taken() -> None:
    with speaking(ServiceVehicle) as bench:
        report(bench, WEST, age_s=20.0)
        assert bench.value("age") == 20.0
        bench.advance(65.0)
        assert bench.value("age") == pytest.approx(85.0, abs=5.0)
        assert bench.quality("latitude") is Quality.GOOD
        bench.advance(12.0)
        assert bench.quality("latitude") is Quality.STALE_AGE
        assert bench.value("latitude") == WEST[0]
        assert bench.actor.zone == "west"
        ticket = bench.set("task", 7)
        assert ticket.outcome is not None
        assert "s ago, allowed: 90 s" in ticket.outcome.detail
        report(bench, EAST)
        assert bench.quality("latitude") is Quality.GOOD
        assert bench.said == [
            "zone_entered", "position_lost", "position_back", "zone_left", "zone_entered",
        ]  # fmt: skip


def test_a_position_that_was_under_way_for_too_long_is_stale_when_it_comes() -> None:
    with speaking(Bus) as bench:
        bench.advance(120.0)
        report(bench, WEST, age_s=100.0)
        assert bench.quality("latitude") is Quality.STALE_AGE


def test_what_was_taken_before_the_duty_began_is_not_shown_when_it_comes_late() -> None:
    with speaking(Bus) as bench:
        bench.reading("status", 0.0)
        bench.advance(30.0)
        bench.reading("status", 1.0)
        bench.advance(1.0)
        report(bench, WEST, age_s=10.0)
        assert hidden(bench)
        report(bench, EAST)
        assert bench.value("longitude") == EAST[1]


def test_a_late_position_is_dropped_and_counted() -> None:
    with on_bench(status=1.0) as bench:
        at(bench, WEST)
        table, slot = bench.shard.table, bench.actor.base + bench.template.point_index("latitude")
        before = table.late
        now = bench.clock.wall_ns()
        table.update_columns([slot], [47.001], None, [now - 30_000_000_000], now)
        assert bench.value("latitude") == WEST[0]
        assert table.late == before + 1


def test_a_task_goes_only_to_who_is_on_duty_and_seen() -> None:
    with on_bench(ServiceVehicle) as bench:
        at(bench, WEST)
        ticket = bench.set("task", 7)
        assert ticket.outcome is not None
        assert (ticket.outcome.status, ticket.outcome.reason) == (Status.REJECTED, Reason.RULE)
        assert "off duty" in ticket.outcome.detail
        bench.reading("status", 1.0)
        bench.advance(6.0)
        ticket = bench.set("task", 7)
        bench.advance(12.0)
        assert ticket.outcome is not None
        assert ticket.outcome.applied, ticket.outcome
        bench.reading("latitude", 0.0, Quality.BAD_DEVICE)
        ticket = bench.set("task", 8)
        assert ticket.outcome is not None
        assert "nobody knows where" in ticket.outcome.detail
        assert bench.writes == [("task", 7.0)]


def test_a_task_is_taken_back_from_anybody() -> None:
    with on_bench(ServiceVehicle) as bench:
        bench.field.values["task"] = 7.0
        ticket = bench.set("task", 0)
        bench.advance(12.0)
        assert ticket.outcome is not None
        assert ticket.outcome.applied, ticket.outcome
