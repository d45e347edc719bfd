"""The register's epochs and versions, and the parcel that shards travel in."""

from __future__ import annotations

import itertools
import pickle
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.cluster import city_copy
from jacquemart.runtime.cluster.blueprint import actor_name, blueprints, city_of
from jacquemart.runtime.cluster.parcel import pack, unpack
from jacquemart.runtime.cluster.register import Register
from jacquemart.runtime.model.city import (
    NO_PARAMETERS,
    CitySpec,
    DeviceSpec,
    GatewaySpec,
    LinkSpec,
    PointSpec,
    TemplateSpec,
    ZoneSpec,
)
from jacquemart.runtime.model.directory import CellAddress, CellPlan, Placement, ShardSpec

POINTS = (PointSpec("level", "%", 0.0, 100.0, writable=True, address={"table": ("coil", 1)}),)
DEVICES = tuple(DeviceSpec(f"d{i}", "lamp", "z", "l", f"Lämpe {i}", i, lat=47.3) for i in range(5))
SHARD = ShardSpec("z/0", "z", (LinkSpec("l", "fake", "z", {"host": "h", "port": 1}),), DEVICES)
CITY = CitySpec(
    "c", "C", (ZoneSpec("z"), ZoneSpec("y")), {"lamp": TemplateSpec("lamp", "light", "fake", ())},
    SHARD.links, DEVICES,
)  # fmt: skip
PLACEMENT = Placement(CITY, (CellPlan("device-1", (SHARD,), {"depot": 0.001}),))


def address(name: str, epoch: int) -> CellAddress:
    return CellAddress(name, "device", epoch, "tcp://a:1", "tcp://a:2", 1, "a")


@given(st.lists(st.integers(0, 10**13)), st.integers(0, 10**13))
def test_epochs_grow_whatever_the_wall_clock_does(jumps: list[int], start: int) -> None:
    register = Register(PLACEMENT, start)
    epochs = [register.next_epoch(jump) for jump in jumps]
    assert all(b > a for a, b in itertools.pairwise(epochs))
    assert all(epoch >= max(start, jump) for epoch, jump in zip(epochs, jumps, strict=True))


@given(st.integers(0, 10**13), st.lists(st.integers(1, 10**14), min_size=1))
def test_an_epoch_that_a_journal_knows_is_outbid(start: int, known: list[int]) -> None:
    register = Register(PLACEMENT, start)
    for least in known:
        register.at_least(least)
        epoch = register.next_epoch(start)
        assert epoch >= max(least, start)
    assert register.next_epoch(0) > epoch


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9)), max_size=30))
def test_the_directory_holds_the_newest_incarnation_and_never_an_older_one(
    arrivals: list[tuple[str, int]],
) -> None:
    register = Register(PLACEMENT, 0, version=7)
    newest: dict[str, int] = {}
    changes = 0
    for name, epoch in arrivals:
        taken = register.arrived(address(name, epoch))
        assert taken == (epoch > newest.get(name, 0))
        newest[name] = max(epoch, newest.get(name, 0))
        changes += taken
    directory = register.directory()
    assert {name: cell.epoch for name, cell in directory.cells.items()} == newest
    assert directory.version == 7 + changes
    assert directory.homes == {"z/0": "device-1"}
    assert set(directory.zones) == {"z", "y"}


@given(
    st.lists(
        st.builds(
            DeviceSpec, st.text(), st.text(), st.text(), st.text(), st.text(), st.integers(),
            st.integers(), st.text(), st.none() | st.floats(allow_nan=False),
            st.none() | st.floats(allow_nan=False),
        )
    )
)  # fmt: skip
def test_shards_come_out_of_the_parcel_as_they_went_in(devices: list[DeviceSpec]) -> None:
    shards = (
        ShardSpec("z/0", "z", SHARD.links, tuple(devices)),
        SHARD,
        replace(SHARD, id="z/1", bases=(7, 5, 9, 11, 30), capacity=40),
    )
    parcel = pickle.loads(pickle.dumps(pack(shards)))  # as Ray does
    assert unpack(parcel) == shards


def test_devices_without_parameters_share_one_empty_mapping_wherever_they_travel() -> None:
    rich = replace(DEVICES[0], parameters={"base": 3})
    devices = (rich, *DEVICES[1:])
    shard = replace(SHARD, devices=devices)
    travelled = unpack(pickle.loads(pickle.dumps(pack([shard]))))[0].devices
    copied = city_copy.unpack(city_copy.pack(replace(CITY, devices=devices))).devices
    for found in (travelled, copied):
        assert found == devices
        assert all(device.parameters is NO_PARAMETERS for device in found[1:])


def test_the_outline_of_a_zone_travels_with_its_city() -> None:
    city = replace(CITY, zones=(ZoneSpec("z", "Z", b"\x01\x06wkb"),))
    assert city_copy.unpack(city_copy.pack(city)) == city


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False)
        | st.text() | st.datetimes(timezones=st.just(UTC)),
        lambda inner: (
            st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner)
        ),
        max_leaves=8,
    )
)  # fmt: skip
def test_a_city_is_taken_over_exactly_as_it_was(option: object) -> None:
    links = (replace(SHARD.links[0], options={"drawn": option}),)
    city = replace(CITY, links=links, templates={"lamp": TemplateSpec("lamp", "k", "d", POINTS)})
    assert city_copy.unpack(city_copy.pack(city)) == city


@given(st.binary(max_size=60))
def test_bytes_that_hold_no_city_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no packed city"):
        city_copy.unpack(content)


def test_there_is_a_blueprint_for_each_cell_with_what_it_must_know() -> None:
    made = {one.name: one for one in blueprints(PLACEMENT, 42, GatewaySpec(port=1))}
    assert [one.role for one in made.values()] == ["device", "zone", "gateway", "centre"]
    device = made["device-1"]
    assert device.config.shards == (SHARD,)
    assert [zone.id for zone in device.config.zones] == ["z"]
    assert device.resources == {"depot": 0.001}
    assert all(
        one.config.warden_pid == 42 and one.config.gateway.port == 1 for one in made.values()
    )
    assert [one.all_shards for one in made.values()] == [False, True, True, True]


def test_all_but_device_cells_stay_beside_the_warden_where_their_journals_are() -> None:
    made = {one.name: one for one in blueprints(PLACEMENT, 42, GatewaySpec(), "/state")}
    assert {one.config.state for one in made.values()} == {"/state"}
    apart = {name for name, one in made.items() if not one.beside_warden}
    assert apart == {"device-1"}


@given(st.text(min_size=1))
def test_a_citys_id_is_found_again_in_its_gateways_name(city: str) -> None:
    assert city_of(actor_name(city, "gateway-1")) == city
    assert city_of(actor_name(city, "zone-1")) is None
