# cython: language_level=3
"""The native point table; what it promises stands in the stub, its columns in rows.pxd.

This level allocates, checks what Python gives, and raises; what it hands down to the loops of
row_steps.pxd is valid, so that those cannot fail and need no GIL.
"""

from collections import namedtuple

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.number cimport PyNumber_AsSsize_t
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset

from jacquemart.native.columns cimport (
    QUALITIES, SLOTS, TIMES, VALUES, Column, as_quality, as_time, as_value, open_column,
    quality_at, shut_column, slot_at, value_at)
from jacquemart.native.row_blocks cimport (
    allocate, allocate_rows, enlarge_rows, free_rows, limits_index)
from jacquemart.native.row_frames cimport forget_waiting
from jacquemart.native.row_steps cimport (
    accept, accept_rows, compute_totals, define_row, drain_rows, list_members, requalify,
    retire_rows, store_rows, sweep_rows, unfit_row)
from jacquemart.native.rows cimport (
    CHANGED, LOG_ENTRIES, OLD_TOTALS, RETIRED, Kept, Limits, Totals)

cdef enum Bound:
    LARGEST = 0x7FFFFFFF  # slots or groups
    RELEASE_ROWS = 256    # fewer rows take less time than giving up the GIL may cost

Rollup = namedtuple(
    "Rollup", "count online sum minimum maximum worst", module="jacquemart.native.table")
Rollup.__doc__ = "Aggregate of one group; sum, minimum and maximum over its online values."


cdef bytes filled(const void* data, Py_ssize_t size):
    """Return bytes of a size; from data, or (NULL) to be written by the caller at once."""
    return PyBytes_FromStringAndSize(<const char*>data, size)


cdef int check_count(const Column* column, Py_ssize_t count, str name) except -1:
    if column.count != count:
        raise ValueError(f"column {name}: {column.count} items for {count} slots")
    return 0


def column_of(list answers not None):
    """Return numbers as a column, or None if there is anything else among them."""
    cdef Py_ssize_t row
    cdef object answer
    cdef bytes column = PyBytes_FromStringAndSize(NULL, 8 * len(answers))
    cdef double* values = <double*>PyBytes_AS_STRING(column)
    for row in range(len(answers)):
        answer = answers[row]
        if type(answer) is not float:
            return None
        values[row] = <double>answer
    return column


