"""Contract of a batch: the columns of a telemetry frame, readable in place from C.

A Batch keeps the memory behind its columns alive and is immutable, so any thread may read it.
"""

from libc.stdint cimport uint64_t

from jacquemart.native.cursor cimport Cursor


cdef class Batch:
    # The columns inside the frame: little-endian, ``count`` items each, at any address, so items
    # are read with memcpy (one unaligned load). Valid as long as the Batch lives.
    cdef const char *slot                # u32
    cdef const char *value               # f64
    cdef const char *quality             # u8
    cdef const char *source              # i64, wall clock, ns
    cdef const char *receive             # i64, wall clock, ns
    cdef readonly str topic
    cdef readonly uint64_t epoch
    cdef readonly uint64_t sequence
    cdef readonly Py_ssize_t count
    cdef object owner                    # the memory behind the columns

    # A read-only memoryview of one column. Raises MemoryError.
    cdef object column(self, const char *data, Py_ssize_t width, const char *format)


# Stand at the first byte of a frame; return what keeps it alive and in place. Raises TypeError
# or BufferError for what is not bytes.
cdef object open_in_place(Cursor *cursor, object frame)

# The rest of a batch frame, from its topic on. ``owner`` is the memory that the cursor reads.
# None with a fault in the cursor. Raises MemoryError.
cdef Batch take_batch(Cursor *cursor, object owner)

# A whole batch frame. ``columns``: slots, values, qualities, source and receive times, each any
# buffer. Raises TypeError, ValueError or BufferError (the caller's bug).
cdef bytes put_batch(
    str topic, uint64_t epoch, uint64_t sequence, tuple columns, Py_ssize_t max_size
)
