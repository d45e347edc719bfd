"""Contract of the parts of a bulk command that nothing stands in the way of, as columns.

One thread: the cell's loop. A row is a device. It is *in* the columns, or has *left* them (from
then on it is a ticket and a write as any other command has), or has *ended* in them; each row does
one of the last two, once. Everything that is not plain leaves: nothing is refused or failed here.

Owner of the arrays: the Parts, until it is deallocated. Row numbers are 0 .. count-1.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from jacquemart.native.results cimport NameWriter
from jacquemart.native.slots cimport FREE_SLOTS
from jacquemart.native.table cimport PointTable


cdef enum:           # what became of a row
    IN = 0
    LEFT = 1
    ENDED = 2

cdef enum:           # fields, behind those that say whether it is free; in the order of ``FIELDS``
    ASIDE = FREE_SLOTS
    BESIDE
    OWNER
    LAST
    RANK
    BASE
    SHARD
    SPEC
    TEMPLATE
    NAME
    FIELD_COUNT


cdef class Shape:
    # Where the actors of a class have what is looked at.
    cdef Py_ssize_t at[FIELD_COUNT]
    cdef object spec_kind        # class of the devices' specs; None: not seen yet
    cdef Py_ssize_t link_at, parameters_at       # their slots in it; -1: they are none

    # What a spec has in a slot, by its place or (-1, or a spec of another class) by its name.
    cdef object of_spec(self, object spec, Py_ssize_t at, str name)

    # Whether an actor is free, and nothing else of its own is on its way.
    cdef bint is_plain(self, object actor) except -1


cdef class Outcomes:
    # The result of a bulk command in a cell, by the position of its devices.
    cdef readonly Py_ssize_t count
    cdef uint8_t *statuses
    cdef double *values          # NaN: none
    cdef uint64_t *dispatched    # boot-time ns; 0: not reached
    cdef uint64_t *finished
    cdef NameWriter named        # ids of the devices, as far as they were gathered


cdef class Gatherer:
    cdef dict shapes             # class -> Shape; None: its actors are never plain
    cdef object shape_for        # asked once for a class: whether its actors may be plain

    cdef Shape shape_of(self, object kind)


cdef class Parts:
    cdef readonly object writer  # of the link; ``left`` hears of rows that leave
    cdef readonly object run     # the bulk command: ``ended_some`` hears of ends
    cdef readonly object shard
    cdef readonly object spec    # of the point
    cdef PointTable table
    cdef Outcomes outcomes       # None once all rows have ended or left
    cdef Shape shape
    cdef list actors
    cdef object taken            # actors of which something else is on its way; None: of none
    cdef readonly Py_ssize_t room
    cdef readonly Py_ssize_t count
    cdef readonly Py_ssize_t live            # rows that are in the columns
    cdef Py_ssize_t referring    # devices, at most, whose last command this is
    cdef uint8_t *rows           # what became of each
    cdef uint32_t *bases         # first slots of the devices
    cdef uint32_t *positions     # of the devices in the bulk command
    cdef double *values          # read back
    cdef int64_t *finished       # boot-time ns
    cdef readonly Py_ssize_t point_at, feedback_at       # behind a device's first slot
    cdef readonly double value   # to be written
    cdef readonly int priority
    cdef object rank             # the same as an object
    cdef bytes unreachable       # qualities of the feedback with which a device cannot be reached
    cdef readonly int64_t deadline_ns, received_ns
    cdef readonly int64_t dispatched_ns, acknowledged_ns, settled_ns, until_ns   # 0: not reached
    cdef public int64_t number   # counts the writes of its link
    cdef public int64_t losses   # how often the lease had been lost when it came
    cdef public object points    # of those that were sent, as the driver has them

    # The row of an actor that is in the columns; -1: none.
    cdef Py_ssize_t row_of(self, object actor)

    # Whether the device behind ``base`` can be reached, as far as its feedback tells.
    cdef bint reaches(self, Py_ssize_t base) except -1

    # Take a device in: it is busy from now on.
    cdef int add(self, object actor, Py_ssize_t base, Py_ssize_t position) except -1

    # Have a row leave.
    cdef int leave_row(self, Py_ssize_t row) except -1

    # Give the device of an ended row a ticket with its end, if its last command was this.
    cdef int settle_row(self, Py_ssize_t row) except -1

    # Let go of what nobody needs when no row is in the columns.
    cdef int done(self) except -1

    # End a row as applied; the device is free then.
    cdef int end_row(self, Py_ssize_t row, double seen, int64_t now_ns) except -1
