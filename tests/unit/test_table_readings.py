"""What the point table makes of single readings: judging, keeping, staleness, rollups."""

from __future__ import annotations

import math
import struct

import pytest

from jacquemart.native.table import PointTable

S = 1_000_000_000
NEVER, COMM, VALUE = 0xC1, 0xC2, 0xC7


def table_of(slots: int = 4, groups: int = 2, **defined: object) -> PointTable:
    table = PointTable(slots, groups)
    for slot in range(slots):
        table.define(slot, 0, 0, **defined)  # type: ignore[arg-type]
    return table


def drained(table: PointTable) -> list[tuple[int, float, int, int, int]]:
    columns = table.drain()
    if columns is None:
        return []
    slots, values, qualities, source, receive = columns
    many = len(qualities)
    return list(
        zip(
            struct.unpack(f"<{many}I", slots),
            struct.unpack(f"<{many}d", values),
            qualities,
            struct.unpack(f"<{many}q", source),
            struct.unpack(f"<{many}q", receive),
            strict=True,
        )
    )


def test_a_fresh_slot_was_never_read_and_is_not_dirty() -> None:
    table = PointTable(2, 1)
    value, *rest = table.read(1)
    assert math.isnan(value)
    assert rest == [NEVER, 0, 0]
    assert table.dirty_count == 0
    assert table.drain() is None


def test_an_empty_group_has_counts_of_zero_and_no_values() -> None:
    count, online, total, minimum, maximum, worst = PointTable(2, 1).rollup(0)
    assert (count, online, worst) == (0, 0, 0)
    assert all(map(math.isnan, (total, minimum, maximum)))


def test_a_reading_is_stored_and_a_change_is_told() -> None:
    table = table_of()
    assert table.update(1, 21.5, 0, 3, 5) is True
    assert table.read(1) == (21.5, 0, 3, 5)
    assert table.update(1, 21.5, 0, 4, 6) is False
    assert drained(table) == [(1, 21.5, 0, 4, 6)]


def test_a_slot_whose_times_changed_is_dirty_and_an_equal_reading_is_not() -> None:
    table = table_of()
    table.update(1, 1.0, 0, 3, 5)
    table.drain()
    table.update(1, 1.0, 0, 3, 5)
    assert table.dirty_count == 0
    table.update(1, 1.0, 0, 3, 6)
    assert table.dirty_count == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_what_is_no_finite_number_keeps_the_value_and_becomes_bad(value: float) -> None:
    table = table_of()
    table.update(0, 7.0, 0, 1, 1)
    assert table.update(0, value, 0, 2, 2) is True
    assert table.read(0) == (7.0, VALUE, 2, 2)


def test_nan_keeps_the_reason_of_a_bad_quality_that_came_with_it() -> None:
    table = table_of()
    table.update(0, 7.0, 0, 1, 1)
    table.update(0, math.nan, COMM, 2, 2)
    assert table.read(0) == (7.0, COMM, 2, 2)


def test_a_source_time_of_zero_is_the_receive_time() -> None:
    table = table_of()
    table.update(0, 1.0, 0, 0, 9)
    assert table.read(0) == (1.0, 0, 9, 9)


@pytest.mark.parametrize(("given", "stored"), [(0x00, 0x41), (0x01, 0x41), (0x80, 0x80)])
def test_a_source_time_from_the_future_is_replaced(given: int, stored: int) -> None:
    table = table_of()
    table.update(0, 1.0, given, 11, 10)
    assert table.read(0) == (1.0, stored, 10, 10)


@pytest.mark.parametrize(
    ("value", "given", "stored"),
    [
        (0.0, 0, 0),
        (100.0, 0, 0),
        (-0.5, 0, 0x42),
        (100.5, 0, 0x42),
        (100.5, 0x80, 0x80),
        (math.nan, 0, VALUE),
    ],
)
def test_a_good_value_outside_its_range_is_uncertain(value: float, given: int, stored: int) -> None:
    table = table_of(low=0.0, high=100.0)
    table.update(0, value, given, 0, 1)
    assert table.quality(0) == stored


def test_out_of_range_outweighs_a_wrong_clock() -> None:
    table = table_of(low=0.0)
    table.update(0, -1.0, 0, 9, 5)
    assert table.read(0) == (-1.0, 0x42, 5, 5)


def test_urgent_is_a_change_of_severity_or_of_an_urgent_slots_value() -> None:
    table = table_of()
    table.define(3, 0, 0, urgent=True)
    table.update(0, 1.0, 0, 0, 1)
    assert table.urgent
    table.update(3, 1.0, 0, 0, 1)
    table.drain()
    assert not table.urgent
    table.update(0, 2.0, 1, 0, 2)
    table.update(3, 1.0, 0, 0, 2)
    assert not table.urgent
    table.update(3, 2.0, 0, 0, 3)
    assert table.urgent


