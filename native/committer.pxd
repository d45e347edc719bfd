"""Contract of the committer: a row and the watermark behind it, on disk, in one go.

One thread at a time. The interpreter lock is given away once, before the first byte is written,
and taken back once, when the last one is on disk: a thread that keeps it meanwhile, for its five
milliseconds, delays nothing between the two.
"""

from libc.stdint cimport int64_t


cdef class Committer:
    cdef void *connection    # NULL: closed
    cdef void *statement

    # The error of the last call on the connection, as an exception.
    cdef object refused(self, int code)
