"""Readings of devices that a zone cell does not know yet are kept, and undo nothing newer."""

from __future__ import annotations

from jacquemart.native.table import PointTable
from jacquemart.runtime.cell.views_change import Ahead


def test_what_was_kept_is_applied_once_the_table_has_grown() -> None:
    table, ahead = PointTable(2, 1), Ahead()
    ahead.apply(table, ([1, 2], [5.0, 6.0], [0, 0], [10, 10], [10, 10]))
    assert table.value(1) == 5.0
    assert not ahead.catch_up(table)
    table.grow(3, 1)
    assert ahead.catch_up(table)
    assert table.read(2) == (6.0, 0, 10, 10)


def test_what_came_since_the_table_has_grown_is_not_undone_by_what_was_kept() -> None:
    table, ahead = PointTable(2, 1), Ahead()
    ahead.apply(table, ([2], [6.0], [0], [10], [10]))
    table.grow(3, 1)
    table.apply_batch([2], [7.0], [0], [11], [11])
    assert ahead.catch_up(table)
    assert table.read(2) == (7.0, 0, 11, 11)
