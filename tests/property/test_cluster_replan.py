"""Placing a changed city around what runs: what did not change stays where it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers.city_pairs import NODES, PAIRS

from jacquemart.runtime.cell.layout_change import layout_change
from jacquemart.runtime.cluster.placement import place, replan
from jacquemart.runtime.cluster.slots import layout, without
from jacquemart.runtime.kernel.change import compare
from jacquemart.runtime.model.city import CitySpec, DeviceSpec, LinkSpec, ZoneSpec
from jacquemart.runtime.model.directory import Placement
from jacquemart.runtime.model.errors import StartError
from jacquemart.runtime.model.layout import ShardLayout

CELLS = st.integers(1, 4)
Where = tuple[str, str, int]
"""Cell, shard, base."""


def slots(city: CitySpec) -> dict[str, int]:
    return {name: len(template.points) for name, template in city.templates.items()}


def places(placement: Placement) -> Iterator[tuple[DeviceSpec, Where]]:
    size = slots(placement.city)
    for plan in placement.cells:
        for shard in plan.shards:
            bases, _ = layout(shard, size)
            for device, base in zip(shard.devices, bases, strict=True):
                yield device, (plan.name, shard.id, base)


@given(PAIRS, CELLS)
def test_every_device_is_placed_once_and_no_two_share_a_slot(
    pair: tuple[CitySpec, CitySpec], cells: int
) -> None:
    old, new = pair
    after = replan(place(old, cells, NODES), new, NODES)
    assert Counter(device.id for device, _ in places(after)) == Counter(d.id for d in new.devices)
    links = [link for plan in after.cells for shard in plan.shards for link in shard.links]
    assert Counter(link.id for link in links) == Counter(link.id for link in new.links)
    taken: set[tuple[str, int]] = set()
    for device, (_, shard, base) in places(after):
        for slot in range(base, base + slots(new)[device.template]):
            assert (shard, slot) not in taken
            taken.add((shard, slot))
    for plan in after.cells:
        assert plan.shards
        for shard in plan.shards:
            assert shard.links
            assert {link.zone for link in shard.links} == {shard.zone}
            assert {device.link for device in shard.devices} <= {link.id for link in shard.links}


@given(PAIRS, CELLS)
def test_what_did_not_change_stays_in_its_cell_its_shard_and_its_slots(
    pair: tuple[CitySpec, CitySpec], cells: int
) -> None:
    old, new = pair
    before = place(old, cells, NODES)
    was = {device.id: at for device, at in places(before)}
    change = compare(old, new)
    elsewhere = {device.id for device in change.devices.reconnected}
    blind = set(change.blind())
    gone = {plan.name for plan in before.cells}
    for device, at in places(replan(before, new, NODES)):
        if device.id not in blind:
            assert at == was[device.id]
        elif device.id in elsewhere and device.link in {p.new.id for p in change.links.changed}:
            assert at == was[device.id], "only its link is connected anew, by the same cell"
        gone.discard(at[0])


@given(PAIRS, CELLS)
def test_the_cells_accept_every_shard_that_is_planned(
    pair: tuple[CitySpec, CitySpec], cells: int
) -> None:
    old, new = pair
    before = place(old, cells, NODES)
    after = replan(before, new, NODES)
    back = replan(after, old, NODES)
    for earlier, later in ((before, after), (after, back)):
        known = {shard.id: shard for plan in earlier.cells for shard in plan.shards}
        for plan in later.cells:
            for shard in plan.shards:
                if shard.id in known:
                    was = ShardLayout(known[shard.id], earlier.city.templates)
                    layout_change(was, ShardLayout(shard, later.city.templates, was))


@given(st.lists(PAIRS, min_size=1, max_size=3), CELLS)
def test_no_id_of_a_shard_or_cell_is_given_a_second_meaning(
    pairs: list[tuple[CitySpec, CitySpec]], cells: int
) -> None:
    steps = [city for pair in pairs for city in pair]
    placement = place(steps[0], cells, NODES)
    ended: set[str] = set()
    for city in steps[1:]:
        names = {shard.id for plan in placement.cells for shard in plan.shards}
        names |= {plan.name for plan in placement.cells}
        placement = replan(placement, city, NODES)
        now = {shard.id for plan in placement.cells for shard in plan.shards}
        now |= {plan.name for plan in placement.cells}
        assert not now & ended
        ended |= names - now


@given(PAIRS, CELLS)
def test_classes_of_links_still_share_no_cell(pair: tuple[CitySpec, CitySpec], cells: int) -> None:
    old, new = pair
    for plan in replan(place(old, cells, NODES), new, NODES).cells:
        links = [link for shard in plan.shards for link in shard.links]
        assert len({(link.node, link.isolation) for link in links}) == 1
        assert set(plan.resources) == ({links[0].node} if links[0].node else set())
        if links[0].isolation == "process":
            assert len(links) == 1


@given(PAIRS, CELLS)
def test_the_same_city_again_moves_nothing_and_keeps_the_very_shards(
    pair: tuple[CitySpec, CitySpec], cells: int
) -> None:
    old, new = pair
    first = replan(place(old, cells, NODES), new, NODES)
    again = replan(first, new, NODES)
    for before, after in zip(first.cells, again.cells, strict=True):
        assert before.name == after.name
        for one, other in zip(before.shards, after.shards, strict=True):
            assert other is one


@given(PAIRS, CELLS)
def test_devices_from_other_cells_can_be_held_back_until_those_have_let_go(
    pair: tuple[CitySpec, CitySpec], cells: int
) -> None:
    old, new = pair
    before = place(old, cells, NODES)
    after = replan(before, new, NODES)
    size = slots(new)
    was = {device.id: at[0] for device, at in places(before)}
    for plan in after.cells:
        coming = {
            d.id for s in plan.shards for d in s.devices if was.get(d.id, plan.name) != plan.name
        }
        for shard in plan.shards:
            first = ShardLayout(without(shard, coming, (), size), new.templates)
            assert first.capacity >= max(
                (
                    b + size[d.template]
                    for d, b in zip(first.spec.devices, first.bases, strict=True)
                ),
                default=0,
            )
            layout_change(first, ShardLayout(shard, new.templates, first))


def test_new_links_go_to_the_lightest_shard_of_their_zone_until_it_would_grow_too_heavy() -> None:
    from peers.city_pairs import _points

    from jacquemart.runtime.model.city import TemplateSpec

    templates = {"t": TemplateSpec("t", "light", "fake", _points(1, ""))}

    def city(*links: int) -> CitySpec:
        return CitySpec(
            "c", "C", (ZoneSpec("z"),), templates,
            tuple(LinkSpec(f"l{at}", "fake", "z") for at in range(len(links))),
            tuple(
                DeviceSpec(f"d{at}-{n}", "t", "z", f"l{at}")
                for at, count in enumerate(links) for n in range(count)
            ),
        )  # fmt: skip

    before = place(city(40, 40, 40, 41), 1, {})
    light = replan(before, city(40, 40, 40, 41, 5), {})
    homes = {device.id: where for device, where in places(light)}
    assert homes["d4-0"][0] == "device-1"
    assert homes["d4-0"][1] in {"z/0", "z/1", "z/2"}, "not with the heaviest"
    heavy = replan(before, city(40, 40, 40, 41, 90), {})
    homes = {device.id: where for device, where in places(heavy)}
    assert homes["d4-0"][1] == "z/4"


def test_a_node_that_the_cluster_lacks_is_refused_by_name() -> None:
    old = CitySpec("c", "C", (ZoneSpec("z"),), {}, (LinkSpec("l0", "fake", "z"),), ())
    new = CitySpec("c", "C", (ZoneSpec("z"),), {}, (LinkSpec("l1", "fake", "z", node="moon"),), ())
    with pytest.raises(StartError, match="moon"):
        replan(place(old, 1, {}), new, {})
