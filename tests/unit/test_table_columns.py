"""In which forms the point table takes columns, and which it refuses whole."""

from __future__ import annotations

import ctypes
import math
import sys
import threading
from array import array
from typing import Any

import pytest

from jacquemart.native.table import PointTable

COLUMNS: dict[str, tuple[str, list[Any]]] = {
    "slots": ("I", [0, 2, 1]),
    "values": ("d", [1.0, 2.0, 3.0]),
    "qualities": ("B", [0, 0x40, 0xC2]),
    "source_ns": ("q", [1, 2, 3]),
    "receive_ns": ("q", [4, 5, 6]),
}
GOOD = [array(code, items) for code, items in COLUMNS.values()]


def small() -> PointTable:
    table = PointTable(4, 1)
    for slot in range(4):
        table.define(slot, 0, 0)
    return table


def with_column(at: int, column: Any) -> list[Any]:
    return [column if index == at else good for index, good in enumerate(GOOD)]


def refused(
    table: PointTable, columns: list[Any], error: type[Exception], match: str | None = None
) -> None:
    """Both ways in refuse the columns and leave the table as it was."""
    before = table.snapshot()
    with pytest.raises(error, match=match):
        table.apply_batch(*columns)
    if columns[4] is GOOD[4]:
        with pytest.raises(error, match=match):
            table.update_columns(*columns[:4], 9)
    assert table.snapshot() == before
    assert table.dirty_count == 0


def test_what_one_table_drains_another_takes_as_it_is() -> None:
    sender, receiver = small(), small()
    sender.mark(3, 1, 0xC2, 8)  # NaN, and BAD
    sender.update_columns(*GOOD[:4], 9)
    columns = sender.drain()
    assert columns is not None
    assert receiver.apply_batch(*columns) == 4
    assert receiver.snapshot() == sender.snapshot()
    assert receiver.drain() == columns


def test_a_snapshot_restores_a_table() -> None:
    sender, receiver = small(), small()
    sender.update_columns(*GOOD[:4], 9)
    receiver.apply_batch(*sender.snapshot())
    assert receiver.snapshot() == sender.snapshot()


@pytest.mark.parametrize("offset", range(1, 8))
def test_columns_at_any_alignment_are_read_rightly(offset: int) -> None:
    aligned, shifted = small(), small()
    aligned.apply_batch(*GOOD)
    blobs = [b"x" * offset + column.tobytes() for column in GOOD]
    shifted.apply_batch(*[memoryview(blob)[offset:] for blob in blobs])
    assert shifted.snapshot() == aligned.snapshot()
    shifted.apply_batch(
        *[
            memoryview(blob)[offset:].cast(column.typecode)
            for blob, column in zip(blobs, GOOD, strict=True)
        ]
    )
    assert shifted.snapshot() == aligned.snapshot()


def test_missing_qualities_are_good_and_missing_source_times_are_now() -> None:
    table = small()
    assert table.update_columns([3], [1], None, None, 9) == 1
    assert table.read(3) == (1.0, 0, 9, 9)


def test_a_later_row_of_the_same_slot_wins() -> None:
    table = small()
    assert table.update_columns([1, 1, 1], [1, 2, 2], None, [1, 2, 3], 9) == 2
    assert table.read(1) == (2.0, 0, 3, 9)


def test_a_large_batch_leaves_the_interpreter_to_other_threads() -> None:
    table = PointTable(200_000, 1)
    columns = [
        array("I", range(200_000)),
        array("d", [1.0]) * 200_000,
        bytes(200_000),
        array("q", [5]) * 200_000,
        array("q", [6]) * 200_000,
    ]
    gate = threading.Lock()
    gate.acquire()
    ran: list[bool] = []

    def run() -> None:
        gate.acquire()
        ran.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(3600.0)  # nobody gets the interpreter unless it is given up
    try:
        gate.release()
        for _ in range(1_000):
            table.apply_batch(*columns)
            if ran:
                break
    finally:
        sys.setswitchinterval(interval)
        thread.join()
    assert ran
    assert table.update_columns(*columns[:4], 7) == 0
    assert table.read(199_999) == (1.0, 0, 5, 7)
    assert table.dirty_count == 200_000


