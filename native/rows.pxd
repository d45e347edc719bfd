# The arrays of a point table. What is done to them stands in row_steps.pxd.
#
# Units: times are int64 ns of the wall clock; qualities are severity << 6 | reason.
# Owner of every pointer: the PointTable that holds the Rows. "late": NULL until first needed.
# Invariants: dirty[0 .. dirty_count-1] lists the slots whose flags hold DIRTY, each once, in
# the order in which they became dirty; kept[] holds superseded readings of dirty slots only; a
# stored value is never infinite, and is NaN only where the quality is BAD.

from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef enum Flag:  # bits of Rows.flags
    DIRTY = 1       # changed since the last drain
    KEEP_EVERY = 2  # a reading not yet drained is logged, not overwritten
    URGENT = 4      # a changed value must not wait for the tick
    RETIRED = 8     # nobody's any more: takes nothing, is in no group, never dirty

cdef enum Mark:  # bits of Rows.marks
    CHANGED = 1     # not yet told by changed_groups
    OLD_TOTALS = 2  # totals must be computed anew

cdef enum Code:  # the qualities that the table gives by itself, and where severities begin
    UNCERTAIN = 0x40
    UNCERTAIN_CLOCK = 0x41
    UNCERTAIN_RANGE = 0x42
    STALE_AGE = 0x80
    BAD = 0xC0
    BAD_NEVER_READ = 0xC1
    BAD_VALUE = 0xC7
    BAD_REMOVED = 0xCA

cdef enum Log:
    LOG_ENTRIES = 4096  # superseded keep-every readings between two drains

cdef struct Totals:  # of the online members of a group; NaN where there is none
    double sum
    double minimum
    double maximum
    uint8_t worst    # quality, over all members

cdef struct Limits:  # of a slot; a city has a few for all its slots, so that each is kept once
    int64_t stale_after_ns  # 0: never stale
    double low              # -INFINITY and INFINITY: no range
    double high

cdef struct Kept:  # a reading that was superseded before it was drained
    double value
    int64_t source_ns
    int64_t receive_ns
    uint32_t slot
    uint8_t quality

cdef struct Rows:
    Py_ssize_t capacity
    # One entry a slot.
    double* values
    int64_t* source_ns
    int64_t* receive_ns
    uint8_t* qualities
    uint8_t* flags           # Flag
    uint32_t* group_of       # the last group for a slot that is not defined yet, or retired
    uint32_t* dirty
    uint32_t* limits_of      # index into limits
    # One entry a group, and one more for the slots that are not defined yet, or retired.
    uint32_t* by_severity    # four counts a group
    uint8_t* marks           # Mark
    Totals* totals           # valid unless OLD_TOTALS
    uint32_t* first_member   # late (first rollup); index into members
    uint32_t* members        # late (first rollup); slots, ascending inside a group
    # The whole table.
    Limits* limits           # [0]: never stale, no range; the others as they were defined
    Py_ssize_t limits_count
    Py_ssize_t limits_room
    bint ranged              # some of them have a range
    Kept* kept               # late (first keep_every); LOG_ENTRIES long
    Py_ssize_t kept_count
    Py_ssize_t dirty_count
    int64_t lost_every       # readings that found the log full, since creation
    int64_t conflated        # readings that another replaced before a drain, since creation
    bint urgent              # something dirty must not wait for the tick
    bint judged              # a subclass judges what is stored: nobody stores past its methods
