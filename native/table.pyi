"""Typed stub of the native point table."""

from collections.abc import Sequence
from typing import Any, NamedTuple

class Rollup(NamedTuple):
    """Aggregate of one group. ``online``: quality GOOD or UNCERTAIN. sum, minimum and maximum
    are over online values only; NaN where there is none. ``worst`` is the maximum quality byte
    over all members (0 for an empty group)."""

    count: int
    online: int
    sum: float
    minimum: float
    maximum: float
    worst: int

class PointTable:
    """Last values of one shard, as columns. One writer thread; no locks.

    Slots are dense, 0 .. capacity-1. A slot starts as (NaN, BAD_NEVER_READ 0xC1, 0, 0), not
    dirty. NaN or infinity never enters: the stored value stays, the quality becomes BAD_VALUE
    (0xC7). A source time later than the receive time is replaced by the receive time and a GOOD
    quality becomes UNCERTAIN_CLOCK (0x41). source 0 means "not known": the receive time is taken.
    """

    def __init__(self, capacity: int, groups: int) -> None: ...
    def define(
        self, slot: int, group: int, stale_after_ns: int, keep_every: bool = False,
        urgent: bool = False, low: float = ..., high: float = ...,
    ) -> None:
        """Give a slot its group (rollup index), staleness (0: never stale), keep and urgent
        flags and range (a GOOD value outside becomes UNCERTAIN_RANGE 0x42; default infinite)."""
    @property
    def capacity(self) -> int: ...
    @property
    def groups(self) -> int: ...
    @property
    def dirty_count(self) -> int: ...
    @property
    def urgent(self) -> bool:
        """Whether something is dirty that must not wait for the tick: an urgent slot whose value
        changed, or any slot whose severity (quality >> 6) changed. Cleared by drain()."""
    @property
    def lost_every(self) -> int:
        """Entries of keep-every slots that were dropped because their log was full; the slot is
        then published UNCERTAIN (0x40)."""
    def update(
        self, slot: int, value: float, quality: int, source_ns: int, receive_ns: int
    ) -> bool:
        """Store one reading; return whether value or quality changed. The slot becomes dirty also
        when only the times changed. IndexError for an unknown slot."""
    def update_columns(
        self, slots: Any, values: Any, qualities: Any | None, source_ns: Any | None,
        receive_ns: int,
    ) -> int:
        """Store many; columns are buffers (u32, f64, u8, i64) or sequences of numbers; qualities
        None: all GOOD; source_ns None: the receive time. All or nothing on a bad slot or length
        (IndexError, ValueError). Returns how many changed."""
    def apply_batch(self, slots: Any, values: Any, qualities: Any, source_ns: Any,
                    receive_ns: Any) -> int:
        """Store the columns of a received batch as they are (times already judged by the sender,
        NaN allowed only with a BAD quality). All or nothing. Releases the GIL."""
    def mark(self, start: int, count: int, quality: int, receive_ns: int) -> int:
        """Give a range of slots a quality, keeping values and source times; returns how many
        changed."""
    def mark_slots(self, slots: Sequence[int], quality: int, receive_ns: int) -> int: ...
    def sweep(self, now_ns: int) -> int:
        """Turn slots whose receive time is older than their limit to STALE_AGE (0x80), if their
        quality was better than STALE; returns how many. A clock that jumped back makes nothing
        stale and nothing crash."""
    def read(self, slot: int) -> tuple[float, int, int, int]:
        """Return (value, quality, source_ns, receive_ns)."""
    def value(self, slot: int) -> float: ...
    def quality(self, slot: int) -> int: ...
    def drain(self) -> tuple[bytes, bytes, bytes, bytes, bytes] | None:
        """Return the dirty slots as columns (slots, values, qualities, source, receive),
        ready for encode_batch, and clear the dirty bits; None if nothing is dirty. keep-every
        entries come in order, before the last values; a slot's last entry is its newest."""
    def snapshot(self) -> tuple[bytes, bytes, bytes, bytes, bytes]:
        """Return all slots as columns; dirty bits stay."""
    def rollup(self, group: int) -> Rollup:
        """Return the group's aggregate. Counts are kept incrementally; sum, minimum and maximum
        are computed anew for groups that changed since they were last asked."""
    def changed_groups(self) -> list[int]:
        """Return the groups that changed since the last call, and clear that mark."""
    def nbytes(self) -> int: ...