def test_every_reading_of_a_keep_every_slot_is_drained_once_and_in_order() -> None:
    table = table_of(keep_every=True)
    for pulse in (1.0, 1.0, 2.0):
        table.update(2, pulse, 0, 5, 5)
        table.update(0, pulse, 0, 5, 5)
    assert [(row[0], row[1]) for row in drained(table)] == [
        (2, 1.0),
        (0, 1.0),
        (2, 1.0),
        (0, 1.0),
        (2, 2.0),
        (0, 2.0),
    ]
    table.update(2, 2.0, 0, 5, 5)
    assert drained(table) == [(2, 2.0, 0, 5, 5)]


def test_a_full_keep_every_log_is_counted_and_makes_the_slot_uncertain() -> None:
    table = table_of(keep_every=True)
    for pulse in range(4096 + 3):
        table.update(1, float(pulse), 0, 0, pulse)
    assert table.lost_every == 2
    rows = drained(table)
    assert [row[1] for row in rows[:-1]] == [float(pulse) for pulse in range(4096)]
    assert rows[-1] == (1, 4098.0, 0x40, 4098, 4098)
    table.update(1, 5.0, 0, 0, 5)
    assert table.quality(1) == 0


def test_a_slot_is_stale_once_its_age_exceeds_the_limit() -> None:
    table = PointTable(3, 1)
    table.define(0, 0, 10 * S)
    table.define(1, 0, 0)
    for slot in range(2):
        table.update(slot, 1.0, 0, 0, 5 * S)
    assert table.sweep(15 * S) == 0
    assert table.sweep(15 * S + 1) == 1
    assert table.sweep(16 * S) == 0
    assert table.read(0) == (1.0, 0x80, 5 * S, 5 * S)
    assert table.rollup(0).online == 1


def test_a_clock_that_jumped_makes_nothing_stale_and_nothing_crash() -> None:
    table = PointTable(2, 1)
    for slot, received in enumerate((2**63 - 1, -(2**63))):
        table.define(slot, 0, S)
        table.update(slot, 1.0, 0, 0, received)
    assert table.sweep(-(2**63)) == 0
    assert table.sweep(2**63 - 1) == 1
    assert [table.quality(slot) for slot in range(2)] == [0, 0x80]


@pytest.mark.parametrize(("now", "stale"), [(-S, 0), (-1, 0), (0, 1), (2**63 - 1, 1)])
def test_a_limit_of_all_times_is_exceeded_only_by_a_longer_age(now: int, stale: int) -> None:
    table = PointTable(1, 1)
    table.define(0, 0, 2**63 - 1)
    table.update(0, 1.0, 0, 0, -(2**63))
    assert table.sweep(now) == stale


def test_mark_keeps_value_and_source_time() -> None:
    table = table_of()
    table.update(1, 4.0, 0, 1, 2)
    assert table.mark(0, 4, COMM, 9) == 4
    assert table.mark(0, 4, COMM, 9) == 0
    assert table.read(1) == (4.0, COMM, 1, 9)
    assert table.mark_slots([1, 1], 0x80, 9) == 1


def test_a_slot_without_a_value_cannot_be_marked_better_than_bad() -> None:
    table = table_of()
    assert table.mark(0, 1, 0, 5) == 0
    assert table.quality(0) == NEVER
    assert table.rollup(0).online == 0


def test_a_rollup_counts_all_and_adds_what_is_online() -> None:
    table = table_of(5, 2)
    table.define(4, 1, 0)
    for slot, (value, quality) in enumerate([(2.0, 0), (-1.0, 0x40), (50.0, 0x80)]):
        table.update(slot, value, quality, 0, 1)
    assert table.rollup(0) == (4, 2, 1.0, -1.0, 2.0, NEVER)
    assert table.rollup(0).worst == NEVER
    assert table.changed_groups() == [0, 1]
    assert table.changed_groups() == []


def test_a_rollup_is_right_again_when_its_worst_member_recovers() -> None:
    table = table_of(2, 1)
    table.update(0, 1.0, 0x41, 0, 1)
    table.update(1, 1.0, VALUE, 0, 1)
    assert table.rollup(0).worst == VALUE
    table.update(1, 1.0, 0, 0, 2)
    assert table.rollup(0) == (2, 2, 2.0, 1.0, 1.0, 0x41)


def test_a_slot_that_is_defined_anew_takes_its_data_to_the_other_group() -> None:
    table = table_of(2, 2)
    table.update(0, 3.0, 0, 0, 1)
    table.rollup(0)
    table.changed_groups()
    table.define(0, 1, 0)
    assert table.changed_groups() == [0, 1]
    assert table.rollup(0)[:2] == (1, 0)
    assert table.rollup(1) == (1, 1, 3.0, 3.0, 3.0, 0)