cdef class PointTable:
    """Last values of one shard, as columns. One writer thread; no locks."""

    def __cinit__(self, capacity, groups):
        self.capacity = PyNumber_AsSsize_t(capacity, ValueError)
        self.groups = PyNumber_AsSsize_t(groups, ValueError)
        if not (0 <= self.capacity <= LARGEST and 0 <= self.groups <= LARGEST):
            raise ValueError(f"capacity and groups must be 0 to {LARGEST}")
        allocate_rows(&self.rows, self.capacity, self.groups)

    def __dealloc__(self):
        free_rows(&self.rows)

    cdef Py_ssize_t slot_index(self, object slot) except -1:
        cdef Py_ssize_t index = PyNumber_AsSsize_t(slot, IndexError)
        if not 0 <= index < self.capacity:
            raise IndexError(f"slot {index} is not in a table of {self.capacity}")
        return index

    cdef Py_ssize_t group_index(self, object group) except -1:
        cdef Py_ssize_t index = PyNumber_AsSsize_t(group, IndexError)
        if not 0 <= index < self.groups:
            raise IndexError(f"group {index} is not in a table of {self.groups} groups")
        return index

    cdef int check_slots(self, const Column* slots) except -1:
        cdef Py_ssize_t row
        cdef uint32_t largest = 0
        for row in range(slots.count):
            largest = max(largest, slot_at(slots, row))
        if slots.count and largest >= <size_t>self.capacity:
            raise IndexError(f"slot {largest} is not in a table of {self.capacity}")
        return 0

    cdef int find_members(self) except -1:
        if self.rows.first_member == NULL:
            self.rows.first_member = <uint32_t*>allocate(self.groups + 2, 4)
        if self.rows.members == NULL:
            self.rows.members = <uint32_t*>allocate(self.capacity, 4)
        list_members(&self.rows, self.groups)
        self.members_known = True
        return 0

    @property
    def dirty_count(self):
        """Slots that changed since the last drain."""
        return self.rows.dirty_count

    @property
    def urgent(self):
        """Whether something dirty must not wait for the tick."""
        return self.rows.urgent

    @property
    def judged(self):
        """Whether a subclass judges what is stored, so that nobody may store past its methods."""
        return self.rows.judged

    @judged.setter
    def judged(self, bint judged):
        self.rows.judged = judged

    @property
    def lost_every(self):
        """Readings of keep-every slots that were dropped because their log was full."""
        return self.rows.lost_every

    @property
    def conflated(self):
        """Readings that a newer one replaced before anybody drained them."""
        return self.rows.conflated

    def define(
        self, slot, group, stale_after_ns, bint keep_every=False, bint urgent=False,
        double low=-INFINITY, double high=INFINITY
    ):
        """Give a slot its group, staleness, flags and range; they hold for what comes next."""
        cdef Py_ssize_t index = self.slot_index(slot)
        cdef Py_ssize_t new = self.group_index(group)
        cdef int64_t limit_ns = as_time(stale_after_ns)
        cdef Py_ssize_t limits
        self.check_definition(index, limit_ns, low, high)
        limits = self.prepare_definition(limit_ns, keep_every, low, high)
        if define_row(
            &self.rows, <uint32_t>index, <uint32_t>new, <uint32_t>limits, keep_every, urgent
        ):
            self.members_known = False

    def define_each(
        self, bases, offset, group, stale_after_ns, bint keep_every=False, bint urgent=False,
        double low=-INFINITY, double high=INFINITY
    ):
        """Define the slot that is ``offset`` behind each base, all alike and all or nothing."""
        cdef Column column
        cdef Py_ssize_t row, limits = 0
        cdef Py_ssize_t behind = PyNumber_AsSsize_t(offset, IndexError)
        cdef Py_ssize_t new = self.group_index(group)
        cdef int64_t limit_ns = as_time(stale_after_ns)
        memset(&column, 0, sizeof(column))
        try:
            open_column(&column, bases, SLOTS, "bases")
            for row in range(column.count):
                if not 0 <= behind < self.capacity - <Py_ssize_t>slot_at(&column, row):
                    raise IndexError(
                        f"slot {slot_at(&column, row)} + {behind} is not in a table of"
                        f" {self.capacity}")
                self.check_definition(slot_at(&column, row) + behind, limit_ns, low, high)
            if column.count:
                limits = self.prepare_definition(limit_ns, keep_every, low, high)
            for row in range(column.count):
                if define_row(
                    &self.rows, slot_at(&column, row) + <uint32_t>behind, <uint32_t>new,
                    <uint32_t>limits, keep_every, urgent
                ):
                    self.members_known = False
        finally:
            shut_column(&column)

    cdef int check_definition(
        self, Py_ssize_t slot, int64_t limit_ns, double low, double high
    ) except -1:
        if limit_ns < 0 or not low <= high:
            raise ValueError(f"slot {slot}: stale after {limit_ns} ns, range {low} to {high}")
        if self.rows.flags[slot] & RETIRED:
            raise ValueError(f"slot {slot} is retired and cannot be used again")
        return 0

    cdef Py_ssize_t prepare_definition(
        self, int64_t limit_ns, bint keep_every, double low, double high
    ) except -1:
        if keep_every and self.rows.kept == NULL:
            self.rows.kept = <Kept*>allocate(LOG_ENTRIES, sizeof(Kept))
        return limits_index(&self.rows, limit_ns, low, high)

    def grow(self, capacity, groups):
        """Add slots and groups behind those there are, all or nothing."""
        cdef Py_ssize_t slots = PyNumber_AsSsize_t(capacity, ValueError)
        cdef Py_ssize_t many = PyNumber_AsSsize_t(groups, ValueError)
        cdef Py_ssize_t old_slots = self.capacity, old_groups = self.groups
        if not (old_slots <= slots <= LARGEST and old_groups <= many <= LARGEST):
            raise ValueError(
                f"a table of {old_slots} slots and {old_groups} groups cannot become one of"
                f" {slots} and {many}")
        enlarge_rows(&self.rows, slots, old_groups, many)
        self.members_known = False
        self.capacity = slots
        self.groups = many

    def retire(self, start, count=1):
        """Take slots out of everything, for good; return how many were still in it."""
        cdef Py_ssize_t first = PyNumber_AsSsize_t(start, IndexError)
        cdef Py_ssize_t many = PyNumber_AsSsize_t(count, IndexError)
        cdef Py_ssize_t retired
        if not (0 <= first <= self.capacity and 0 <= many <= self.capacity - first):
            raise IndexError(f"{many} slots from {first} are not in a table of {self.capacity}")
        retired = retire_rows(&self.rows, first, many, self.groups)
        if retired:
            self.members_known = False
        return retired

    def update(self, slot, value, quality, source_ns, receive_ns):
        """Store one reading; return whether value or quality changed."""
        cdef Py_ssize_t index = self.slot_index(slot)
        cdef bint changed = accept(
            &self.rows, <uint32_t>index, as_value(value), as_quality(quality),
            as_time(source_ns), as_time(receive_ns))
        return changed

    def update_columns(self, slots, values, qualities, source_ns, receive_ns):
        """Store many readings, all or nothing; return how many changed."""
        cdef Column columns[4]
        cdef Column* quality_column = NULL
        cdef Column* source_column = NULL
        cdef int64_t now_ns = as_time(receive_ns)
        cdef Py_ssize_t changed, index
        memset(columns, 0, sizeof(columns))
        try:
            open_column(&columns[0], slots, SLOTS, "slots")
            open_column(&columns[1], values, VALUES, "values")
            check_count(&columns[1], columns[0].count, "values")
            if qualities is not None:
                quality_column = &columns[2]
                open_column(quality_column, qualities, QUALITIES, "qualities")
                check_count(quality_column, columns[0].count, "qualities")
            if source_ns is not None:
                source_column = &columns[3]
                open_column(source_column, source_ns, TIMES, "source_ns")
                check_count(source_column, columns[0].count, "source_ns")
            self.check_slots(&columns[0])
            if columns[0].count < RELEASE_ROWS:
                return accept_rows(
                    &self.rows, &columns[0], &columns[1], quality_column, source_column, now_ns)
            with nogil:  # the columns keep their memory alive
                changed = accept_rows(
                    &self.rows, &columns[0], &columns[1], quality_column, source_column, now_ns)
            return changed
        finally:
            for index in range(4):
                shut_column(&columns[index])

    def apply_batch(self, slots, values, qualities, source_ns, receive_ns):
        """Store the columns of a received batch as they are, all or nothing."""
        cdef Column columns[5]
        cdef Py_ssize_t changed, index
        memset(columns, 0, sizeof(columns))
        try:
            open_column(&columns[0], slots, SLOTS, "slots")
            open_column(&columns[1], values, VALUES, "values")
            open_column(&columns[2], qualities, QUALITIES, "qualities")
            open_column(&columns[3], source_ns, TIMES, "source_ns")
            open_column(&columns[4], receive_ns, TIMES, "receive_ns")
            check_count(&columns[1], columns[0].count, "values")
            check_count(&columns[2], columns[0].count, "qualities")
            check_count(&columns[3], columns[0].count, "source_ns")
            check_count(&columns[4], columns[0].count, "receive_ns")
            self.check_slots(&columns[0])
            index = unfit_row(&columns[1], &columns[2])
            if index >= 0:
                raise ValueError(
                    f"row {index}: value {value_at(&columns[1], index)} with quality"
                    f" {quality_at(&columns[2], index):#04x}")
            if columns[0].count < RELEASE_ROWS:
                return store_rows(
                    &self.rows, &columns[0], &columns[1], &columns[2], &columns[3], &columns[4])
            with nogil:  # the columns keep their memory alive
                changed = store_rows(
                    &self.rows, &columns[0], &columns[1], &columns[2], &columns[3], &columns[4])
            return changed
        finally:
            for index in range(5):
                shut_column(&columns[index])

    def mark(self, start, count, quality, receive_ns):
        """Give a range of slots a quality; return how many changed."""
        cdef Py_ssize_t slot, changed = 0
        cdef Py_ssize_t first = PyNumber_AsSsize_t(start, IndexError)
        cdef Py_ssize_t many = PyNumber_AsSsize_t(count, IndexError)
        cdef uint8_t code = as_quality(quality)
        cdef int64_t now_ns = as_time(receive_ns)
        if not (0 <= first <= self.capacity and 0 <= many <= self.capacity - first):
            raise IndexError(f"{many} slots from {first} are not in a table of {self.capacity}")
        for slot in range(first, first + many):
            changed += requalify(&self.rows, <uint32_t>slot, code, now_ns)
        return changed

    def mark_slots(self, slots, quality, receive_ns):
        """Give some slots a quality, all or nothing; return how many changed."""
        cdef Column column
        cdef Py_ssize_t row, changed = 0
        cdef uint8_t code = as_quality(quality)
        cdef int64_t now_ns = as_time(receive_ns)
        memset(&column, 0, sizeof(column))
        try:
            open_column(&column, slots, SLOTS, "slots")
            self.check_slots(&column)
            for row in range(column.count):
                changed += requalify(&self.rows, slot_at(&column, row), code, now_ns)
        finally:
            shut_column(&column)
        return changed

    def sweep(self, now_ns):
        """Turn slots that were not heard of within their limit STALE; return how many."""
        return sweep_rows(&self.rows, as_time(now_ns))

    def read(self, slot):
        """Return (value, quality, source_ns, receive_ns)."""
        cdef Py_ssize_t index = self.slot_index(slot)
        return (self.rows.values[index], self.rows.qualities[index],
                self.rows.source_ns[index], self.rows.receive_ns[index])

    def value(self, slot):
        """Return a slot's value."""
        return self.rows.values[self.slot_index(slot)]

    def quality(self, slot):
        """Return a slot's quality byte."""
        return self.rows.qualities[self.slot_index(slot)]

    def drain(self):
        """Return what is dirty as five columns and clear it; None if nothing is."""
        cdef Py_ssize_t rows = self.rows.kept_count + self.rows.dirty_count
        if rows == 0:
            return None
        cdef bytes slots = filled(NULL, 4 * rows)
        cdef bytes values = filled(NULL, 8 * rows)
        cdef bytes qualities = filled(NULL, rows)
        cdef bytes source_ns = filled(NULL, 8 * rows)
        cdef bytes receive_ns = filled(NULL, 8 * rows)
        # Nobody else has these bytes yet, and their payload is aligned to eight.
        drain_rows(
            &self.rows, <uint32_t*>PyBytes_AS_STRING(slots), <double*>PyBytes_AS_STRING(values),
            <uint8_t*>PyBytes_AS_STRING(qualities), <int64_t*>PyBytes_AS_STRING(source_ns),
            <int64_t*>PyBytes_AS_STRING(receive_ns))
        return slots, values, qualities, source_ns, receive_ns

    def forget(self):
        """Clear what is dirty, told to nobody."""
        forget_waiting(&self.rows)

    def snapshot(self, start=0, count=None):
        """Return all slots, or a range of them, as five columns; dirty bits stay."""
        cdef Py_ssize_t slot
        cdef Py_ssize_t first = PyNumber_AsSsize_t(start, IndexError)
        cdef Py_ssize_t many = self.capacity - first
        cdef bytes slots
        cdef uint32_t* slot_out
        if count is not None:
            many = PyNumber_AsSsize_t(count, IndexError)
        if not (0 <= first <= self.capacity and 0 <= many <= self.capacity - first):
            raise IndexError(f"{many} slots from {first} are not in a table of {self.capacity}")
        slots = filled(NULL, 4 * many)
        slot_out = <uint32_t*>PyBytes_AS_STRING(slots)
        for slot in range(many):
            slot_out[slot] = <uint32_t>(first + slot)
        return (
            slots,
            filled(self.rows.values + first, 8 * many),
            filled(self.rows.qualities + first, many),
            filled(self.rows.source_ns + first, 8 * many),
            filled(self.rows.receive_ns + first, 8 * many),
        )

    def rollup(self, group):
        """Return the aggregate of a group."""
        cdef Py_ssize_t index = self.group_index(group)
        cdef const Totals* totals = &self.rows.totals[index]
        cdef const uint32_t* counts = self.rows.by_severity + 4 * index
        cdef uint32_t online = counts[0] + counts[1]
        if self.rows.marks[index] & OLD_TOTALS:
            if not self.members_known:
                self.find_members()
            compute_totals(&self.rows, index)
            self.rows.marks[index] &= CHANGED
        # Not Rollup(...): that goes through a function in Python.
        return tuple.__new__(Rollup, (
            online + counts[2] + counts[3], online, totals.sum, totals.minimum,
            totals.maximum, totals.worst))

    def changed_groups(self):
        """Return the groups that changed since the last call, and clear that mark."""
        cdef Py_ssize_t group
        cdef list changed = []
        for group in range(self.groups):
            if self.rows.marks[group] & CHANGED:
                self.rows.marks[group] &= OLD_TOTALS
                changed.append(group)
        return changed

    def nbytes(self):
        """Return the bytes that the table holds, itself included."""
        cdef Py_ssize_t a_slot = 8 + 8 + 8 + 1 + 1 + 4 + 4 + 4
        cdef Py_ssize_t a_group = 4 * 4 + 1 + sizeof(Totals)
        cdef Py_ssize_t more = sizeof(Kept) * LOG_ENTRIES if self.rows.kept != NULL else 0
        more += sizeof(Limits) * self.rows.limits_room
        if self.rows.members != NULL:
            a_slot += 4
            a_group += 4
        return object.__sizeof__(self) + a_slot * self.capacity + a_group * (
            self.groups + 1) + more
