# The memory of a point table's rows: made, enlarged, given back.
#
# Owner: the PointTable that holds the Rows; it calls free_rows exactly once. Every function that
# can fail leaves rows as they were, but for blocks that may be longer than the table says.

from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Realloc
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from jacquemart.native.row_steps cimport clear_row
from jacquemart.native.rows cimport OLD_TOTALS, Limits, Rows, Totals

cdef enum Room:
    FIRST_LIMITS = 8  # limits that a new table has room for; doubled when they are full


cdef inline void* allocate(Py_ssize_t items, size_t size) except NULL:
    cdef void* block = PyMem_Calloc(items if items > 0 else 1, size)
    if block == NULL:
        raise MemoryError
    return block


cdef inline int enlarge(void** block, Py_ssize_t items, size_t size) except -1:
    cdef void* longer = PyMem_Realloc(block[0], (items if items > 0 else 1) * size)
    if longer == NULL:
        raise MemoryError
    block[0] = longer
    return 0


cdef inline int allocate_rows(Rows* rows, Py_ssize_t slots, Py_ssize_t groups) except -1:
    cdef Py_ssize_t slot
    rows.capacity = slots
    rows.values = <double*>allocate(slots, 8)
    rows.source_ns = <int64_t*>allocate(slots, 8)
    rows.receive_ns = <int64_t*>allocate(slots, 8)
    rows.qualities = <uint8_t*>allocate(slots, 1)
    rows.flags = <uint8_t*>allocate(slots, 1)
    rows.group_of = <uint32_t*>allocate(slots, 4)
    rows.dirty = <uint32_t*>allocate(slots, 4)
    rows.limits_of = <uint32_t*>allocate(slots, 4)
    rows.limits = <Limits*>allocate(FIRST_LIMITS, sizeof(Limits))
    rows.limits_room = FIRST_LIMITS
    rows.limits[0].low, rows.limits[0].high = -INFINITY, INFINITY
    rows.limits_count = 1
    rows.by_severity = <uint32_t*>allocate(groups + 1, 4 * 4)
    rows.marks = <uint8_t*>allocate(groups + 1, 1)
    rows.totals = <Totals*>allocate(groups + 1, sizeof(Totals))
    memset(rows.marks, OLD_TOTALS, groups + 1)
    for slot in range(slots):
        clear_row(rows, <uint32_t>slot, groups)
    return 0


cdef inline Py_ssize_t limits_index(
    Rows* rows, int64_t stale_after_ns, double low, double high
) except -1:
    """Return where such limits stand, and put them there if they are new."""
    cdef Py_ssize_t index
    cdef Limits* limits
    for index in range(rows.limits_count - 1, -1, -1):  # one template's points come in a row
        limits = &rows.limits[index]
        if limits.stale_after_ns == stale_after_ns and limits.low == low and limits.high == high:
            return index
    if rows.limits_count == rows.limits_room:
        enlarge(<void**>&rows.limits, 2 * rows.limits_room, sizeof(Limits))
        rows.limits_room *= 2
    limits = &rows.limits[rows.limits_count]
    limits.stale_after_ns, limits.low, limits.high = stale_after_ns, low, high
    rows.limits_count += 1
    if low > -INFINITY or high < INFINITY:
        rows.ranged = True
    return rows.limits_count - 1


cdef inline int enlarge_rows(
    Rows* rows, Py_ssize_t slots, Py_ssize_t old_groups, Py_ssize_t groups
) except -1:
    """Make rows of more slots and groups, or of as many; the members must be listed anew."""
    cdef Py_ssize_t slot, old_slots = rows.capacity
    if slots > old_slots:
        enlarge(<void**>&rows.values, slots, 8)
        enlarge(<void**>&rows.source_ns, slots, 8)
        enlarge(<void**>&rows.receive_ns, slots, 8)
        enlarge(<void**>&rows.qualities, slots, 1)
        enlarge(<void**>&rows.flags, slots, 1)
        enlarge(<void**>&rows.group_of, slots, 4)
        enlarge(<void**>&rows.dirty, slots, 4)
        enlarge(<void**>&rows.limits_of, slots, 4)
    if groups > old_groups:
        enlarge(<void**>&rows.by_severity, groups + 1, 4 * 4)
        enlarge(<void**>&rows.marks, groups + 1, 1)
        enlarge(<void**>&rows.totals, groups + 1, sizeof(Totals))
    # Nothing below fails.
    PyMem_Free(rows.first_member)
    PyMem_Free(rows.members)
    rows.first_member = rows.members = NULL
    if groups > old_groups:  # the slots in no group move to the new last one
        memset(rows.by_severity + 4 * (old_groups + 1), 0, 16 * (groups - old_groups))
        memcpy(rows.by_severity + 4 * groups, rows.by_severity + 4 * old_groups, 16)
        memset(rows.by_severity + 4 * old_groups, 0, 16)
        memset(rows.marks + old_groups, OLD_TOTALS, groups + 1 - old_groups)
        for slot in range(old_slots):
            if rows.group_of[slot] == <size_t>old_groups:
                rows.group_of[slot] = <uint32_t>groups
    for slot in range(old_slots, slots):
        clear_row(rows, <uint32_t>slot, groups)
    rows.capacity = slots
    return 0


cdef inline void free_rows(Rows* rows) noexcept:
    PyMem_Free(rows.values)
    PyMem_Free(rows.source_ns)
    PyMem_Free(rows.receive_ns)
    PyMem_Free(rows.qualities)
    PyMem_Free(rows.flags)
    PyMem_Free(rows.group_of)
    PyMem_Free(rows.dirty)
    PyMem_Free(rows.limits_of)
    PyMem_Free(rows.limits)
    PyMem_Free(rows.by_severity)
    PyMem_Free(rows.marks)
    PyMem_Free(rows.totals)
    PyMem_Free(rows.first_member)
    PyMem_Free(rows.members)
    PyMem_Free(rows.kept)
