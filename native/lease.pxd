"""Contract of the lease's gate: one word that says until when a cell may write to the field.

The word is read and written atomically, so any thread may ask, with or without the GIL. The
question costs one load, and one reading of the clock while the gate is not shut.
"""

from libc.stdint cimport int64_t


cdef class Gate:
    cdef int64_t until       # CLOCK_BOOTTIME in ns; 0: shut; -1: sealed, shut for ever

    # Whether now is before ``until``. For drivers: ask right before the bytes leave.
    cdef bint is_open(self) noexcept nogil

    # How long it stays open if nobody moves it: ns, 0 if it is shut.
    cdef int64_t left(self) noexcept nogil
