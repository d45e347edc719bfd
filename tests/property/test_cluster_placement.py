"""Placement: every device once, links whole, nodes respected, loads even."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.cluster.placement import GRANULES_A_CELL, place
from jacquemart.runtime.model.city import (
    CitySpec,
    DeviceSpec,
    LinkSpec,
    PointSpec,
    TemplateSpec,
    ZoneSpec,
)
from jacquemart.runtime.model.directory import Placement
from jacquemart.runtime.model.errors import StartError, UsageError

TEMPLATES = {
    name: TemplateSpec(name, "light", "fake", tuple(PointSpec(f"p{i}") for i in range(count)))
    for name, count in (("small", 1), ("big", 7))
}
NODES = {"depot": 1.0, "tower": 2.0}


def _links(plain: bool) -> st.SearchStrategy[list[tuple[int, str, str, int, int]]]:
    return st.lists(
        st.tuples(
            st.integers(0, 4),
            st.just("shared") if plain else st.sampled_from(["shared"] * 4 + ["process"]),
            st.just("") if plain else st.sampled_from(["", "", "", "depot", "tower"]),
            st.integers(0, 12),
            st.integers(0, 12),
        ),
        max_size=25,
    )


def cities(*, plain: bool = False) -> st.SearchStrategy[CitySpec]:
    """Draw a city; a plain one has only shared links that every node reaches."""
    return st.builds(_city, _links(plain), st.booleans())


def _city(drawn: list[tuple[int, str, str, int, int]], mixed: bool) -> CitySpec:
    links, devices = [], []
    for number, (zone, isolation, node, small, big) in enumerate(drawn):
        link = LinkSpec(f"link-{number}", "fake", f"z{zone}", isolation=isolation, node=node)  # type: ignore[arg-type]
        links.append(link)
        devices += [
            DeviceSpec(f"d-{number}-{i}", "small" if i < small else "big", f"z{zone}", link.id)
            for i in range(small + big)
        ]
    if mixed:  # a file may list the devices of several links in any order
        devices.sort(key=lambda device: device.id[::-1])
    zones = tuple(ZoneSpec(f"z{zone}") for zone in range(5))
    return CitySpec("c", "C", zones, TEMPLATES, tuple(links), tuple(devices))


def weight(placement: Placement) -> list[int]:
    sizes = {name: len(template.points) for name, template in TEMPLATES.items()}
    return [
        sum(sizes[device.template] for shard in plan.shards for device in shard.devices)
        for plan in placement.cells
    ]


@given(cities(), st.integers(1, 8))
def test_every_device_and_link_is_placed_exactly_once(city: CitySpec, cells: int) -> None:
    shards = [shard for plan in place(city, cells, NODES).cells for shard in plan.shards]
    assert Counter(d.id for s in shards for d in s.devices) == Counter(d.id for d in city.devices)
    assert Counter(link.id for s in shards for link in s.links) == Counter(
        link.id for link in city.links
    )
    assert len({shard.id for shard in shards}) == len(shards)


@given(cities(), st.integers(1, 8))
def test_a_link_is_never_split_and_its_devices_are_neighbours(city: CitySpec, cells: int) -> None:
    order = {device.id: at for at, device in enumerate(city.devices)}
    for plan in place(city, cells, NODES).cells:
        for shard in plan.shards:
            assert all(link.zone == shard.zone for link in shard.links)
            assert shard.id.startswith(f"{shard.zone}/")
            wanted = [
                device.id
                for link in shard.links
                for device in sorted(
                    (d for d in shard.devices if d.link == link.id), key=lambda d: order[d.id]
                )
            ]
            assert [device.id for device in shard.devices] == wanted


@given(cities(), st.integers(1, 8))
def test_isolated_links_and_node_links_share_no_cell_with_others(
    city: CitySpec, cells: int
) -> None:
    for plan in place(city, cells, NODES).cells:
        links = [link for shard in plan.shards for link in shard.links]
        assert links, f"{plan.name} has nothing to do"
        assert len({link.node for link in links}) == 1
        assert set(plan.resources) == ({links[0].node} if links[0].node else set())
        if any(link.isolation == "process" for link in links):
            assert len(links) == 1


@given(cities(plain=True), st.integers(1, 8))
def test_no_cell_carries_more_than_the_mean_a_granule_and_a_link(
    city: CitySpec, cells: int
) -> None:
    placement = place(city, cells, {})
    assert len(placement.cells) <= cells
    loads = weight(placement)
    if not loads:
        return
    heaviest_link = max(
        sum(len(TEMPLATES[d.template].points) for d in city.devices if d.link == link.id)
        for link in city.links
    )
    mean = sum(loads) / cells
    assert max(loads) <= mean * (1 + 1 / GRANULES_A_CELL) + heaviest_link + 1


@given(cities(), st.integers(1, 8))
@settings(max_examples=30)
def test_the_same_city_gives_the_same_placement(city: CitySpec, cells: int) -> None:
    assert place(city, cells, NODES) == place(city, cells, dict(reversed(NODES.items())))


def test_a_city_of_many_like_zones_is_even_and_keeps_zones_together() -> None:
    links = tuple(LinkSpec(f"l{z}-{i}", "fake", f"z{z}") for z in range(24) for i in range(10))
    devices = tuple(
        DeviceSpec(f"{link.id}-{i}", "big", link.zone, link.id) for link in links for i in range(50)
    )
    zones = tuple(ZoneSpec(f"z{z}") for z in range(24))
    placement = place(CitySpec("c", "C", zones, TEMPLATES, links, devices), 4, {})
    loads = weight(placement)
    assert max(loads) == min(loads)
    homes = Counter(
        zone for plan in placement.cells for zone in {shard.zone for shard in plan.shards}
    )
    assert set(homes.values()) == {1}


def test_one_big_zone_is_split_over_all_cells() -> None:
    links = tuple(LinkSpec(f"l{i}", "fake", "z0") for i in range(40))
    devices = tuple(
        DeviceSpec(f"{link.id}-{i}", "small", "z0", link.id) for link in links for i in range(60)
    )
    city = CitySpec("c", "C", (ZoneSpec("z0"),), TEMPLATES, links, devices)
    placement = place(city, 4, {})
    loads = weight(placement)
    assert len(loads) == 4
    assert max(loads) <= 1.1 * min(loads)


def test_a_node_that_the_cluster_lacks_is_refused_by_name() -> None:
    link = LinkSpec("l0", "fake", "z0", node="moon")
    city = CitySpec("c", "C", (ZoneSpec("z0"),), TEMPLATES, (link,), ())
    with pytest.raises(StartError, match="moon"):
        place(city, 1, {"depot": 1.0})


def test_less_than_one_cell_is_refused() -> None:
    with pytest.raises(UsageError):
        place(CitySpec("c", "C", (), TEMPLATES, (), ()), 0, {})
