"""Slots, groups, sizes and definitions that the point table refuses, and what it takes."""

from __future__ import annotations

import math
import resource
import tracemalloc
from typing import Any

import pytest

from jacquemart.native.table import PointTable


def small() -> PointTable:
    table = PointTable(4, 1)
    for slot in range(4):
        table.define(slot, 0, 0)
    return table


@pytest.mark.parametrize("slot", [-1, 4, 2**31, 2**64, 2**200])
def test_an_unknown_slot_is_an_index_error_everywhere(slot: int) -> None:
    table = small()
    for call in (
        lambda: table.update(slot, 1.0, 0, 0, 1),
        lambda: table.define(slot, 0, 0),
        lambda: table.read(slot),
        lambda: table.value(slot),
        lambda: table.quality(slot),
        lambda: table.mark(slot, 1, 0, 1),
        lambda: table.mark_slots([slot], 0, 1),
        lambda: table.mark(0, slot if slot > 4 else 5, 0, 1),
    ):
        with pytest.raises(IndexError):
            call()


@pytest.mark.parametrize("group", [-1, 1, 2**64])
def test_an_unknown_group_is_an_index_error(group: int) -> None:
    table = small()
    with pytest.raises(IndexError):
        table.rollup(group)
    with pytest.raises(IndexError):
        table.define(0, group, 0)


@pytest.mark.parametrize(
    "wrong", [{"stale_after_ns": -1}, {"low": 2.0, "high": 1.0}, {"low": math.nan}]
)
def test_a_wrong_definition_changes_nothing(wrong: dict[str, Any]) -> None:
    table = small()
    with pytest.raises(ValueError):
        table.define(**{"slot": 0, "group": 0, "stale_after_ns": 1, **wrong})
    table.update(0, 5.0, 0, 0, 1)
    assert table.sweep(10) == 0


def test_a_table_may_be_empty_and_have_no_groups() -> None:
    table = PointTable(0, 0)
    assert table.snapshot() == (b"",) * 5
    assert table.drain() is None
    assert table.changed_groups() == []
    assert table.sweep(1) == table.mark(0, 0, 0, 1) == table.update_columns([], [], [], [], 1) == 0
    with pytest.raises(IndexError):
        table.read(0)


@pytest.mark.parametrize("size", [-1, 2**31, 2**100])
def test_a_size_out_of_bounds_is_refused(size: int) -> None:
    with pytest.raises(ValueError):
        PointTable(size, 1)
    with pytest.raises(ValueError):
        PointTable(1, size)


@pytest.mark.parametrize("slot", [-1, 4, 2**31, 2**200])
def test_only_slots_that_there_are_can_be_retired(slot: int) -> None:
    table = small()
    for call in (lambda: table.retire(slot), lambda: table.retire(0, slot if slot > 4 else 5)):
        with pytest.raises(IndexError):
            call()
    assert table.rollup(0).count == 4


@pytest.mark.parametrize(("capacity", "groups"), [(3, 1), (4, 0), (2**31, 1), (4, 2**31)])
def test_a_table_grows_within_bounds_or_stays_as_it_is(capacity: int, groups: int) -> None:
    table = small()
    with pytest.raises(ValueError, match="cannot become"):
        table.grow(capacity, groups)
    assert (table.capacity, table.groups) == (4, 1)


def test_a_table_that_finds_no_room_to_grow_stays_as_it_is() -> None:
    table = small()
    table.update(2, 5.0, 0, 0, 1)
    before = table.snapshot()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**33, hard))
    try:
        with pytest.raises(MemoryError):
            table.grow(2**31 - 1, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert (table.capacity, table.snapshot(), table.dirty_count) == (4, before, 1)
    assert table.rollup(0).online == 1
    table.grow(5, 2)
    table.define(4, 1, 0)
    assert table.update(4, 1.0, 0, 0, 2)
    assert table.rollup(1).count == 1


def test_a_retired_slot_takes_nothing_any_more() -> None:
    table = small()
    table.update_columns([0, 1, 2], [1.0, 2.0, 3.0], None, None, 5)
    assert table.retire(1) == 1
    assert table.retire(0, 3) == 2
    assert table.drain() is None
    assert not table.urgent
    assert table.update_columns([0, 1, 2], [9.0, 9.0, 9.0], None, None, 6) == 0
    assert table.mark(0, 3, 0xC2, 6) == 0
    assert table.sweep(10**18) == 0
    assert table.drain() is None
    for slot in range(3):
        value, quality, source, receive = table.read(slot)
        assert math.isnan(value)
        assert (quality, source, receive) == (0xCA, 0, 0)
        with pytest.raises(ValueError, match="retired"):
            table.define(slot, 0, 0)
    assert table.rollup(0).count == 1


def test_nbytes_is_what_the_table_takes_and_all_of_it_is_given_back() -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        table = PointTable(10_000, 50)
        for slot in range(10_000):
            table.define(slot, slot % 50, 0, keep_every=True, low=0.0)
        table.rollup(3)
        table.grow(20_000, 70)
        table.rollup(3)
        taken = tracemalloc.get_traced_memory()[0] - before
        assert abs(table.nbytes() - taken) < 1_000
        del table
        assert tracemalloc.get_traced_memory()[0] - before < 1_000
    finally:
        tracemalloc.stop()
