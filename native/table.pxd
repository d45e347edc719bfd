# The native point table: last values of one shard, as columns.
#
# Thread: one writer; a call that released the GIL must end before the next one starts.
# The columns themselves, their units and their invariants: rows.pxd.

from libc.stdint cimport int64_t

from jacquemart.native.columns cimport Column
from jacquemart.native.rows cimport Rows

cdef class PointTable:
    cdef Rows rows                     # owner: this object, until it is deallocated
    cdef readonly Py_ssize_t capacity  # slots; 0 .. 2**31 - 1
    cdef readonly Py_ssize_t groups    # 0 .. 2**31 - 1
    cdef bint members_known            # define() has moved no slot since they were listed

    # Return the index of a slot or group that Python gave; IndexError if there is none.
    cdef Py_ssize_t slot_index(self, object slot) except -1
    cdef Py_ssize_t group_index(self, object group) except -1

    # Check every slot of a column; IndexError names the largest.
    cdef int check_slots(self, const Column* slots) except -1

    # Check what define() is told of a slot in the table; ValueError.
    cdef int check_definition(
        self, Py_ssize_t slot, int64_t limit_ns, double low, double high) except -1

    # Allocate what such a definition needs, and return where its limits stand; MemoryError leaves
    # the table as it was.
    cdef Py_ssize_t prepare_definition(
        self, int64_t limit_ns, bint keep_every, double low, double high) except -1

    # Allocate what is needed late; MemoryError leaves the table as it was.
    cdef int find_members(self) except -1
