"""Cabinets and street lights: what they tell, and whom they hold to blame."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from bench_host import BenchHost, Ends
from bench_shard import BenchShard

from jacquemart.actors.lighting import LightingCabinet, StreetLight
from jacquemart.runtime.actor import DeviceActor
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.model.city import DeviceSpec, PointSpec, TemplateSpec
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

Kind = TypeVar("Kind", bound=DeviceActor)


def with_kind(kind: type[Kind], act: Callable[[Kind, BenchShard, BenchHost], None]) -> None:
    names = [*kind.required_points]
    points = (*(PointSpec(name) for name in names), *kind.derived_points)
    template = TemplateSpec("any", kind.kind, "scripted", points)

    async def story(clock: VirtualClock) -> None:
        host, shard = BenchHost(clock), BenchShard(len(points))
        actor = kind(DeviceSpec("dev-1", "any", "north", "link-1"), template, shard, 0, host)
        actor.start()
        act(actor, shard, host)
        await asyncio.sleep(0)

    run(story)


def names(host: BenchHost) -> list[str]:
    return [name for _, name, _, _ in host.events]


def test_a_cabinet_tells_its_lamps_link_whether_it_feeds_them_and_each_change_once() -> None:
    def act(cabinet: LightingCabinet, shard: BenchShard, host: BenchHost) -> None:
        for value in (1.0, 1.0, 0.0, 0.0, 1.0):
            cabinet.reading("contactor_state", value, Quality.GOOD)
        assert shard.fed == [("dev-1", True), ("dev-1", False), ("dev-1", True)]
        assert names(host) == ["not_feeding", "feeding"]

    with_kind(LightingCabinet, act)


def test_a_contactor_that_opened_while_the_link_was_away_makes_the_lamps_unreachable() -> None:
    def act(cabinet: LightingCabinet, shard: BenchShard, host: BenchHost) -> None:
        cabinet.link_changed(True)
        cabinet.reading("contactor_state", 1.0, Quality.GOOD)
        cabinet.link_changed(False)
        assert cabinet.value("communication") == 0.0
        cabinet.link_changed(True)
        cabinet.reading("contactor_state", 0.0, Quality.GOOD)
        assert shard.fed[-1] == ("dev-1", False)
        assert names(host) == ["not_feeding"]

    with_kind(LightingCabinet, act)


def test_a_link_that_was_away_is_no_news_of_the_contactor() -> None:
    def act(cabinet: LightingCabinet, shard: BenchShard, host: BenchHost) -> None:
        for _ in range(3):
            cabinet.link_changed(True)
            cabinet.reading("contactor_state", 1.0, Quality.GOOD)
            cabinet.link_changed(False)
        assert shard.fed == [("dev-1", True)] * 3, "the link is told each time it comes up"
        assert names(host) == []

    with_kind(LightingCabinet, act)


def test_a_cabinet_believes_no_bad_reading() -> None:
    def act(cabinet: LightingCabinet, shard: BenchShard, host: BenchHost) -> None:
        cabinet.reading("contactor_state", 0.0, Quality.BAD_UNIT)
        cabinet.reading("door", 1.0, Quality.STALE_AGE)
        assert shard.fed == []
        assert names(host) == []
        cabinet.reading("door", 1.0, Quality.GOOD)
        cabinet.reading("door", 1.0, Quality.GOOD)
        cabinet.reading("door", 0.0, Quality.GOOD)
        assert names(host) == ["door_open", "door_closed"]

    with_kind(LightingCabinet, act)


def test_a_lamp_tells_its_fault_once_and_its_end_once() -> None:
    def act(lamp: StreetLight, _: BenchShard, host: BenchHost) -> None:
        lamp.reading("fault", 0.0, Quality.GOOD)
        lamp.reading("fault", 1.0, Quality.BAD_VALUE)
        lamp.reading("fault", 1.0, Quality.GOOD)
        lamp.reading("fault", 1.0, Quality.GOOD)
        lamp.reading("fault", 0.0, Quality.GOOD)
        assert names(host) == ["lamp_fault", "lamp_fault_cleared"]

    with_kind(StreetLight, act)


def test_a_lamp_that_says_that_it_is_faulty_explains_a_failure_and_nothing_else() -> None:
    def act(lamp: StreetLight, _: BenchShard, host: BenchHost) -> None:
        ends = Ends(host.clock)
        for fault, status, reason, found in (
            (1.0, Status.FAILED, Reason.NOT_FOLLOWING, Reason.DEVICE_FAULT),
            (0.0, Status.FAILED, Reason.NOT_FOLLOWING, Reason.NOT_FOLLOWING),
            (1.0, Status.INDETERMINATE, Reason.NO_ANSWER, Reason.NO_ANSWER),
        ):
            lamp.publish("fault", fault)
            ticket = ends.ticket(device="dev-1")
            lamp.written(ticket, Verdict(status, reason), None)
            assert ticket.outcome is not None
            assert (ticket.outcome.status, ticket.outcome.reason) == (status, found)

    with_kind(StreetLight, act)
