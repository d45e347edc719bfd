"""Where the slots of a shard are, before and after a change, and which changes are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from change_bench import KINDS, TEMPLATES, ChangeBench
from scripted_driver import Do

from jacquemart.native.table import PointTable
from jacquemart.runtime.cell.layout_change import grow, layout_change, retire
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.layout import ShardLayout
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

LINK = LinkSpec("a", "scripted", "north")
ONE, TWO, THREE = (DeviceSpec(f"d{n}", "plain", "north", "a") for n in (1, 2, 3))
RICH = DeviceSpec("d4", "rich", "north", "a")


def shard(*devices: DeviceSpec, bases: tuple[int, ...] = (), capacity: int = 0) -> ShardSpec:
    return ShardSpec("north/0", "north", (LINK,), devices, bases, capacity)


def test_slots_are_dense_at_first_and_stay_where_they_are_after_that() -> None:
    old = ShardLayout(shard(ONE, TWO, RICH), TEMPLATES)
    assert (list(old.bases), old.capacity, old.points, old.holes()) == ([0, 2, 4], 7, 7, [])
    new = ShardLayout(shard(THREE, RICH, ONE, bases=(7, 4, 0), capacity=12), TEMPLATES, old)
    change = layout_change(old, new)
    assert [(device.id, base) for device, base in change.removed] == [("d2", 2)]
    assert [(device.id, base) for device, base in change.added] == [("d3", 7)]
    assert list(change.kept) == ["d4", "d1"]
    assert (new.capacity, new.points, new.holes()) == (12, 7, [(2, 2), (9, 3)])


def test_names_count_through_every_slot_also_those_of_nobody() -> None:
    layout = ShardLayout(shard(THREE, RICH, ONE, bases=(7, 4, 0), capacity=12), TEMPLATES)
    names = layout.names()
    slots = [
        f"{device}/{point}" if device else ""
        for device, template in names["devices"]  # type: ignore[attr-defined]
        for point in names["templates"][template]  # type: ignore[index]
    ]
    assert slots == [
        "d1/setpoint", "d1/level", "", "", "d4/setpoint", "d4/level", "d4/hours",
        "d3/setpoint", "d3/level", "", "", "",
    ]  # fmt: skip
    for name, points in names["templates"].items():  # type: ignore[attr-defined]
        assert len(names["units"][name]) == len(points)  # type: ignore[index]


def test_a_table_follows_its_layout_and_sums_up_who_is_there() -> None:
    old = ShardLayout(shard(ONE, TWO), TEMPLATES)
    table = PointTable(old.capacity, len(old.groups))
    old.define(table)
    table.update_columns([0, 1, 2, 3], [1.0, 2.0, 3.0, 4.0], None, None, 5)
    new = ShardLayout(shard(TWO, RICH, bases=(2, 4), capacity=7), TEMPLATES, old)
    change = layout_change(old, new)
    grow(change, table)
    retire(change, table)
    new.define(table, change.added)
    assert [table.quality(slot) for slot in range(7)] == [
        Quality.BAD_REMOVED, Quality.BAD_REMOVED, 0, 0, *[Quality.BAD_NEVER_READ] * 3,
    ]  # fmt: skip
    level = table.rollup(new.groups["generic", "level"])
    assert (level.count, level.online, level.sum) == (2, 1, 4.0)
    fresh = PointTable(new.capacity, len(new.groups))
    new.define(fresh)
    assert [fresh.quality(slot) for slot in range(2)] == [Quality.BAD_REMOVED] * 2


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (shard(ONE, TWO, bases=(0,)), "1 bases for 2 devices"),
        (shard(ONE, TWO, bases=(0, 1)), "d2 begins at slot 1, inside d1"),
        (shard(ONE, bases=(-1,)), "d1 begins at slot -1"),
    ],
)
def test_two_devices_never_share_a_slot(spec: ShardSpec, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        ShardLayout(spec, TEMPLATES)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (shard(THREE, TWO, bases=(0, 2)), "d3 is to begin at slot 0"),
        (shard(TWO, ONE, bases=(0, 2)), "d2 is to begin at slot 0"),
        (shard(replace(ONE, index=7), TWO, bases=(0, 2)), "d1 has changed and keeps its slots"),
    ],
)
def test_a_shard_refuses_what_would_give_slots_a_second_meaning(spec: ShardSpec, says: str) -> None:
    async def story(clock: VirtualClock) -> None:
        bench = ChangeBench(clock, [LINK], [ONE, TWO])
        await asyncio.sleep(2.0)
        before = (bench.shard.layout, bench.shard.table.snapshot(), list(bench.shard.actors))
        for zone_first in (False, True):
            with pytest.raises(UsageError, match=says):
                await bench.take(spec, zone_first=zone_first)
        after = (bench.shard.layout, bench.shard.table.snapshot(), list(bench.shard.actors))
        assert after[0] is before[0]
        assert after[2] == before[2]
        assert len(after[1][0]) == len(before[1][0])
        await asyncio.sleep(2.0)
        assert all(actor.quality("level") == Quality.GOOD for actor in bench.shard.actors)
        await bench.stop()

    run(story)


def test_a_device_that_gets_other_slots_comes_anew() -> None:
    async def story(clock: VirtualClock) -> None:
        bench = ChangeBench(clock, [LINK], [ONE, TWO])
        await asyncio.sleep(2.0)
        one, two = bench.shard.actors
        await bench.take(shard(ONE, TWO, bases=(0, 4), capacity=6))
        assert bench.shard.actors[0] is one
        assert bench.shard.actors[1] is not two
        assert bench.shard.layout.holes() == [(2, 2)]
        await asyncio.sleep(1.0)
        assert all(actor.quality("level") == Quality.GOOD for actor in bench.shard.actors)
        await bench.stop()

    run(story)


@pytest.mark.parametrize("name", ["city", "name", "role", "epoch", "host", "gateway", "tick_ms"])
def test_what_only_a_restart_can_change_is_refused_by_name(name: str) -> None:
    async def story(clock: VirtualClock) -> None:
        bench = ChangeBench(clock, [LINK], [ONE, TWO])
        config = replace(bench.config(), **{name: "other"})
        with pytest.raises(UsageError, match=f"{name} was .* restart the city"):
            await bench.cell.take(config, KINDS, {})
        await bench.stop()

    run(story)


def test_writes_to_a_device_that_leaves_end_truly_wherever_they_are() -> None:
    """One waits in the mailbox, one in the link, one is with the driver, one is to be proven."""

    async def story(clock: VirtualClock) -> None:
        bench = ChangeBench(clock, [LINK], [ONE, TWO, THREE])
        await asyncio.sleep(2.0)
        driver = bench.drivers["a"][0]

        def command(device: str, value: float) -> Callable[[], tuple[str, str]]:
            ticket = bench.ends.ticket(value, device=device)
            bench.cell.devices[device].post(ticket)

            def end() -> tuple[str, str]:
                assert ticket.outcome is not None
                return ticket.outcome.status.name, ticket.outcome.reason

            return end

        driver.then("write", "lie")
        proving = command("d1", 50.0)
        queued = command("d1", 60.0)
        await asyncio.sleep(0.1)
        driver.then("write", "sent_hang")
        sending, stays = command("d2", 70.0), command("d3", 80.0)
        await asyncio.sleep(0.01)
        await bench.change([LINK], [THREE])
        assert proving() == ("INDETERMINATE", "stopping")
        assert queued() == ("REJECTED", "stopping")
        assert sending() == ("INDETERMINATE", "stopping")
        late = command("d3", 90.0)
        await asyncio.sleep(30.0)
        assert stays()[0] in ("APPLIED", "INDETERMINATE")  # it was in the call that hung
        assert late() == ("APPLIED", "ok")
        assert driver.retained == ["d3/level"]
        bench.ends.check()
        await bench.stop()

    run(story)


def test_who_comes_to_a_link_that_is_down_is_shown_so_at_once() -> None:
    async def story(clock: VirtualClock) -> None:
        bench = ChangeBench(clock, [LINK], [ONE])
        await asyncio.sleep(2.0)
        driver = bench.drivers["a"][0]
        driver.always = dict.fromkeys(driver.always, Do("link"))
        await asyncio.sleep(3.0)
        fed = replace(TWO, fed_by="d1")
        await bench.change([LINK], [ONE, fed, THREE])
        by_id = {actor.id: actor for actor in bench.shard.actors}
        assert by_id["d3"].quality("level") == Quality.BAD_COMM
        assert by_id["d2"].quality("level") == Quality.BAD_FED_BY
        driver.always = dict.fromkeys(driver.always, Do())
        await asyncio.sleep(60.0)
        assert {actor.quality("level") for actor in bench.shard.actors} == {Quality.GOOD}
        await bench.stop()

    run(story)


def test_who_comes_behind_a_dead_feeder_is_unreachable_by_it_until_it_is_back() -> None:
    async def story(clock: VirtualClock) -> None:
        bench = ChangeBench(clock, [LINK], [ONE])
        await asyncio.sleep(2.0)
        bench.shard.feeds(bench.shard.actors[0], False)
        driver = bench.drivers["a"][0]
        driver.always["read"] = Do("bad_unit")
        await bench.change([LINK], [ONE, THREE])
        await bench.change([LINK], [ONE, replace(TWO, fed_by="d1")])
        assert bench.shard.actors[1].quality("level") == Quality.BAD_FED_BY
        await asyncio.sleep(2.0)
        assert bench.shard.actors[1].quality("level") == Quality.BAD_FED_BY
        driver.always["read"] = Do()
        bench.shard.feeds(bench.shard.actors[0], True)
        await asyncio.sleep(2.0)
        assert bench.shard.actors[1].quality("level") == Quality.GOOD
        await bench.stop()

    run(story)
