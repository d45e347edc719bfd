"""Whatever a shard goes through while it runs, in the end it is the shard of its last city.

Random changes in virtual time. Who does not change is asked about after each of them: the same
actor, the same slots, the same connection, and no poll later than its period.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from itertools import pairwise

from bench_host import S, outcome_of
from change_bench import KINDS, TEMPLATES, ChangeBench
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.actor import Ticket
from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.virtual_time import VirtualClock, run

LINKS, DEVICES = ("a", "b"), 6
PERIODS = {"level": 1 * S, "hours": 60 * S}


@dataclass(frozen=True)
class City:
    """What one shard consists of for a while."""

    links: tuple[LinkSpec, ...]
    devices: tuple[DeviceSpec, ...]


@st.composite
def cities(draw: st.DrawFn) -> City:
    options = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    links = {
        id: LinkSpec(id, "scripted", "north", {"variant": option // 3})
        for id, option in zip(LINKS, options, strict=True)
    }
    if draw(st.integers(0, 7)) == 7:
        del links["b"]
    devices = []
    for number in range(DEVICES):
        link, template, index, name = draw(
            st.tuples(
                st.sampled_from(["a", "a", "a", "b", "b", ""]),
                st.sampled_from(["plain", "plain", "rich"]),
                st.sampled_from([0, 0, 0, 1]),
                st.sampled_from(["", "", "another name"]),
            )
        )
        if link in links:
            devices.append(DeviceSpec(f"d{number}", template, "north", link, name, index))
    return City(tuple(links.values()), tuple(draw(st.permutations(devices))))


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[City, float, bool, bool]]:
    pauses = st.sampled_from([0.0, 0.01, 0.3, 1.0, 2.5, 70.0])
    return draw(
        st.lists(st.tuples(cities(), pauses, st.booleans(), st.booleans()), min_size=1, max_size=6)
    )


def plain(device: DeviceSpec) -> DeviceSpec:
    return replace(device, name="")


def check_as_built_anew(bench: ChangeBench) -> None:
    """The shard is the one that would be built from its city, and the zone has the same."""
    bench.cell._publish()  # what was read since the last tick
    shard, spec = bench.shard, bench.spec
    fresh = Shard(
        ShardSpec(spec.id, spec.zone, spec.links, spec.devices), TEMPLATES, KINDS,
        {"scripted": bench._driver}, bench.cell,
    )  # fmt: skip
    for drivers in bench.drivers.values():
        drivers[:] = [driver for driver in drivers if driver.calls]
    assert [actor.id for actor in shard.actors] == [actor.id for actor in fresh.actors]
    assert [actor.spec for actor in shard.actors] == list(spec.devices)
    assert bench.cell.devices == {actor.id: actor for actor in shard.actors}
    assert list(shard.links) == list(fresh.links)
    for id, link in shard.links.items():
        wanted = fresh.links[id]
        assert {p: sorted(x.id for x in plan.points) for p, plan in link.plans.items()} == {
            p: sorted(x.id for x in plan.points) for p, plan in wanted.plans.items()
        }
        # In which order a link knows its devices is no promise: a change keeps those that stay.
        assert sorted(a.id for a in link.actors) == sorted(a.id for a in wanted.actors)
        assert link.up
        slots = {a.base + at for a in link.actors for at in range(len(a.template.points))}
        assert {x.slot for plan in link.plans.values() for x in plan.points} <= slots
    for actor in shard.actors:
        for at, point in enumerate(actor.template.points):
            value, quality, _, _ = shard.table.read(actor.base + at)
            if point.poll_ms:
                assert (value, quality) == (bench.field.truth(f"{actor.id}/{point.name}"), 0)
    for start, count in shard.layout.holes():
        assert all(
            shard.table.quality(slot) == Quality.BAD_REMOVED for slot in range(start, start + count)
        )
    for key, group in shard.layout.groups.items():
        found, copy = shard.table.rollup(group), bench.view.table.rollup(group)
        count = sum(key[1] in [p.name for p in a.template.points] for a in fresh.actors)
        assert (found.count, copy.count) == (count, count)
        assert (found.online, found.worst) == (copy.online, copy.worst)
    assert bench.view.table.snapshot() == shard.table.snapshot()


def check_polls(bench: ChangeBench, stay: set[str], since_ns: int) -> None:
    """No poll of those that stayed was later than its period."""
    for drivers in bench.drivers.values():
        for driver in drivers:
            for point, times in driver.looks.items():
                device, _, name = point.partition("/")
                if device in stay and name in PERIODS:
                    late = [b - a for a, b in pairwise(times) if b > since_ns]
                    assert max(late, default=0) <= PERIODS[name] + 10_000_000, (point, late)


@settings(max_examples=30, deadline=None)
@given(cities(), steps())
def test_after_any_changes_a_shard_is_as_if_built_from_its_last_city(
    first: City, changes: list[tuple[City, float, bool, bool]]
) -> None:
    async def story(clock: VirtualClock) -> None:
        bench = ChangeBench(clock, first.links, first.devices)
        for number in range(DEVICES):
            bench.field.write(f"d{number}/setpoint", 10.0 * number)
        before = first
        await asyncio.sleep(2.5)
        for after, pause_s, zone_first, command in changes:
            await asyncio.sleep(pause_s)
            links = {link.id for link in before.links if link in after.links}
            old = [plain(device) for device in before.devices]
            stay = {d.id for d in after.devices if plain(d) in old and d.link in links}
            kept = {d.id for d in after.devices if plain(d) in old}
            actors = {actor.id: (actor, actor.base) for actor in bench.shard.actors}
            epochs = {id: (bench.shard.links[id], bench.shard.links[id].epoch) for id in links}
            tickets: list[Ticket] = []
            if command:
                tickets = [bench.ends.ticket(50.0, device=id) for id in actors]
                for ticket in tickets:
                    actors[ticket.device][0].post(ticket)
                await asyncio.sleep(0.0)
            since = clock.boot_ns()
            await bench.change(after.links, after.devices, zone_first=zone_first)
            await asyncio.sleep(2.5)
            for actor in bench.shard.actors:
                assert ((actor, actor.base) == actors.get(actor.id)) is (actor.id in kept)
            for id, (shell, epoch) in epochs.items():
                assert (bench.shard.links[id], bench.shard.links[id].epoch) == (shell, epoch)
            check_as_built_anew(bench)
            check_polls(bench, stay, since)
            for ticket in tickets:
                outcome = outcome_of(ticket)
                if ticket.device in stay:
                    assert outcome.status is Status.APPLIED, outcome
                else:
                    assert outcome.status is not Status.FAILED, outcome
            before = after
        await bench.stop()
        bench.ends.check()
        assert not bench.cell.failures
        assert all(d.overlaps == 0 for drivers in bench.drivers.values() for d in drivers)

    run(story)
