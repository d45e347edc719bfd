"""What clients and followers make of a city that grows under their streams."""

from __future__ import annotations

import asyncio
import math
import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.native.batch import Batch
from jacquemart.native.frames import decode_batch, encode_batch
from jacquemart.native.table import PointTable
from jacquemart.runtime.cell.views_change import Ahead
from jacquemart.runtime.client.updates import RollupUpdate, Update, UpdateSink
from jacquemart.runtime.kernel.stream import VersionFollower
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.reading import Reading

TOPIC = "r/north/0/"
Row = tuple[int, float, int, int, int]


def columns(rows: list[Row]) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    parts = list(zip(*rows, strict=True)) or [()] * 5
    packed = [
        struct.pack(f"<{len(rows)}{code}", *p) for code, p in zip("IdBqq", parts, strict=True)
    ]
    return packed[0], packed[1], packed[2], packed[3], packed[4]


def batch(*rows: Row) -> Batch:
    return decode_batch(encode_batch(TOPIC, 1, 1, *columns(list(rows))))


def layout(*devices: str, **more: Any) -> dict[str, Any]:
    """Describe devices of two points each; an empty id is two slots of nobody's."""
    return {
        "devices": [[d, "lamp" if d else "(2 slots)"] for d in devices],
        "templates": {"lamp": ["a", "b"], "(2 slots)": ["", ""]},
        "units": {"lamp": ["%", ""], "(2 slots)": ["", ""]},
        **more,
    }


def whole(*devices: str) -> dict[str, Any]:
    rows = [(slot, float(slot), 0, 1, 1) for slot in range(2 * len(devices))]
    return layout(*devices, columns=list(columns(rows)))


def taken(sink: UpdateSink) -> list[Update]:
    """Return what a consumer gets now."""

    async def take() -> list[Update]:
        async with asyncio.timeout(0.01):
            return await sink.take()

    try:
        return asyncio.run(take())
    except TimeoutError:
        return []


def readings(sink: UpdateSink) -> dict[str, tuple[float, Quality]]:
    return {u.point: (u.value, u.quality) for u in taken(sink) if isinstance(u, Reading)}


def test_a_new_device_is_named_when_its_layout_comes_with_what_it_said_before() -> None:
    sink = UpdateSink("*")
    sink.snapshot(TOPIC, whole("one"))
    assert readings(sink) == {"one/a": (0.0, Quality.GOOD), "one/b": (1.0, Quality.GOOD)}
    sink.batch(TOPIC, batch((2, 7.0, 0, 5, 5), (0, 9.0, 0, 5, 5), (2, 8.0, 0, 6, 6)))
    assert readings(sink) == {"one/a": (9.0, Quality.GOOD)}
    sink.snapshot("l/north/0/", layout("one", "two"))
    found = readings(sink)
    assert found.keys() == {"two/a", "two/b"}
    assert found["two/a"] == (8.0, Quality.GOOD)
    assert math.isnan(found["two/b"][0])
    assert found["two/b"][1] is Quality.BAD_NEVER_READ
    sink.batch(TOPIC, batch((3, 4.0, 0, 7, 7)))
    assert readings(sink) == {"two/b": (4.0, Quality.GOOD)}


def test_a_device_that_leaves_is_told_and_one_that_stays_is_not() -> None:
    sink = UpdateSink("*/a")
    sink.snapshot(TOPIC, whole("one", "two", "three"))
    taken(sink)
    sink.snapshot("l/north/0/", layout("one", "", "three"))
    found = readings(sink)
    assert found.keys() == {"two/a"}
    assert found["two/a"][1] is Quality.BAD_REMOVED
    sink.stale(TOPIC)
    assert readings(sink).keys() == {"one/a", "three/a"}


def test_slots_that_are_nobodys_are_counted_and_never_told() -> None:
    sink = UpdateSink("*")
    sink.snapshot(TOPIC, whole("one", "", "three"))
    assert readings(sink).keys() == {"one/a", "one/b", "three/a", "three/b"}
    sink.batch(TOPIC, batch((2, math.nan, 0xCA, 5, 5), (5, 8.0, 0, 5, 5)))
    assert readings(sink) == {"three/b": (8.0, Quality.GOOD)}


