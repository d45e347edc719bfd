"""What a zone supervisor makes of its aggregates and events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from bench_host import BenchHost

from jacquemart.actors.centre import EVENTS_KEPT, CommandCentre
from jacquemart.actors.generic import GenericDevice
from jacquemart.actors.zone import ZoneSupervisor
from jacquemart.native.table import Rollup
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.testing.virtual_time import VirtualClock, run
from jacquemart.runtime.wire.messages import Bulk, BulkResult

S = 1_000_000_000
KINDS = {"generic": GenericDevice}


class FanOut:
    """Keeps the bulk commands that a supervisor sends down."""

    def __init__(self) -> None:
        self.sent: list[Bulk] = []

    def __call__(self, bulk: Bulk, done: Callable[[BulkResult], object]) -> None:
        self.sent.append(bulk)
        done(BulkResult(bulk.id, [], b"", b"", b"", b"", {}))


def with_zone(act: Callable[[ZoneSupervisor, BenchHost, FanOut], None]) -> None:
    async def story(clock: VirtualClock) -> None:
        host, fan_out = BenchHost(clock), FanOut()
        zone = ZoneSupervisor("north", host, KINDS, fan_out)
        zone.start()
        act(zone, host, fan_out)
        await asyncio.sleep(0)

    run(story)


def rows(online: int, count: int = 100) -> dict[tuple[str, str], Rollup]:
    return {("generic", "level"): Rollup(count, online, 1.0, 0.0, 1.0, 0)}


def names(host: BenchHost) -> list[str]:
    return [name for _, name, _, _ in host.events]


def test_a_kind_is_degraded_below_one_share_and_well_above_the_other_and_nothing_between() -> None:
    def act(zone: ZoneSupervisor, host: BenchHost, _: FanOut) -> None:
        told: list[list[str]] = []
        for online in (100, 95, 94, 90, 89, 50, 0, 90, 94, 95, 91, 90, 89, 100):
            before = len(host.events)
            zone.rollups_changed(rows(online))
            told.append(names(host)[before:])
        down, up = ["zone_degraded"], ["zone_recovered"]
        assert told == [[], [], [], [], down, [], [], [], [], up, [], [], down, up]
        _, _, severity, detail = host.events[0]
        assert (severity, detail) == (2, {"kind": "generic", "online": 89, "count": 100})

    with_zone(act)


def test_a_kind_that_was_never_well_is_not_degraded_by_starting_up() -> None:
    def act(zone: ZoneSupervisor, host: BenchHost, _: FanOut) -> None:
        for online in (0, 10, 50, 94, 40):
            zone.rollups_changed(rows(online))
        assert names(host) == []
        assert zone.view(rows(40))["degraded"] == []

    with_zone(act)


def test_a_kind_without_members_is_well() -> None:
    def act(zone: ZoneSupervisor, host: BenchHost, _: FanOut) -> None:
        zone.rollups_changed(rows(0, 0))
        zone.rollups_changed({})
        assert names(host) == []

    with_zone(act)


def test_a_members_event_is_passed_on_with_its_subject_time_and_detail() -> None:
    def act(zone: ZoneSupervisor, host: BenchHost, _: FanOut) -> None:
        zone.take_event(Event("door_open", "north", "cab-1", 77, 1, {"door": 3, "subject": "x"}))
        assert host.events == [
            ("north", "door_open", 1, {"subject": "cab-1", "time_ns": 77, "door": 3})
        ]

    with_zone(act)


def test_a_zones_own_command_is_addressed_to_itself_with_a_deadline_and_an_identity() -> None:
    def act(zone: ZoneSupervisor, host: BenchHost, fan_out: FanOut) -> None:
        ends: list[BulkResult] = []
        now = host.clock.boot_ns()
        for _ in range(2):
            zone.set_all("generic", "level", 7.0, ends.append, device="l-*", within_s=3.0)
        first, second = fan_out.sent
        assert first.id != second.id
        assert [end.id for end in ends] == [first.id, second.id]
        assert (first.zone, first.kind, first.device) == ("north", "generic", "l-*")
        assert (first.point, first.value, first.principal) == ("level", 7.0, "zone:north")
        assert first.deadline_ns == now + 3 * S

    with_zone(act)


@pytest.mark.parametrize("again", [False, True])
def test_the_centre_keeps_the_newest_events_each_once(again: bool) -> None:
    async def story(clock: VirtualClock) -> None:
        centre: Any = CommandCentre("centre", BenchHost(clock), KINDS, FanOut())
        centre.start()
        for number in range(EVENTS_KEPT + 10):
            event = Event("happened", "north", f"lamp-{number}", number)
            for _ in range(1 + again):
                centre.take_event(event)
        assert [row[3] for row in centre.recent(3)] == [509, 508, 507]
        assert len(centre.recent(10_000)) == EVENTS_KEPT
        assert centre.recent(0) == centre.recent(-1) == []

    run(story)