@pytest.mark.parametrize("at", range(1, 5))
@pytest.mark.parametrize("change", [-1, 1])
def test_a_column_of_another_length_is_refused(at: int, change: int) -> None:
    code, items = list(COLUMNS.values())[at]
    column = array(code, (items + items)[: 3 + change])
    refused(small(), with_column(at, column), ValueError, f"{3 + change} items for 3 slots")


@pytest.mark.parametrize("bad", [[0, 4, 1], [0, -1, 1], [0, 2**32, 1], [0, 2**70, 1]])
def test_an_unknown_slot_refuses_the_whole_batch(bad: list[int]) -> None:
    refused(small(), with_column(0, bad), IndexError)


@pytest.mark.parametrize(
    ("at", "column"),
    [
        (0, array("q", [0, 1, 2])),
        (0, array("i", [0, 1, 2])),
        (1, array("f", [0, 1, 2])),
        (2, array("I", [0, 1, 2])),
        (3, array("Q", [0, 1, 2])),
        (1, (ctypes.c_double.__ctype_be__ * 3)()),  # type: ignore[attr-defined]
        (1, memoryview(bytes(48)).cast("d")[::2]),
        (1, memoryview(bytes(24)).cast("d", [1, 3])),
        (1, bytes(23)),
    ],
    ids=["int64", "signed", "float32", "wide", "unsigned", "big-endian", "strided", "2d", "odd"],
)
def test_a_buffer_of_another_form_is_refused(at: int, column: Any) -> None:
    refused(small(), with_column(at, column), ValueError, f"column {list(COLUMNS)[at]}")


def test_bytes_that_are_no_whole_items_are_refused() -> None:
    with pytest.raises(ValueError, match="column slots: 5 bytes are no whole items of 4"):
        small().mark_slots(bytes(5), 0, 1)


@pytest.mark.parametrize(
    ("at", "column", "error"),
    [
        (2, [0, 256, 0], ValueError),
        (2, [0, -1, 0], ValueError),
        (3, [0, 2**63, 0], ValueError),
        (3, [0, 1.5, 0], TypeError),
        (0, [0, 1.0, 2], TypeError),
        (1, [0.0, "1", 2.0], TypeError),
        (1, None, TypeError),
        (1, 5, TypeError),
    ],
)
def test_an_item_of_another_kind_is_refused(at: int, column: Any, error: type[Exception]) -> None:
    refused(small(), with_column(at, column), error)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_batch_with_what_no_table_sends_is_refused(value: float) -> None:
    table = small()
    with pytest.raises(ValueError, match="row 1: value"):
        table.apply_batch(*with_column(1, array("d", [1.0, value, 1.0])))
    assert table.drain() is None


@pytest.mark.parametrize("quality", [0xC0, 0xC1, 0xFF])
def test_a_batch_may_hold_nan_where_it_is_bad(quality: int) -> None:
    table = small()
    table.update(1, 5.0, 0, 0, 1)
    assert table.apply_batch([1], [math.nan], [quality], [1], [1]) == 1
    assert math.isnan(table.value(1))
    with pytest.raises(ValueError):
        table.apply_batch([1], [math.nan], [0xBF], [1], [1])


@pytest.mark.parametrize("good", [True, False])
def test_buffers_are_given_back_after_success_and_failure(good: bool) -> None:
    blobs = [bytearray(column.tobytes()) for column in GOOD]
    if not good:
        blobs[0][0] = 99
    table = small()
    try:
        table.apply_batch(*blobs)
    except IndexError:
        assert not good
    for blob in blobs:
        blob.append(0)  # BufferError while somebody holds it


def test_a_list_that_changes_while_it_is_read_is_read_as_it_was() -> None:
    values: list[Any] = []

    class Evil:
        def __float__(self) -> float:
            values.clear()
            return 1.0

    values += [Evil(), 2.0, 3.0]
    table = small()
    assert table.update_columns([0, 1, 2], values, None, None, 5) == 3
    assert table.value(2) == 3.0
