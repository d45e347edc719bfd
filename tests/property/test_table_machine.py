"""The native point table equals its oracle after any sequence of calls."""

from __future__ import annotations

import math
import struct
from array import array
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from oracle_table import LOG_ENTRIES, OracleTable

from jacquemart.native.table import PointTable

CAPACITY, GROUPS = 7, 3
"""At first: the table grows by up to five slots and two groups at a time, to twenty and nine."""
INT64 = (-(2**63), 2**63 - 1)

slots = st.integers(0, 2 * CAPACITY)  # taken modulo the capacity of the moment
values = st.one_of(
    st.floats(), st.sampled_from([0.0, -0.0, 1.0, 5.0, math.nan, math.inf, -math.inf, 1e308])
)
qualities = st.one_of(
    st.sampled_from([0x00, 0x3F, 0x40, 0x42, 0x7F, 0x80, 0xBF, 0xC0, 0xC2]), st.integers(0, 255)
)
# Few near times, so that clocks jump back and forth over each other, and the extremes.
times = st.one_of(st.integers(0, 40), st.sampled_from([*INT64, -1, 0]), st.integers(*INT64))
limits = st.one_of(st.just(0), st.integers(0, 20), st.just(INT64[1]))
CODES = "IdBqq"


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[int, float, int, int, int]]:
    """Rows of a batch; slots repeat."""
    return draw(st.lists(st.tuples(slots, values, qualities, times, times), max_size=12))


@st.composite
def shaped(draw: st.DrawFn, code: str, items: list[Any]) -> Any:
    """Give a column one of the forms in which it may come."""
    typed = array(code, items)
    blob = typed.tobytes()
    form = draw(st.sampled_from(["list", "tuple", "array", "blob", "readonly", "unaligned"]))
    if form == "list":
        return items
    if form == "tuple":
        return tuple(items)
    if form == "array":
        return typed
    if form == "blob":
        return blob
    if form == "readonly":
        return memoryview(blob).cast(code) if blob else blob
    return memoryview(b"x" + blob)[1:]


def same(left: Any, right: Any) -> bool:
    """Compare numbers by what they are stored as, so that NaN equals NaN."""
    return [struct.pack("<d", item) for item in left] == [struct.pack("<d", item) for item in right]


