"""Typed stub of the native point table."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from typing_extensions import disjoint_base

class Rollup(NamedTuple):
    """Aggregate of one group. ``online``: quality GOOD or UNCERTAIN. sum, minimum and maximum
    are over online values only; NaN where there is none. ``worst`` is the maximum quality byte
    over all members (0 for an empty group)."""

    count: int  # type: ignore[assignment]  # hides tuple.count
    online: int
    sum: float
    minimum: float
    maximum: float
    worst: int

def column_of(answers: list[Any]) -> bytes | None:
    """Return floats as a column for ``update_columns``; None if there is anything else."""

@disjoint_base
class PointTable:
    """Last values of one shard, as columns. One writer thread; no locks.

    Slots are dense, 0 .. capacity-1. A slot starts as (NaN, BAD_NEVER_READ 0xC1, 0, 0), not
    dirty, in no group. NaN or infinity never enters: the stored value stays, the quality becomes
    BAD_VALUE (0xC7) unless a BAD one came with it. A source time later than the receive time is
    replaced by the receive time and a GOOD quality becomes UNCERTAIN_CLOCK (0x41). source 0 means
    "not known": the receive time is taken.
    """

    def __new__(cls, capacity: int, groups: int) -> Self:
        """Each 0 .. 2**31 - 1, else ValueError. About 40 bytes a slot."""
    def define(
        self,
        slot: int,
        group: int,
        stale_after_ns: int,
        keep_every: bool = False,
        urgent: bool = False,
        low: float = ...,
        high: float = ...,
    ) -> None:
        """Give a slot its group (rollup index), staleness (0: never stale), keep and urgent
        flags and range (a GOOD value outside becomes UNCERTAIN_RANGE 0x42; default infinite).
        Also later, with data in it; what is stored is not judged again. IndexError for an unknown
        slot or group, ValueError for a negative limit or an empty range."""
    def define_each(
        self,
        bases: Any,
        offset: int,
        group: int,
        stale_after_ns: int,
        keep_every: bool = False,
        urgent: bool = False,
        low: float = ...,
        high: float = ...,
    ) -> None:
        """Define the slot ``offset`` (0 or more) behind each of ``bases`` (a column of u32), all
        alike: as ``define`` of each, all or nothing."""
    def grow(self, capacity: int, groups: int) -> None:
        """Add slots and groups behind those there are: values, times, groups and dirty bits of
        the others stay, new slots are as in a new table. ValueError if one becomes fewer; on
        that and on MemoryError the table is as it was. Takes time in proportion to its slots."""
    def retire(self, start: int, count: int = 1) -> int:
        """Take slots out of everything, for good: they leave their groups, are not dirty, read
        (NaN, BAD_REMOVED 0xCA, 0, 0), and ignore whatever is stored in them from then on.
        define() refuses them (ValueError). Returns how many were not retired before; IndexError
        for an unknown slot. A call looks once through all that is dirty: retire in ranges."""
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
    judged: bool
    """Whether a subclass judges what is stored: ``native.stream`` stores nothing past its methods
    then."""
    @property
    def lost_every(self) -> int:
        """Entries of keep-every slots that were dropped because their log (4,096 superseded
        readings a table) was full; the slot is then UNCERTAIN (0x40) if it was better."""
    @property
    def conflated(self) -> int:
        """Readings, since creation, that a newer one of their slot replaced before a drain: what
        a source that is faster than the tick says in between. Not of keep-every slots, and none
        that said nothing new (the same value, quality and times)."""
    def update(
        self, slot: int, value: float, quality: int, source_ns: int, receive_ns: int
    ) -> bool:
        """Store one reading; return whether value or quality changed. The slot becomes dirty also
        when only the times changed, and a keep-every slot always. IndexError for an unknown slot,
        ValueError for a quality that is no byte or a time beyond 64 bits."""
    def update_columns(
        self,
        slots: Any,
        values: Any,
        qualities: Any | None,
        source_ns: Any | None,
        receive_ns: int,
    ) -> int:
        """Store many; columns are buffers (u32, f64, u8, i64) or sequences of numbers; qualities
        None: all GOOD; source_ns None: the receive time. All or nothing on a bad slot or length
        (IndexError, ValueError). Returns how many changed. A buffer of bytes is a column in its
        raw little-endian form, at any alignment; any other format is a ValueError."""
    def apply_batch(
        self, slots: Any, values: Any, qualities: Any, source_ns: Any, receive_ns: Any
    ) -> int:
        """Store the columns of a received batch as they are (times already judged by the sender,
        NaN allowed only with a BAD quality, infinity never: ValueError). All or nothing. Releases
        the GIL from 256 rows on, as update_columns does: fewer take a few microseconds."""
    def mark(self, start: int, count: int, quality: int, receive_ns: int) -> int:
        """Give a range of slots a quality and receive time, keeping values and source times;
        returns how many changed. A slot without a value (NaN) cannot become better than BAD."""
    def mark_slots(self, slots: Sequence[int], quality: int, receive_ns: int) -> int: ...
    def sweep(self, now_ns: int) -> int:
        """Turn slots whose receive time is older than their limit to STALE_AGE (0x80), if their
        quality was better than STALE; returns how many. A clock that jumped back makes nothing
        stale and nothing crash. Receive times stay."""
    def read(self, slot: int) -> tuple[float, int, int, int]:
        """Return (value, quality, source_ns, receive_ns)."""
    def value(self, slot: int) -> float: ...
    def quality(self, slot: int) -> int: ...
    def drain(self) -> tuple[bytes, bytes, bytes, bytes, bytes] | None:
        """Return the dirty slots as columns (slots, values, qualities, source, receive),
        ready for encode_batch, and clear the dirty bits; None if nothing is dirty. keep-every
        entries come in order, before the last values; a slot's last entry is its newest."""
    def forget(self) -> None:
        """Clear the dirty bits as ``drain`` does, for a table whose changes nobody sends on."""
    def snapshot(
        self, start: int = 0, count: int | None = None
    ) -> tuple[bytes, bytes, bytes, bytes, bytes]:
        """Return all slots, or ``count`` from ``start`` on, as columns; dirty bits stay.
        IndexError for a range that is not in the table."""
    def rollup(self, group: int) -> Rollup:
        """Return the group's aggregate. Counts are kept incrementally; sum, minimum and maximum
        are computed anew for groups that changed since they were last asked."""
    def changed_groups(self) -> list[int]:
        """Return the groups that changed since the last call, and clear that mark."""
    def nbytes(self) -> int: ...
