"""The point table in plain Python: one object a slot, nothing incremental, nothing clever."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

UNCERTAIN, UNCERTAIN_CLOCK, UNCERTAIN_RANGE = 0x40, 0x41, 0x42
STALE_AGE, BAD, BAD_NEVER_READ, BAD_VALUE, BAD_REMOVED = 0x80, 0xC0, 0xC1, 0xC7, 0xCA
LOG_ENTRIES = 4096

Columns = tuple[bytes, bytes, bytes, bytes, bytes]


class OracleRollup(NamedTuple):
    """The fields of the native Rollup, in its order."""

    count: int  # type: ignore[assignment]  # hides tuple.count
    online: int
    sum: float
    minimum: float
    maximum: float
    worst: int


@dataclass(slots=True)
class Slot:
    """One point: its state, and what define() said of it."""

    value: float = math.nan
    quality: int = BAD_NEVER_READ
    source_ns: int = 0
    receive_ns: int = 0
    group: int = -1
    stale_after_ns: int = 0
    keep_every: bool = False
    urgent: bool = False
    low: float = -math.inf
    high: float = math.inf
    retired: bool = False


def bits(value: float) -> bytes:
    """Return what is stored: NaN equals itself, and -0.0 is not 0.0."""
    return struct.pack("<d", value)


def total(values: list[float]) -> float:
    """Add in order; sum() compensates from Python 3.12 on, and the table does not."""
    result = 0.0
    for value in values:
        result += value
    return result if values else math.nan


class OracleTable:
    """Same methods as PointTable; columns must be sequences of numbers or typed buffers."""

    def __init__(self, capacity: int, groups: int) -> None:
        self.capacity = capacity
        self.groups = groups
        self.slots = [Slot() for _ in range(capacity)]
        self.dirty: dict[int, None] = {}
        self.kept: list[tuple[int, Slot]] = []
        self.changed: set[int] = set()
        self.urgent = False
        self.lost_every = 0
        self.conflated = 0

    @property
    def dirty_count(self) -> int:
        return len(self.dirty)

    def _check(self, slots: Any) -> None:
        for slot in slots:
            if not 0 <= slot < self.capacity:
                raise IndexError(slot)

    def define(
        self,
        slot: int,
        group: int,
        stale_after_ns: int,
        keep_every: bool = False,
        urgent: bool = False,
        low: float = -math.inf,
        high: float = math.inf,
    ) -> None:
        self._check([slot])
        if not 0 <= group < self.groups:
            raise IndexError(group)
        if stale_after_ns < 0 or not low <= high:
            raise ValueError(slot)
        row = self.slots[slot]
        if row.retired:
            raise ValueError(slot)
        if group != row.group:
            self.changed |= {row.group, group} - {-1}
        row.group, row.stale_after_ns = group, stale_after_ns
        row.keep_every, row.urgent, row.low, row.high = keep_every, urgent, low, high

    def define_each(self, bases: Any, offset: int, *how: Any, **more: Any) -> None:
        slots = [base + offset for base in bases]
        self._check([offset, *slots] if slots else [])
        if any(self.slots[slot].retired for slot in slots):
            raise ValueError(slots)
        for slot in slots:
            self.define(slot, *how, **more)

    def grow(self, capacity: int, groups: int) -> None:
        if capacity < self.capacity or groups < self.groups:
            raise ValueError(capacity)
        self.slots += [Slot() for _ in range(capacity - self.capacity)]
        self.capacity, self.groups = capacity, groups

    def retire(self, start: int, count: int = 1) -> int:
        if start < 0 or count < 0 or start + count > self.capacity:
            raise IndexError(start)
        gone = [at for at in range(start, start + count) if not self.slots[at].retired]
        for at in gone:
            self.changed |= {self.slots[at].group} - {-1}
            self.slots[at] = Slot(quality=BAD_REMOVED, retired=True)
            self.dirty.pop(at, None)
        self.kept = [(at, row) for at, row in self.kept if not self.slots[at].retired]
        if gone and not self.dirty:
            self.urgent = False
        return len(gone)

    def _store(
        self, slot: int, value: float, quality: int, source_ns: int, receive_ns: int, reading: bool
    ) -> bool:
        row = self.slots[slot]
        if row.retired:
            return False
        moved = bits(value) != bits(row.value)
        changed = moved or quality != row.quality
        if row.keep_every and (reading or changed):
            if slot in self.dirty:
                if len(self.kept) < LOG_ENTRIES:
                    self.kept.append((slot, replace(row)))
                else:
                    self.lost_every += 1
                    quality = max(quality, UNCERTAIN)
                    changed = moved or quality != row.quality
        elif not changed and (source_ns, receive_ns) == (row.source_ns, row.receive_ns):
            return False
        if changed and row.group >= 0:
            self.changed.add(row.group)
        if quality >> 6 != row.quality >> 6 or (moved and row.urgent):
            self.urgent = True
        row.value, row.quality, row.source_ns, row.receive_ns = (
            value,
            quality,
            source_ns,
            receive_ns,
        )
        self.conflated += reading and slot in self.dirty and not row.keep_every
        self.dirty[slot] = None
        return changed

    def update(
        self, slot: int, value: float, quality: int, source_ns: int, receive_ns: int
    ) -> bool:
        self._check([slot])
        row = self.slots[slot]
        good = quality < UNCERTAIN
        if source_ns == 0:
            source_ns = receive_ns
        if source_ns > receive_ns:
            source_ns = receive_ns
            quality = UNCERTAIN_CLOCK if good else quality
        if good and math.isfinite(value) and not row.low <= value <= row.high:
            quality = UNCERTAIN_RANGE
        if not math.isfinite(value):
            value = row.value
            quality = quality if quality >= BAD else BAD_VALUE
        return self._store(slot, value, quality, source_ns, receive_ns, True)

    def update_columns(
        self, slots: Any, values: Any, qualities: Any, source_ns: Any, receive_ns: int
    ) -> int:
        qualities = [0] * len(slots) if qualities is None else qualities
        source_ns = [receive_ns] * len(slots) if source_ns is None else source_ns
        rows = list(zip(slots, values, qualities, source_ns, strict=True))
        self._check(slots)
        return sum(self.update(*row, receive_ns) for row in rows)

    def apply_batch(
        self, slots: Any, values: Any, qualities: Any, source_ns: Any, receive_ns: Any
    ) -> int:
        rows = list(zip(slots, values, qualities, source_ns, receive_ns, strict=True))
        self._check(slots)
        for _, value, quality, _, _ in rows:
            if math.isinf(value) or (math.isnan(value) and quality < BAD):
                raise ValueError(value)
        return sum(self._store(*row, True) for row in rows)

    def mark(self, start: int, count: int, quality: int, receive_ns: int) -> int:
        if start < 0 or count < 0 or start + count > self.capacity:
            raise IndexError(start)
        return self.mark_slots(range(start, start + count), quality, receive_ns)

    def mark_slots(self, slots: Any, quality: int, receive_ns: int) -> int:
        self._check(slots)
        return sum(self._requalify(slot, quality, receive_ns) for slot in slots)

    def _requalify(self, slot: int, quality: int, receive_ns: int) -> bool:
        row = self.slots[slot]
        if math.isnan(row.value) and quality < BAD:
            quality = row.quality
        return self._store(slot, row.value, quality, row.source_ns, receive_ns, False)

    def sweep(self, now_ns: int) -> int:
        late = [
            at
            for at, row in enumerate(self.slots)
            if 0 < row.stale_after_ns < now_ns - row.receive_ns and row.quality < STALE_AGE
        ]
        return sum(self._requalify(at, STALE_AGE, self.slots[at].receive_ns) for at in late)

    def read(self, slot: int) -> tuple[float, int, int, int]:
        self._check([slot])
        row = self.slots[slot]
        return row.value, row.quality, row.source_ns, row.receive_ns

    @staticmethod
    def _columns(rows: list[tuple[int, Slot]]) -> Columns:
        many = len(rows)
        return (
            struct.pack(f"<{many}I", *(at for at, _ in rows)),
            struct.pack(f"<{many}d", *(row.value for _, row in rows)),
            bytes(row.quality for _, row in rows),
            struct.pack(f"<{many}q", *(row.source_ns for _, row in rows)),
            struct.pack(f"<{many}q", *(row.receive_ns for _, row in rows)),
        )

    def drain(self) -> Columns | None:
        rows = self.kept + [(at, self.slots[at]) for at in self.dirty]
        columns = self._columns(rows) if rows else None
        self.kept.clear()
        self.dirty.clear()
        self.urgent = False
        return columns

    def snapshot(self, start: int = 0, count: int | None = None) -> Columns:
        count = self.capacity - start if count is None else count
        if start < 0 or count < 0 or start + count > self.capacity:
            raise IndexError(start)
        return self._columns(list(enumerate(self.slots))[start : start + count])

    def rollup(self, group: int) -> OracleRollup:
        if not 0 <= group < self.groups:
            raise IndexError(group)
        members = [row for row in self.slots if row.group == group]
        online = [row.value for row in members if row.quality < STALE_AGE]
        return OracleRollup(
            len(members),
            len(online),
            total(online),
            min(online, default=math.nan),
            max(online, default=math.nan),
            max((row.quality for row in members), default=0),
        )

    def changed_groups(self) -> list[int]:
        changed = sorted(self.changed)
        self.changed.clear()
        return changed
