# Rows of a point table into the columns of a frame, and out of them, without the GIL.
#
# A column inside a frame stands at any address, so items are written with memcpy. Callers have
# checked what each function says it needs.

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from jacquemart.native.columns cimport Column, slot_at
from jacquemart.native.row_steps cimport unfit_row
from jacquemart.native.rows cimport DIRTY, Kept, Rows


cdef struct Places:  # where the next row goes, column by column
    char* slots
    char* values
    char* qualities
    char* source_ns
    char* receive_ns


cdef inline Py_ssize_t waiting_rows(const Rows* rows) noexcept nogil:
    return rows.kept_count + rows.dirty_count


cdef inline void write_rows(
    const Rows* rows, Py_ssize_t first, Py_ssize_t count, Places* places
) noexcept nogil:
    """Write the waiting rows first .. first + count - 1 (kept ones before dirty ones)."""
    cdef Py_ssize_t index, row = 0
    cdef uint32_t slot
    cdef const Kept* entry
    for index in range(first, min(first + count, rows.kept_count)):
        entry = &rows.kept[index]
        memcpy(places.slots + 4 * row, &entry.slot, 4)
        memcpy(places.values + 8 * row, &entry.value, 8)
        places.qualities[row] = <char>entry.quality
        memcpy(places.source_ns + 8 * row, &entry.source_ns, 8)
        memcpy(places.receive_ns + 8 * row, &entry.receive_ns, 8)
        row += 1
    for index in range(first + row - rows.kept_count, first + count - rows.kept_count):
        slot = rows.dirty[index]
        memcpy(places.slots + 4 * row, &slot, 4)
        memcpy(places.values + 8 * row, &rows.values[slot], 8)
        places.qualities[row] = <char>rows.qualities[slot]
        memcpy(places.source_ns + 8 * row, &rows.source_ns[slot], 8)
        memcpy(places.receive_ns + 8 * row, &rows.receive_ns[slot], 8)
        row += 1


cdef inline void forget_waiting(Rows* rows) noexcept nogil:
    """Clear what waits, as a drain does."""
    cdef Py_ssize_t index
    for index in range(rows.dirty_count):
        rows.flags[rows.dirty[index]] &= ~DIRTY
    rows.kept_count = rows.dirty_count = 0
    rows.urgent = False


cdef inline bint fits(
    const Rows* rows, const Column* slots, const Column* values, const Column* qualities
) noexcept nogil:
    """Whether a table can store these rows: all slots are its own, all values can be sent."""
    cdef Py_ssize_t row
    cdef uint32_t largest = 0
    for row in range(slots.count):
        largest = max(largest, slot_at(slots, row))
    if slots.count and largest >= <size_t>rows.capacity:
        return False
    return unfit_row(values, qualities) < 0
