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
        self._special: set[int] = set()
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
        found = self._guards.get(duty)
        if found is None:
            found = self._guards[duty] = _Guard(duty, high, stale_after_ns)
        if slot not in self._private:
            self._private[slot] = found
            found.private.append(slot)
            self._special.update((slot, duty))
            if not found.gate.open and not math.isnan(self.value(slot)):
                self._hide(slot, self.quality(slot), 0)

    def judge_by_source(self, slot: int, stale_after_ns: int) -> None:
        """Judge a slot by when its value was taken; 0: it is never stale."""
        self._by_source[slot] = stale_after_ns
        self._special.add(slot)

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
        if slot not in self._special:
            return super().update(slot, value, quality, source_ns, receive_ns)
        return self.update_columns([slot], [value], [quality], [source_ns], receive_ns) > 0

    def update_columns(
        self, slots: Any, values: Any, qualities: Any, source_ns: Any, receive_ns: int
    ) -> int:
        """Store what may be stored; return how many changed."""
        rows = self._rows(slots, "I") if self._special else ()
        if self._special.isdisjoint(rows) or len(rows) != len(self._rows(values, "d")):
            return super().update_columns(slots, values, qualities, source_ns, receive_ns)
        found = self._rows(values, "d")
        codes = bytes(len(rows)) if qualities is None else self._rows(qualities, "B")
        times = array("q", bytes(8 * len(rows)))
        if source_ns is not None:
            times = array("q", self._rows(source_ns, "q"))
        if not len(rows) == len(codes) == len(times):
            return super().update_columns(slots, values, qualities, source_ns, receive_ns)

        def store(kept: Sequence[int], codes: Sequence[int]) -> int:
            return super(WithholdingTable, self).update_columns(
                array("I", [rows[at] for at in kept]),
                array("d", [found[at] for at in kept]),
                bytes(codes[at] for at in kept),
                array("q", [times[at] for at in kept]),
                receive_ns,
            )

        open_rows = [at for at, slot in enumerate(rows) if slot not in self._private]
        # First, since a slot or quality that there is not ends the call before anything else.
        changed = store(open_rows, codes)
        for at in open_rows:
            guard = self._guards.get(rows[at])
            if guard is not None:
                duty = duty_of(found[at], codes[at], guard.high)
                guard.gate.told(duty, times[at], receive_ns)
                self._follow(guard, receive_ns)
        passing: list[int] = []
        judged = bytearray(codes)
        for at, slot in enumerate(rows):
            private = self._private.get(slot)
            if private is None:
                continue
            was_open = private.gate.open
            if private.gate.passes(times[at], receive_ns):
                if self._is_late(slot, times[at]):
                    self.late += 1
                    continue
                limit = self._by_source.get(slot, 0)
                if limit and 0 < times[at] < receive_ns - limit:
                    judged[at] = max(codes[at], Quality.STALE_AGE)
                passing.append(at)
            elif private.gate.open:
                self.late += 1
            else:
                changed += self._hide(slot, codes[at], receive_ns)
                if was_open:  # nobody has heard of its duty for too long
                    self._follow(private, receive_ns)
        return changed + store(passing, judged)

    def apply_batch(
        self, slots: Any, values: Any, qualities: Any, source_ns: Any, receive_ns: Any
    ) -> int:
        """Store the columns of another table of this kind, which has judged them already."""
        rows = self._rows(slots, "I") if self._special else ()
        if self._special.isdisjoint(rows):
            return super().apply_batch(slots, values, qualities, source_ns, receive_ns)
        changed = super().apply_batch(slots, values, qualities, source_ns, receive_ns)
        received = self._rows(receive_ns, "q")
        found, codes = self._rows(values, "d"), self._rows(qualities, "B")
        for at, slot in enumerate(rows):
            guard = self._guards.get(slot)
            if guard is not None:
                guard.gate.copied(duty_of(found[at], codes[at], guard.high), received[at])
        touched = {id(g): g for s in rows if (g := self._guards.get(s) or self._private.get(s))}
        for guard in touched.values():
            if not guard.gate.open:  # the copy of what is withheld already is as it came
                self._clear([s for s in guard.private if not math.isnan(self.value(s))], 0)
        return changed

    # Marks and time ------------------------------------------------------------------------

    def mark(self, start: int, count: int, quality: int, receive_ns: int) -> int:
        """Give a range of slots a quality."""
        changed = super().mark(start, count, quality, receive_ns)
        if self._guards:
            self._unknown(range(start, start + count), quality, receive_ns)
        return changed

    def mark_slots(self, slots: Sequence[int], quality: int, receive_ns: int) -> int:
        """Give some slots a quality."""
        changed = super().mark_slots(slots, quality, receive_ns)
        if self._guards:
            self._unknown(self._rows(slots, "I"), quality, receive_ns)
        return changed

    def sweep(self, now_ns: int) -> int:
        """Turn old slots STALE; what an old duty point guards is withheld from now on."""
        changed = super().sweep(now_ns)
        for guard in self._guards.values():
            if guard.gate.open and self.quality(guard.slot) >= Quality.STALE_AGE:
                guard.gate.open = False
                self._follow(guard, now_ns)
        for slot, limit in self._by_source.items():
            _, quality, source_ns, receive_ns = self.read(slot)
            if limit and quality < Quality.STALE_AGE and source_ns < now_ns - limit:
                changed += super().mark(slot, 1, Quality.STALE_AGE, receive_ns)
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

    def _is_late(self, slot: int, source_ns: int) -> bool:
        return slot in self._by_source and 0 < source_ns < self.read(slot)[2]

    @staticmethod
    def _rows(column: Any, form: str) -> Any:
        """Return a column as a sequence; raw bytes are read in their little-endian form."""
        if isinstance(column, (bytes, bytearray)) and form != "B":
            return memoryview(column).cast(form)  # type: ignore[call-overload]
        return column
