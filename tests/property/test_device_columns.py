"""Devices as columns are the devices that went in, whatever is said of them."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.cluster import parcel
from jacquemart.runtime.model.city import NO_PARAMETERS, DeviceSpec, LinkSpec
from jacquemart.runtime.model.columns import Texts, Words, whole_numbers
from jacquemart.runtime.model.devices import DeviceColumns, ids_of, templates_of
from jacquemart.runtime.model.directory import ShardSpec

TEXTS = st.text(max_size=8)
PLACES = st.none() | st.floats(-180, 180)
DEVICES = st.lists(
    st.builds(
        DeviceSpec,
        id=TEXTS,
        template=st.sampled_from(("lamp", "cabinet")),
        zone=TEXTS,
        link=TEXTS,
        name=TEXTS,
        index=st.integers(-(2**70), 2**70) | st.integers(0, 300),
        unit_id=st.integers(0, 255),
        fed_by=TEXTS,
        lat=PLACES,
        lon=PLACES,
        parameters=st.just(NO_PARAMETERS) | st.just({"loops": 2}),
    ),
    max_size=12,
)


@given(DEVICES)
def test_columns_are_the_tuple_that_they_were_made_from(devices: list[DeviceSpec]) -> None:
    columns = DeviceColumns(devices)
    given = tuple(devices)
    assert tuple(columns) == given
    assert columns == given
    assert given == columns
    assert [columns[at] for at in range(len(columns))] == devices
    assert columns[-2:] == given[-2:]
    assert list(ids_of(columns)) == list(ids_of(given)) == [one.id for one in devices]
    assert list(templates_of(columns)) == list(templates_of(given))
    assert all(one.parameters is NO_PARAMETERS for one in columns if not one.parameters)


@given(DEVICES, st.sampled_from(("device", "zone", "gateway", "centre")))
def test_a_parcel_gives_each_role_what_it_needs(devices: list[DeviceSpec], role: str) -> None:
    link = LinkSpec("line", "simulated", "z")
    shard = ShardSpec("z/0", "z", (link,), tuple(devices), tuple(range(len(devices))), 99)
    (got,) = parcel.unpack(pickle.loads(pickle.dumps(parcel.pack([shard]))), role)  # type: ignore[arg-type]
    if role in ("device", "zone"):
        assert got == shard
        assert isinstance(got.devices, tuple) == (role == "device")
    else:
        assert (got.id, got.zone, got.bases, got.capacity) == ("z/0", "z", shard.bases, 99)
        assert [(one.id, one.template, one.zone) for one in got.devices] == [
            (one.id, one.template, one.zone) for one in devices
        ]


@given(st.lists(TEXTS))
def test_texts_and_words_give_back_what_they_got(texts: list[str]) -> None:
    for column in (Texts(texts), Words(texts)):
        assert list(column) == texts
        assert [column[at] for at in range(-len(texts), len(texts))] == texts + texts
        assert column[1:3] == texts[1:3]


@given(st.lists(st.integers(-(2**65), 2**65)))
def test_whole_numbers_of_any_size_are_kept(numbers: list[int]) -> None:
    assert list(whole_numbers(numbers)) == numbers


def test_columns_take_a_tenth_of_what_records_take() -> None:
    street = [
        DeviceSpec(f"dij-c001-l{n:05d}", "lamp", "dijon", f"line-{n // 54}", f"lampe {n}", n % 54)
        for n in range(5_000)
    ]
    columns = DeviceColumns(street)
    assert len(pickle.dumps(columns, protocol=5)) < 70 * len(street)
    assert len(pickle.dumps(columns.lean(), protocol=5)) < 25 * len(street)
