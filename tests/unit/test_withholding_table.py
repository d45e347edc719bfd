"""The table that withholds: what a story about vehicles does not tell of it."""

from __future__ import annotations

import math
import struct

import pytest

from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec, TemplateSpec
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.layout import ShardLayout
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.withholding import WithholdingTable

S = 1_000_000_000
T0 = 1_767_225_600 * S
STATUS = PointSpec("status", high=2.0, stale_after_ms=90_000)
POSITION = PointSpec("latitude", stale_after_ms=90_000, withheld_unless="status", by_source=True)
METER = PointSpec("rain", stale_after_ms=60_000, by_source=True)


def table_of(*points: PointSpec) -> WithholdingTable:
    template = TemplateSpec("t", "generic", "simulated", points)
    devices = (DeviceSpec("d", "t", "zone", "link"),)
    spec = ShardSpec("zone/0", "zone", (LinkSpec("link", "simulated", "zone"),), devices)
    layout = ShardLayout(spec, {"t": template})
    table = WithholdingTable(layout.capacity, len(layout.groups))
    layout.define(table)
    return table


def test_a_point_by_its_source_time_needs_no_duty() -> None:
    table = table_of(METER)
    table.update(0, 1.0, 0, T0, T0)
    table.update(0, 2.0, 0, T0 - 5 * S, T0 + S)
    assert (table.value(0), table.late) == (1.0, 1)
    table.update(0, 3.0, 0, T0 + S, T0 + 2 * S)
    assert table.value(0) == 3.0
    table.sweep(T0 + 61 * S)
    assert table.quality(0) == Quality.GOOD
    table.sweep(T0 + 62 * S)
    assert table.quality(0) == Quality.STALE_AGE


def test_a_clock_that_is_ahead_shuts_nothing_out() -> None:
    table = table_of(STATUS, POSITION)
    table.update(0, 1.0, 0, T0 + 3_600 * S, T0)
    table.update(1, 47.0, 0, T0 + 3_600 * S, T0 + S)
    assert (table.value(1), table.quality(1)) == (47.0, Quality.UNCERTAIN_CLOCK)
    table.update(1, 47.1, 0, T0 + 2 * S, T0 + 2 * S)
    assert (table.value(1), table.quality(1)) == (47.1, Quality.GOOD)


def test_an_older_word_that_it_is_on_duty_does_not_undo_a_newer_that_it_is_off() -> None:
    table = table_of(STATUS, POSITION)
    table.update(0, 0.0, 0, T0, T0)
    table.update(0, 1.0, 0, T0 - S, T0 + S)
    table.update(1, 47.0, 0, T0 + 2 * S, T0 + 2 * S)
    assert math.isnan(table.value(1))
    assert table.value(0) == 1.0  # the status itself is told in the order in which it comes


def test_nothing_of_a_private_point_is_kept_for_later() -> None:
    table = table_of(STATUS, PointSpec("latitude", keep="every", withheld_unless="status"))
    table.update_columns([0, 1], [1.0, 47.0], None, None, T0)
    table.update(1, 47.1, 0, 0, T0)
    table.update(0, 0.0, 0, 0, T0)
    batch = table.drain()
    assert batch is not None
    slots, values = (struct.unpack(f"<2{form}", batch[at]) for at, form in ((0, "I"), (1, "d")))
    told = dict(zip(slots, values, strict=True))
    assert told[0] == 0.0
    assert math.isnan(told[1])


def test_a_batch_with_a_slot_that_there_is_not_changes_nothing() -> None:
    table = table_of(STATUS, POSITION)
    table.update_columns([0, 1], [1.0, 47.0], None, None, T0)
    before = table.snapshot()
    with pytest.raises(IndexError):
        table.update_columns([0, 1, 2], [0.0, 47.1, 1.0], None, None, T0 + S)
    with pytest.raises(ValueError):
        table.update_columns([0, 1], [0.0], None, None, T0 + S)
    with pytest.raises(ValueError):
        table.update_columns([0, 1], [0.0, 1.0], b"\0", None, T0 + S)
    assert table.snapshot() == before


def test_a_copy_hides_what_its_shard_would_hide() -> None:
    shard, copy = table_of(STATUS, POSITION), table_of(STATUS, POSITION)
    shard.update_columns([0, 1], [1.0, 47.0], None, None, T0)
    copy.apply_batch(*shard.snapshot())
    assert copy.value(1) == 47.0
    copy.mark_slots([0, 1], Quality.STALE_GAP, T0 + S)
    assert math.isnan(copy.value(1))
    copy.apply_batch(*shard.snapshot())
    assert copy.value(1) == 47.0


def test_raw_columns_are_read_as_the_table_reads_them() -> None:
    table = table_of(STATUS, POSITION)
    slots, values = struct.pack("<2I", 1, 0), struct.pack("<2d", 47.0, 2.0)
    table.update_columns(slots, values, b"\0\0", struct.pack("<2q", T0, T0), T0)
    assert (table.value(0), table.value(1)) == (2.0, 47.0)


def test_a_slot_that_has_left_stays_left() -> None:
    table = table_of(STATUS, POSITION)
    table.update_columns([0, 1], [1.0, 47.0], None, None, T0)
    table.retire(0, 2)
    table.update_columns([0, 1], [1.0, 47.0], None, None, T0 + S)
    table.sweep(T0 + 500 * S)
    assert math.isnan(table.value(1))


def test_a_private_point_without_its_duty_point_is_a_fault_of_the_template() -> None:
    with pytest.raises(ConfigError, match="withheld unless status"):
        table_of(POSITION)
