"""Contract of the marks that a cell leaves in its ledger: plain stores into mapped memory.

One writer, the cell's loop. Whoever reads may look at any moment, and sees the entry of a message
whole or not at all: its two stamps are the same only then.
"""

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t, uint8_t, uint64_t

from jacquemart.native.ticket cimport Ticket


cdef class Marks:
    cdef Py_buffer view
    cdef bint attached
    cdef uint8_t *base       # of the mapped file; NULL: nothing is kept
    cdef list free           # entries that no message has
    cdef uint64_t stamp      # of the entry that was written last
    cdef uint64_t count      # digests written
    cdef readonly int64_t unmarked       # messages that found no free entry
    cdef Py_ssize_t at_entries, entry_size, text_size, kept_free
    cdef Py_ssize_t at_running, at_count, at_ring, ring_size, at_blocks, block_size

    # Note that a handler begins with a message; the entry, or -1: nothing is kept of it.
    cdef int64_t begin(self, object message) except? -2

    # The same of a command, whose items from its identity to its priority stand in its frame.
    cdef int64_t begin_with(
        self, const uint8_t *items, Py_ssize_t size, Ticket message
    ) except? -2

    # Write an entry; -1: nothing is kept of it.
    cdef int64_t put_entry(self, const uint8_t *content, Py_ssize_t size) noexcept

    # Note that it is not in hand any more; nothing for -1.
    cdef int release(self, int64_t entry) except -1

    # Note that it is off the stack and not in hand any more.
    cdef int over(self, int64_t entry) except -1

    # Note that a command goes to the field: its digest.
    cdef void put_sent(self, const char *command, uint64_t now_ns) noexcept