class Tables(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.native = PointTable(CAPACITY, GROUPS)
        self.oracle = OracleTable(CAPACITY, GROUPS)

    @property
    def capacity(self) -> int:
        return self.oracle.capacity

    def within(self, batch: list[tuple[int, float, int, int, int]]) -> list[tuple[Any, ...]]:
        return [(row[0] % self.capacity, *row[1:]) for row in batch]

    @precondition(lambda self: self.capacity <= 15 and self.oracle.groups <= 7)
    @rule(slots=st.integers(0, 5), groups=st.integers(0, 2))
    def grow(self, slots: int, groups: int) -> None:
        self.both("grow", self.capacity + slots, self.oracle.groups + groups)

    @rule(slots=st.integers(-1, 0), groups=st.integers(-1, 0))
    def it_never_shrinks(self, slots: int, groups: int) -> None:
        if slots or groups:
            with pytest.raises(ValueError, match="cannot become"):
                self.native.grow(self.capacity + slots, self.oracle.groups + groups)

    @rule(start=slots, count=st.integers(0, 3))
    def retire(self, start: int, count: int) -> None:
        start %= self.capacity
        self.both("retire", start, min(count, self.capacity - start))

    def both(self, name: str, *args: Any, **kwargs: Any) -> Any:
        found = getattr(self.native, name)(*args, **kwargs)
        assert found == getattr(self.oracle, name)(*args, **kwargs)
        return found

    @rule(
        slot=slots,
        group=st.integers(0, 8),
        limit=limits,
        keep=st.booleans(),
        urgent=st.booleans(),
        bounds=st.one_of(st.none(), st.tuples(values, values)),
    )
    def define(
        self,
        slot: int,
        group: int,
        limit: int,
        keep: bool,
        urgent: bool,
        bounds: tuple[float, float] | None,
    ) -> None:
        slot %= self.capacity
        args: list[Any] = [slot, group % self.oracle.groups, limit, keep, urgent]
        if bounds is not None:
            args += sorted(bounds)
        empty = bounds is not None and not args[-2] <= args[-1]
        if empty or self.oracle.slots[slot].retired:
            with pytest.raises(ValueError):
                self.native.define(*args)
        else:
            self.both("define", *args)

    @rule(
        bases=st.lists(slots, max_size=6),
        offset=st.integers(-1, 3),
        group=st.integers(0, 5),
        limit=limits,
        keep=st.booleans(),
        urgent=st.booleans(),
        bounds=st.tuples(values, values),
    )
    def define_each(
        self,
        bases: list[int],
        offset: int,
        group: int,
        limit: int,
        keep: bool,
        urgent: bool,
        bounds: tuple[float, float],
    ) -> None:
        bases = [base % self.capacity for base in bases]
        args: list[Any] = [offset, group % self.oracle.groups, limit, keep, urgent, *sorted(bounds)]
        meant = [base + offset for base in bases]
        outside = [slot for slot in meant if offset < 0 or not 0 <= slot < self.capacity]
        retired = any(
            0 <= slot < self.capacity and self.oracle.slots[slot].retired for slot in meant
        )
        if outside or (bases and not args[-2] <= args[-1]) or retired:
            before = self.native.snapshot()
            with pytest.raises((IndexError, ValueError)):
                self.native.define_each(array("I", bases), *args)
            assert self.native.snapshot() == before
        else:
            self.native.define_each(array("I", bases), *args)
            self.oracle.define_each(bases, *args)

    @rule(start=st.integers(-1, 8), count=st.one_of(st.none(), st.integers(-1, 8)))
    def snapshot_of_some(self, start: int, count: int | None) -> None:
        left = self.capacity - start
        if start < 0 or not 0 <= (left if count is None else count) <= left:
            with pytest.raises(IndexError):
                self.native.snapshot(start, count)
        else:
            self.both("snapshot", start, count)

    @rule(slot=slots, value=values, quality=qualities, source=times, receive=times)
    def update(self, slot: int, value: float, quality: int, source: int, receive: int) -> None:
        self.both("update", slot % self.capacity, value, quality, source, receive)

    @rule(
        batch=rows(),
        receive=times,
        judged=st.booleans(),
        timed=st.booleans(),
        data=st.data(),
    )
    def update_columns(
        self,
        batch: list[tuple[int, float, int, int, int]],
        receive: int,
        judged: bool,
        timed: bool,
        data: st.DataObject,
    ) -> None:
        plain: list[Any] = [[row[at] for row in self.within(batch)] for at in range(4)]
        shapes = [data.draw(shaped(CODES[at], plain[at])) for at in range(4)]
        for at, wanted in ((2, judged), (3, timed)):
            if not wanted:
                plain[at] = shapes[at] = None
        assert self.native.update_columns(*shapes, receive) == self.oracle.update_columns(
            *plain, receive
        )

    @rule(batch=rows(), data=st.data())
    def apply_batch(
        self, batch: list[tuple[int, float, int, int, int]], data: st.DataObject
    ) -> None:
        plain = [[row[at] for row in self.within(batch)] for at in range(5)]
        shapes = [data.draw(shaped(CODES[at], plain[at])) for at in range(5)]
        try:
            changed = self.oracle.apply_batch(*plain)
        except ValueError:
            with pytest.raises(ValueError, match="row"):
                self.native.apply_batch(*shapes)
        else:
            assert self.native.apply_batch(*shapes) == changed

    @rule(batch=rows(), at=st.integers(0, 11), slot=st.integers(20, 2**32 - 1))
    def bad_slot_changes_nothing(
        self, batch: list[tuple[int, float, int, int, int]], at: int, slot: int
    ) -> None:
        columns = [[row[index] for row in self.within(batch)] for index in range(5)]
        columns[0].insert(at % (len(batch) + 1), slot)
        for column in columns[1:]:
            column.append(0xC1)
        with pytest.raises(IndexError):
            self.native.update_columns(*columns[:4], 5)
        with pytest.raises(IndexError):
            self.native.apply_batch(*columns)
        with pytest.raises(IndexError):
            self.native.mark_slots(columns[0], 0xC2, 5)

    @rule(start=slots, count=st.integers(0, CAPACITY), quality=qualities, receive=times)
    def mark(self, start: int, count: int, quality: int, receive: int) -> None:
        start %= self.capacity
        self.both("mark", start, min(count, self.capacity - start), quality, receive)

    @rule(some=st.lists(slots, max_size=5), quality=qualities, receive=times)
    def mark_slots(self, some: list[int], quality: int, receive: int) -> None:
        self.both("mark_slots", [slot % self.capacity for slot in some], quality, receive)

    @rule(now=times)
    def sweep(self, now: int) -> None:
        self.both("sweep", now)

    @precondition(lambda self: not self.oracle.lost_every)
    @rule(slot=slots, value=values)
    def flood(self, slot: int, value: float) -> None:
        many = LOG_ENTRIES + 3
        self.both("update_columns", [slot % self.capacity] * many, [value] * many, None, None, 7)

    @rule()
    def drain(self) -> None:
        self.both("drain")

    @rule()
    def changed_groups(self) -> None:
        self.both("changed_groups")

    @rule(group=st.integers(0, 8))
    def rollup(self, group: int) -> None:
        group %= self.oracle.groups
        assert same(self.native.rollup(group), self.oracle.rollup(group))

    @invariant()
    def states_are_equal(self) -> None:
        assert self.native.snapshot() == self.oracle.snapshot()
        assert self.native.dirty_count == self.oracle.dirty_count
        assert self.native.urgent is self.oracle.urgent
        assert self.native.lost_every == self.oracle.lost_every
        assert self.native.conflated == self.oracle.conflated
        assert (self.native.capacity, self.native.groups) == (self.capacity, self.oracle.groups)
        for slot in range(self.capacity):
            assert same(self.native.read(slot), self.oracle.read(slot))

    def teardown(self) -> None:
        for group in range(self.oracle.groups):
            assert same(self.native.rollup(group), self.oracle.rollup(group))


Tables.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


class TestTheTableEqualsItsOracle(Tables.TestCase):  # type: ignore[misc, name-defined]
    """Any sequence: define, update, columns, marks, sweeps, drains, rollups, grow, retire."""
