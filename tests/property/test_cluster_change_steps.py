"""The steps of a change, played through: no device lives twice, nobody is told for nothing."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from peers.city_pairs import NODES, PAIRS

from jacquemart.runtime.cluster.blueprint import CellBlueprint, blueprints
from jacquemart.runtime.cluster.change_steps import ChangeSteps, steps_between
from jacquemart.runtime.cluster.placement import place, replan
from jacquemart.runtime.cluster.plan_summary import device_counts, summarize_change
from jacquemart.runtime.cluster.rollout import End, Publish, Tell
from jacquemart.runtime.kernel.change import compare
from jacquemart.runtime.model.city import CitySpec, GatewaySpec
from jacquemart.runtime.model.directory import Placement

CELLS = st.integers(1, 4)
Blueprints = dict[str, CellBlueprint]


def cells(placement: Placement) -> Blueprints:
    return {one.name: one for one in blueprints(placement, 1, GatewaySpec())}


def way(old: CitySpec, new: CitySpec, count: int) -> tuple[Placement, Placement, ChangeSteps]:
    before = place(old, count, NODES)
    after = replan(before, new, NODES)
    return before, after, steps_between([cells(before)], before, cells(after), after)


def living(held: Mapping[str, CellBlueprint]) -> list[tuple[str, str]]:
    """Return each device with the cell that it lives in."""
    return [
        (device.id, name)
        for name, blueprint in held.items()
        for shard in blueprint.config.shards
        for device in shard.devices
    ]


def linked(held: Mapping[str, CellBlueprint]) -> list[str]:
    return [
        link.id
        for blueprint in held.values()
        for shard in blueprint.config.shards
        for link in shard.links
    ]


@given(PAIRS, CELLS, st.randoms(use_true_random=False))
def test_no_device_and_no_link_ever_lives_in_two_cells(
    pair: tuple[CitySpec, CitySpec], count: int, rng: object
) -> None:
    before, after, found = way(*pair, count)
    held, target = cells(before), cells(after)
    for step in found.steps:
        if not isinstance(step, Tell):
            continue
        names = list(step.cells)
        rng.shuffle(names)  # type: ignore[attr-defined]
        for name in names:
            interim = None if step.final else found.interim.get(name)
            held[name] = interim or target[name]
            devices = [device for device, _ in living(held)]
            assert len(devices) == len(set(devices))
            links = linked(held)
            assert len(links) == len(set(links))
    for name in found.gone:
        assert not held[name].config.shards
        del held[name]
    assert sorted(living(held)) == sorted(living(target))


@given(PAIRS, CELLS)
def test_a_cell_in_which_nothing_changes_is_not_told_anything(
    pair: tuple[CitySpec, CitySpec], count: int
) -> None:
    before, after, found = way(*pair, count)
    old, new = cells(before), cells(after)
    told = {name for step in found.steps if isinstance(step, Tell) for name in step.cells}
    for name, blueprint in new.items():
        if blueprint.role == "device" and name not in told:
            assert old[name].config.shards == blueprint.config.shards
    assert set(found.fresh) == set(new) - set(old)
    assert set(found.gone) == set(old) - set(new)


@given(PAIRS, CELLS)
def test_supervisors_come_first_the_directory_after_the_devices_and_gateways_last(
    pair: tuple[CitySpec, CitySpec], count: int
) -> None:
    _, after, found = way(*pair, count)
    roles = cells(after)
    order = {"zone": 0, "centre": 0, "device": 1, "gateway": 3}
    ranks = [
        2 if isinstance(step, Publish) else 4 if isinstance(step, End) else
        max(order[roles[name].role] if name in roles else 1 for name in step.cells)
        for step in found.steps
    ]  # fmt: skip
    assert ranks == sorted(ranks)
    assert ranks.count(2) == 1


@given(PAIRS, CELLS)
def test_a_plan_counts_every_device_that_differs_and_says_what_it_does_not_know(
    pair: tuple[CitySpec, CitySpec], count: int
) -> None:
    before, after, found = way(*pair, count)
    change = compare(before.city, after.city)
    plan = summarize_change(change, before, after, found, "p")
    counts = device_counts(plan)
    both = {d.id for d in before.city.devices} & {d.id for d in after.city.devices}
    assert counts["added"] == len(after.city.devices) - len(both)
    assert counts["removed"] == len(before.city.devices) - len(both)
    assert plan["blind"]["devices"] == len(list(change.blind()))
    assert plan["empty"] == change.empty
    assert not plan["holds"]["known"]
    for part in plan["devices"].values():
        assert part["count"] == len(part["named"]) + part["more"]
    for one in plan["devices"]["changed"]["named"]:
        assert one["keys"], "why it is changed"
