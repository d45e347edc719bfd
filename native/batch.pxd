"""Contract of a batch: the columns of a telemetry frame, readable in place from C.

A Batch keeps the memory behind its columns alive and is immutable, so any thread may read it.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from jacquemart.native.cursor cimport Cursor


cdef enum:
    POINT_BYTES = 29         # one point in the columns: f64, i64, i64, u32, u8


cdef class Batch:
    # Columns of ``count`` items, each aligned to its item; valid as long as the Batch lives.
    cdef const double *value
    cdef const int64_t *source           # wall clock, ns
    cdef const int64_t *receive          # wall clock, ns
    cdef const uint32_t *slot
    cdef const uint8_t *quality
    cdef readonly str topic
    cdef readonly uint64_t epoch
    cdef readonly uint64_t sequence
    cdef readonly Py_ssize_t count
    cdef object owner                    # the memory behind the columns

    # A read-only memoryview of one column. Raises MemoryError.
    cdef object column(self, const void *data, Py_ssize_t width, const char *format)


# Stand at the first byte of a frame; return what keeps it alive and in place. Raises TypeError
# or BufferError for what is not bytes.
cdef object open_in_place(Cursor *cursor, object frame)

# The rest of a batch frame, from its topic on. ``owner`` is the memory that the cursor reads.
# None with a fault in the cursor. Raises MemoryError.
cdef Batch take_batch(Cursor *cursor, object owner)

# A whole batch frame, its columns at a multiple of 8 bytes. Raises TypeError, ValueError or
# BufferError (the caller's bug).
cdef bytes put_batch(
    str topic, uint64_t epoch, uint64_t sequence, tuple columns, Py_ssize_t max_size
)
