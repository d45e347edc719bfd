"""A point table that cannot hold what must be withheld.

*Theory.* Every way out of a cell (batch, snapshot, ``get``, ``why``, rollup, and what an actor is
told) reads the shard's table, and every way in (polls, drivers that publish by themselves, marks,
sweeps, actors) writes to it. So the rule stands where values are stored: a point that its kind
declares ``withheld_unless = "status"`` has a value only while the device's ``status`` is known and
not 0. In the same call in which that ends, its last value is gone, before anybody can read it.

Points that are ``by_source`` are judged by the time at which the field took them: a reading older
than the one held is dropped and counted, and one is stale so long after it was taken, and not so
long after it arrived.

*Rules.* A table without such points costs one look at an empty dictionary for each call.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from jacquemart.native.table import PointTable
from jacquemart.runtime.kernel.duty import DutyGate, duty_of
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.quality import Quality

FAR_NS = 2**63 - 1
_store_all = PointTable.update_columns


class _Guard:
    """The duty point of one device, and the points that it guards."""

    __slots__ = ("gate", "high", "private", "slot")

    def __init__(self, slot: int, high: float, stale_after_ns: int) -> None:
        self.slot = slot
        self.high = high
        self.private: list[int] = []
        self.gate = DutyGate(stale_after_ns)


class WithholdingTable(PointTable):
    """A :class:`PointTable` whose private points are empty unless their device is on duty."""

    def __init__(self, capacity: int, groups: int) -> None:
        """Make a table in which nothing is private yet."""
        self._guards: dict[int, _Guard] = {}
        """Duty slot -> its guard."""
        self._private: dict[int, _Guard] = {}
        """Private slot -> its guard."""
        self._by_source: dict[int, int] = {}
        """Slot judged by its source time -> ns after which it is stale; 0: never."""
        self._judged: set[int] = set()
        """Slots whose readings are judged: private ones, and those with a time of their own."""
        self._special: set[int] = set()
        """Those, and duty slots."""
        self._look_ns = FAR_NS
        """Nothing is stale by its source time before that."""
        self._substituted: dict[int, float] = {}
        """Slot -> what somebody has put in place of its readings."""
        self.late = 0
        """Readings dropped because a newer one was held, or because duty began after them."""

    def protect(self, base: int, points: Sequence[PointSpec], limits_ns: Sequence[int]) -> None:
        """Make private what a device's points say, before they are defined; again changes nothing.

        Args:
            base: the device's first slot.
            points: its points, in slot order.
            limits_ns: after how long each is stale; 0: never.

        Raises:
            ConfigError: a private point without its duty point: the operator's fault.
        """
        places = {point.name: at for at, point in enumerate(points)}
        for at, point in enumerate(points):
            if point.by_source:
                self.judge_by_source(base + at, limits_ns[at])
            if point.withheld_unless:
                duty = places.get(point.withheld_unless, -1)
                if duty < 0:
                    raise ConfigError(
                        f"{point.name} is withheld unless {point.withheld_unless}, which its "
                        "template does not have"
                    )
                high = points[duty].high
                self.withhold(
                    base + at, base + duty, math.inf if high is None else high, limits_ns[duty]
                )

    def withhold(self, slot: int, duty: int, high: float, stale_after_ns: int) -> None:
        """Withhold a slot unless the slot ``duty`` is known, fresh, and from 1 to ``high``."""
        self.judged = True
        found = self._guards.get(duty)
        if found is None:
            found = self._guards[duty] = _Guard(duty, high, stale_after_ns)
        if slot not in self._private:
            self._private[slot] = found
            found.private.append(slot)
            self._judged.add(slot)
            self._special.update((slot, duty))
            if not found.gate.open and not math.isnan(self.value(slot)):
                self._hide(slot, self.quality(slot), 0)

    def judge_by_source(self, slot: int, stale_after_ns: int) -> None:
        """Judge a slot by when its value was taken; 0: it is never stale."""
        self.judged = True
        self._by_source[slot] = stale_after_ns
        self._judged.add(slot)
        self._special.add(slot)

    def substitute(self, slot: int, value: float | None, now_ns: int) -> None:
        """Show ``value`` as GOOD_SUBSTITUTED, whatever comes in; None: show what is read again.

        What was read meanwhile is lost: until the next reading the point was never read.
        """
        if value is not None:
            self._substituted[slot] = value
            self._put_back(now_ns)
        elif self._substituted.pop(slot, None) is not None:
            never = [Quality.BAD_NEVER_READ]
            super().apply_batch([slot], [math.nan], never, [0], [now_ns])

    def _put_back(self, now_ns: int) -> None:
        for slot, value in self._substituted.items():
            if self.value(slot) != value or self.quality(slot) != Quality.GOOD_SUBSTITUTED:
                super().update(slot, value, Quality.GOOD_SUBSTITUTED, now_ns, now_ns)

    # What is stored ------------------------------------------------------------------------

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
        """Define a slot; no earlier value of a private one is kept for later."""
        keep_every = keep_every and slot not in self._private
        if slot in self._by_source:
            stale_after_ns = 0  # ``sweep`` does it here, by the source time
        super().define(slot, group, stale_after_ns, keep_every, urgent, low, high)

    def update(
        self, slot: int, value: float, quality: int, source_ns: int, receive_ns: int
    ) -> bool:
        """Store one reading."""
        if slot in self._substituted:
            return False
        if slot not in self._special:
            return super().update(slot, value, quality, source_ns, receive_ns)
        private = self._private.get(slot)
        if private is None or slot in self._guards or slot in self._by_source:
            return self.update_columns([slot], [value], [quality], [source_ns], receive_ns) > 0
        if self._passes(private, source_ns, receive_ns):
            return super().update(slot, value, quality, source_ns, receive_ns)
        if private.gate.open:
            self.late += 1
            return False
        return self._hide(slot, quality, receive_ns) > 0

    def update_columns(
        self, slots: Any, values: Any, qualities: Any, source_ns: Any, receive_ns: int
    ) -> int:
        """Store what may be stored; return how many changed."""
        if not self._special and not self._substituted:  # a reading alone costs much less so
            return _store_all(self, slots, values, qualities, source_ns, receive_ns)
        changed = self._store_columns(slots, values, qualities, source_ns, receive_ns)
        if self._substituted:
            self._put_back(receive_ns)
        return changed

    def _store_columns(
        self, slots: Any, values: Any, qualities: Any, source_ns: Any, receive_ns: int
    ) -> int:
        rows = _rows(slots, "I") if self._special else ()
        if self._special.isdisjoint(rows) or len(rows) != len(_rows(values, "d")):
            return super().update_columns(slots, values, qualities, source_ns, receive_ns)
        found = _rows(values, "d")
        codes = bytes(len(rows)) if qualities is None else bytes(_rows(qualities, "B"))
        times = None if source_ns is None else _rows(source_ns, "q")
        if not len(rows) == len(codes) == (len(rows) if times is None else len(times)):
            return super().update_columns(slots, values, qualities, source_ns, receive_ns)
        judged_here, guards = self._judged, self._guards

        def store(kept: Sequence[int], codes: Sequence[int]) -> int:
            return super(WithholdingTable, self).update_columns(
                array("I", [rows[at] for at in kept]),
                array("d", [found[at] for at in kept]),
                bytes([codes[at] for at in kept]),
                None if times is None else array("q", [times[at] for at in kept]),
                receive_ns,
            )

        standing = [at for at, slot in enumerate(rows) if slot not in judged_here]
        # First, since a slot or quality that there is not ends the call before anything else.
        changed = store(standing, codes)
        for at in standing:
            if (guard := guards.get(rows[at])) is not None:
                duty = duty_of(found[at], codes[at], guard.high)
                guard.gate.told(duty, 0 if times is None else times[at], receive_ns)
                self._follow(guard, receive_ns)
        others = [at for at, slot in enumerate(rows) if slot in judged_here]
        if times is None:
            passing, hidden = self._sort_polled(others, rows, receive_ns)
            judged: Sequence[int] = codes
        else:
            passing, hidden, judged = self._sort_told(others, rows, codes, times, receive_ns)
        for at in hidden:
            changed += self._hide(rows[at], codes[at], receive_ns)
        return changed + store(passing, judged)

    def _sort_polled(
        self, others: Sequence[int], rows: Sequence[int], receive_ns: int
    ) -> tuple[list[int], list[int]]:
        """Return which private rows may be stored and which are hidden; all were taken now."""
        passing: list[int] = []
        hidden: list[int] = []
        way: dict[_Guard | None, list[int]] = {None: passing}
        for at in others:
            guard = self._private.get(rows[at])
            to = way.get(guard)
            if to is None and guard is not None:
                to = way[guard] = passing if self._passes(guard, 0, receive_ns) else hidden
            (passing if to is None else to).append(at)
        if self._by_source:
            limits = [limit for limit in self._by_source.values() if limit]
            self._expect(receive_ns, min(limits, default=0))
        return passing, hidden

    def _sort_told(
        self,
        others: Sequence[int],
        rows: Sequence[int],
        codes: bytes,
        times: Sequence[int],
        receive_ns: int,
    ) -> tuple[list[int], list[int], bytearray]:
        """Return which rows with a time of their own may be stored, which are hidden, and how
        good those that are stored still are; what is late is neither."""
        passing: list[int] = []
        hidden: list[int] = []
        judged = bytearray(codes)
        for at in others:
            slot, taken = rows[at], times[at]
            guard = self._private.get(slot)
            if guard is not None and not self._passes(guard, taken, receive_ns):
                if guard.gate.open:
                    self.late += 1
                else:
                    hidden.append(at)
                continue
            limit = self._by_source.get(slot)
            if limit is not None and taken:
                if taken < self.read(slot)[2]:
                    self.late += 1
                    continue
                if limit and taken < receive_ns - limit:
                    judged[at] = max(codes[at], Quality.STALE_AGE)
                self._expect(taken, limit)
            passing.append(at)
        return passing, hidden, judged

    def _passes(self, guard: _Guard, taken_ns: int, receive_ns: int) -> bool:
        was_open = guard.gate.open
        passes = guard.gate.passes(taken_ns, receive_ns)
        if was_open and not guard.gate.open:  # nobody has heard of its duty for too long
            self._follow(guard, receive_ns)
        return passes

    def apply_batch(
        self, slots: Any, values: Any, qualities: Any, source_ns: Any, receive_ns: Any
    ) -> int:
        """Store the columns of another table of this kind, which has judged them already."""
        rows = _rows(slots, "I") if self._special else ()
        if self._special.isdisjoint(rows):
            return super().apply_batch(slots, values, qualities, source_ns, receive_ns)
        changed = super().apply_batch(slots, values, qualities, source_ns, receive_ns)
        received, taken = _rows(receive_ns, "q"), _rows(source_ns, "q")
        found, codes = _rows(values, "d"), _rows(qualities, "B")
        touched: dict[int, _Guard] = {}
        for at in [at for at, slot in enumerate(rows) if slot in self._special]:
            slot = rows[at]
            guard = self._guards.get(slot)
            if guard is not None:
                guard.gate.copied(duty_of(found[at], codes[at], guard.high), received[at])
            elif slot in self._by_source:
                self._expect(taken[at], self._by_source[slot])
            guard = guard or self._private.get(slot)
            if guard is not None:
                touched[id(guard)] = guard
        for guard in touched.values():
            if not guard.gate.open:  # the copy of what is withheld already is as it came
                self._clear([s for s in guard.private if not math.isnan(self.value(s))], 0)
        return changed

    # Marks and time ------------------------------------------------------------------------

    def mark(self, start: int, count: int, quality: int, receive_ns: int) -> int:
        """Give a range of slots a quality."""
        changed = super().mark(start, count, quality, receive_ns)
        if self._substituted:
            self._put_back(receive_ns)
        if self._guards:
            self._unknown(range(start, start + count), quality, receive_ns)
        return changed

    def mark_slots(self, slots: Sequence[int], quality: int, receive_ns: int) -> int:
        """Give some slots a quality."""
        changed = super().mark_slots(slots, quality, receive_ns)
        if self._substituted:
            self._put_back(receive_ns)
        if self._guards:
            self._unknown(_rows(slots, "I"), quality, receive_ns)
        return changed

    def sweep(self, now_ns: int) -> int:
        """Turn old slots STALE; what an old duty point guards is withheld from now on."""
        changed = super().sweep(now_ns)
        if self._substituted:
            self._put_back(now_ns)
        for guard in self._guards.values():
            if guard.gate.open and self.quality(guard.slot) >= Quality.STALE_AGE:
                guard.gate.open = False
                self._follow(guard, now_ns)
        if now_ns >= self._look_ns:
            self._look_ns = FAR_NS
            for slot, limit in self._by_source.items():
                _, quality, source_ns, receive_ns = self.read(slot)
                if quality >= Quality.STALE_AGE:
                    continue
                if limit and source_ns < now_ns - limit:
                    changed += super().mark(slot, 1, Quality.STALE_AGE, receive_ns)
                else:
                    self._expect(source_ns, limit)
        return changed

    # Inside --------------------------------------------------------------------------------

    def _unknown(self, slots: Iterable[int], quality: int, receive_ns: int) -> None:
        if quality < Quality.STALE_AGE:
            return
        for slot in slots:
            guard = self._guards.get(slot)
            if guard is not None:
                guard.gate.open = False
                self._follow(guard, receive_ns)

    def _follow(self, guard: _Guard, receive_ns: int) -> None:
        """Empty what a closed gate guards."""
        if not guard.gate.open:
            self._clear(guard.private, receive_ns)

    def _clear(self, slots: Iterable[int], receive_ns: int) -> None:
        for slot in slots:
            self._hide(slot, self.quality(slot), receive_ns)

    def _hide(self, slot: int, quality: int, receive_ns: int) -> int:
        """Empty one slot. A BAD quality tells nothing of the value, so it may be shown."""
        if quality < Quality.BAD or quality == Quality.BAD_NEVER_READ:
            quality = Quality.BAD_WITHHELD
        value, shown, _, received = self.read(slot)
        if math.isnan(value) and shown == quality:
            return 0
        return super().apply_batch([slot], [math.nan], [quality], [0], [max(receive_ns, received)])

    def _expect(self, taken_ns: int, limit_ns: int) -> None:
        """Look at the latest when what was taken then is stale."""
        if limit_ns:
            self._look_ns = min(self._look_ns, taken_ns + limit_ns)


def _rows(column: Any, form: str) -> Any:
    """Return a column as a sequence; raw bytes are read in their little-endian form."""
    if isinstance(column, (bytes, bytearray)) and form != "B":
        column = memoryview(column).cast(form)  # type: ignore[call-overload]
    return column.tolist() if isinstance(column, (array, memoryview)) else column
