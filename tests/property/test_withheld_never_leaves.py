"""No reading from while a device was off duty ever leaves its table, whatever happens when.

The model is told what the table is told. It numbers every reading (the value is its number), and
knows of each whether the field took it on duty; the table must never show one that was not.
"""

from __future__ import annotations

import math
import struct
from array import array
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.native.table import PointTable
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.withholding import WithholdingTable

S = 1_000_000_000
T0 = 1_767_225_600 * S
STALE_S = 90
#: Two vehicles: status, latitude, zone (as an actor publishes it); one lamp between them.
STATUS, LATITUDE, ZONE = (0, 4), (1, 5), (2, 6)
LAMP, SLOTS = 3, 7

cars = st.integers(0, 1)
ages = st.integers(0, 200)
steps = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 120)),
    st.tuples(st.just("poll"), cars, st.sampled_from((0, 1, 2, 7, -1))),
    st.tuples(st.just("status"), cars, st.sampled_from((0, 1, 2)), ages),
    st.tuples(st.just("fix"), cars, ages),
    st.tuples(st.just("publish"), cars),
    st.tuples(st.just("mark"), cars, st.sampled_from((Quality.BAD_COMM, Quality.STALE_GAP))),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("drain")),
    st.tuples(st.just("lamp")),
)


class Car:
    """What is true of one vehicle: the times at which the field said off duty, and last on."""

    def __init__(self) -> None:
        self.on = False
        self.since = self.heard = self.off = 0

    def told(self, value: int, source: int, now: int) -> None:
        if value == 0:
            self.on, self.off = False, source or now
        elif value not in (1, 2):
            self.on = False
        elif not source or source > self.off:
            self.heard = now
            if not self.on:
                self.on, self.since = True, source or now


class Story:
    """A shard's table and the copy that its zone has of it, driven side by side."""

    def __init__(self) -> None:
        self.table = WithholdingTable(SLOTS, 1)
        self.copy = WithholdingTable(SLOTS, 1)
        for table in (self.table, self.copy):
            for car in (0, 1):
                table.withhold(LATITUDE[car], STATUS[car], 2.0, STALE_S * S)
                table.judge_by_source(LATITUDE[car], STALE_S * S)
                table.withhold(ZONE[car], STATUS[car], 2.0, STALE_S * S)
            for slot in range(SLOTS):
                private = slot in LATITUDE + ZONE
                table.define(slot, 0, 0 if private else STALE_S * S, private)
        self.cars = Car(), Car()
        self.now = T0
        self.number = 1000
        self.kept: tuple[set[float], set[float]] = set(), set()
        """For each vehicle, values that may be seen: taken on duty, and on duty ever since."""

    def fresh(self, car: int, source: int) -> float:
        """Return a new reading's value; remember it if it may be seen."""
        self.number += 1
        it = self.cars[car]
        if it.on and self.now - it.heard <= STALE_S * S and source >= it.since:
            self.kept[car].add(float(self.number))
        return float(self.number)

    def off(self, car: int) -> None:
        """Nothing of a vehicle that is not on duty may be read from now on, or ever again."""
        self.kept[car].clear()
        for slot in (LATITUDE[car], ZONE[car]):
            assert math.isnan(self.table.value(slot))
            assert self.table.quality(slot) >= Quality.BAD

    def do(self, step: tuple[Any, ...]) -> None:
        what, *args = step
        if what == "wait":
            self.now += args[0] * S
        elif what == "poll":
            car, value = args
            self.cars[car].told(value, 0, self.now)  # no time of its own: in order of arrival
            slots = array("I", [ZONE[car], LATITUDE[car], STATUS[car], LAMP])
            found = [self.fresh(car, self.now), self.fresh(car, self.now), float(value), 1.0]
            self.table.update_columns(slots, array("d", found), None, None, self.now)
        elif what == "status":
            car, value, age = args
            self.cars[car].told(value, self.now - age * S, self.now)
            self.table.update(STATUS[car], float(value), 0, self.now - age * S, self.now)
        elif what == "fix":
            car, age = args
            source = self.now - age * S
            self.table.update_columns(
                [LATITUDE[car]], [self.fresh(car, source)], b"\0", [source], self.now
            )
        elif what == "publish":
            car = args[0]
            self.table.update(ZONE[car], self.fresh(car, self.now), 0, self.now, self.now)
        elif what == "mark":
            car, quality = args
            self.cars[car].on = False
            self.table.mark_slots([STATUS[car], LATITUDE[car]], quality, self.now)
        elif what == "sweep":
            self.table.sweep(self.now)
            for it in self.cars:
                if self.now - it.heard > STALE_S * S:
                    it.on = False
        elif what == "lamp":
            self.table.update(LAMP, 5.0, 0, 0, self.now)
        for car in (0, 1):
            if not self.cars[car].on:
                self.off(car)
        self.look(what == "drain")

    def look(self, drain: bool) -> None:
        """Read everything that leaves: snapshot, rollup, and now and then a batch."""
        seen = [self.table.snapshot()]
        if drain and (batch := self.table.drain()) is not None:
            self.copy.apply_batch(*batch)
            seen += [batch, self.copy.snapshot()]
        for slots, values, qualities, _, _ in seen:
            count = len(qualities)
            for slot, value in zip(
                struct.unpack(f"<{count}I", slots), struct.unpack(f"<{count}d", values), strict=True
            ):
                if slot in LATITUDE + ZONE and not math.isnan(value):
                    assert value in self.kept[slot // 4], (slot, value)
        largest = self.table.rollup(0).maximum
        assert not largest > 1000.0 or largest in self.kept[0] | self.kept[1]


@settings(max_examples=1000, deadline=None)
@given(st.lists(steps, max_size=60))
def test_nothing_taken_off_duty_is_in_any_output(story: list[tuple[Any, ...]]) -> None:
    it = Story()
    for step in story:
        it.do(step)
    it.do(("drain",))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.floats(-9, 9), st.integers(0, 100)), max_size=40))
def test_a_table_with_nothing_private_is_the_native_one(rows: list[tuple[int, float, int]]) -> None:
    ours, native = WithholdingTable(8, 1), PointTable(8, 1)
    for table in (ours, native):
        for slot in range(8):
            table.define(slot, 0, 5 * S, slot == 3, slot == 4, -5.0, 5.0)
    for at, (slot, value, age) in enumerate(rows):
        now = T0 + at * S
        for table in (ours, native):
            table.update_columns([slot], [value], None, [now - age * S], now)
            table.sweep(now)
        assert ours.snapshot() == native.snapshot()
    assert ours.drain() == native.drain()
