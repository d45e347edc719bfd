# The native mailbox: four bounded priority lanes.
#
# Thread: one; no call gives up the GIL half-way. Foreign code (a key's __hash__ and __eq__, a
# finalizer that the collector runs on an allocation) may come back into the same mailbox; every
# function is consistent wherever that can happen.
# Owner of messages and keys: the lists and dicts below, which the collector sees.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cpdef enum:
    SAFETY = 0
    COMMANDS = 1
    EVENTS = 2
    TELEMETRY = 3
    LANES = 4

cdef class _Keyed:         # what stands in a ring for a message with a key
    cdef object message    # None once it was taken
    cdef object key

cdef class _Lane:          # one FIFO; made on the lane's first message
    cdef list ring         # messages and _Keyed; None until needed and when emptied large
    cdef dict waiting      # key -> _Keyed in the ring; None until the first key
    cdef uint32_t head     # index of the oldest
    cdef uint32_t count    # messages in the ring
    cdef uint32_t since    # Mailbox.takes when last served, or when it became non-empty
    cdef uint64_t refused

    # Make room for one message; the ring doubles up to capacity. No room is no error.
    cdef int reserve(self, uint32_t capacity) except -1
    # Append to a ring that has room; runs no foreign code.
    cdef void push(self, object item) noexcept
    # Remove and return the oldest entry; None if there is none. Runs no foreign code.
    cdef object pop(self)
    # Return the message of a removed entry, and forget its key.
    cdef object open(self, object item)

cdef class Mailbox:
    cdef _Lane safety
    cdef _Lane commands
    cdef _Lane events
    cdef _Lane telemetry
    cdef uint32_t capacities[4]       # messages; 0: the lane refuses everything
    cdef uint32_t takes               # since creation, modulo 2**32
    cdef uint8_t filled               # bit of every lane that is not empty
    cdef uint8_t passed               # takes in a row that went before waiting lower lanes
    cdef readonly uint64_t dropped    # oldest telemetry that gave way, since creation
    cdef readonly uint64_t conflated  # waiting telemetry replaced, since creation

    # Return a lane: None if nothing was ever posted there, or (second form) made if need be.
    cdef _Lane lane_at(self, Py_ssize_t lane)
    cdef _Lane lane_made(self, Py_ssize_t lane)
    # Post without checks (message not None, lane in range); return whether it was taken in.
    cdef bint put(self, Py_ssize_t lane, object message, object key) except -1
    # Remove the oldest entry of a lane; None if there is none. Runs no foreign code.
    cdef object remove(self, Py_ssize_t lane, _Lane made)
    # Return the message whose turn it is; None if nothing waits.
    cdef object next_message(self)