def test_a_device_that_comes_again_behind_the_others_has_not_left() -> None:
    sink = UpdateSink("*")
    sink.snapshot(TOPIC, whole("one", "two"))
    taken(sink)
    sink.batch(TOPIC, batch((4, 3.0, 0, 5, 5)))
    sink.snapshot("l/north/0/", layout("", "two", "one"))
    found = readings(sink)
    assert found["one/a"] == (3.0, Quality.GOOD)
    assert found["one/b"][1] is Quality.BAD_NEVER_READ
    assert found.keys() == {"one/a", "one/b"}


def test_a_device_that_moved_to_another_shard_has_not_left() -> None:
    sink = UpdateSink("*")
    sink.snapshot(TOPIC, whole("one", "two"))
    sink.snapshot("r/south/0/", whole("two"))
    taken(sink)
    sink.snapshot("l/north/0/", layout("one", ""))
    assert readings(sink) == {}


def test_a_layout_before_the_readings_is_left_to_them() -> None:
    sink = UpdateSink("*")
    sink.snapshot("l/north/0/", layout("one", "two"))
    assert taken(sink) == []
    sink.snapshot(TOPIC, whole("one"))
    assert readings(sink).keys() == {"one/a", "one/b"}


def test_a_topic_that_is_gone_takes_its_points_and_aggregates_with_it() -> None:
    sink = UpdateSink("*")
    sink.snapshot(TOPIC, whole("one"))
    sink.rows("z/north/", [["lamp", "a", 2, 2, 3.0, 1.0, 2.0, 0]])
    taken(sink)
    sink.gone(TOPIC)
    assert {quality for _, quality in readings(sink).values()} == {Quality.BAD_REMOVED}
    sink.gone("z/north/")
    updates = taken(sink)
    assert [u.rollup.count for u in updates if isinstance(u, RollupUpdate)] == [0]
    sink.stale("z/north/")
    assert taken(sink) == []


def test_a_kind_that_leaves_a_zone_is_told_once_with_no_members() -> None:
    sink = UpdateSink("*")
    lamp, pump = ["lamp", "a", 2, 2, 3.0, 1.0, 2.0, 0], ["pump", "a", 1, 1, 3.0, 3.0, 3.0, 0]
    sink.rows("z/north/", [lamp, pump])
    taken(sink)
    sink.rows("z/north/", [lamp])
    told = [(u.kind, u.rollup.count) for u in taken(sink) if isinstance(u, RollupUpdate)]
    assert told == [("pump", 0)]
    sink.rows("z/north/", [lamp])
    assert taken(sink) == []


rows = st.lists(
    st.tuples(st.integers(0, 7), st.floats(0, 9), st.just(0), st.integers(1, 9), st.integers(1, 9)),
    max_size=5,
)


@given(st.lists(st.tuples(rows, st.integers(0, 2)), max_size=8))
def test_a_table_that_grows_late_misses_nothing(story: list[tuple[list[Row], int]]) -> None:
    late, early, ahead = PointTable(3, 0), PointTable(8, 0), Ahead()
    for some, grow in story:
        typed = [memoryview(c).cast(k) for c, k in zip(columns(some), "IdBqq", strict=True)]
        early.apply_batch(*typed)
        ahead.apply(late, typed)
        late.grow(min(8, late.capacity + grow), 0)
        ahead.catch_up(late)
    late.grow(8, 0)
    assert ahead.catch_up(late)
    assert late.snapshot() == early.snapshot()


@given(st.lists(st.sampled_from(["change", "beat", "lose", "answer", "old answer", "whole"])))
def test_whoever_watches_a_number_ends_up_knowing_what_it_stands_for(happenings: list[str]) -> None:
    version, number, asking, asked_at = VersionFollower(), 0, False, 0
    for happening in [*happenings, "whole", "beat", "answer", "beat", "answer"]:
        if happening in ("change", "lose"):
            number += 1
        if happening in ("change", "beat"):
            started = version.heartbeat(1, number)
            assert not (started and asking)  # one question at a time
            asking, asked_at = asking or started, number if started else asked_at
        elif happening == "whole":
            asking = version.took(1, number) or asking
        elif asking:
            news = number if happening == "answer" else asked_at
            before = version.known
            assert version.answered(1, news) is ((1, news) > before)
            asking = version.asking = version.behind
    assert version.known == (1, number)
    assert not version.behind
