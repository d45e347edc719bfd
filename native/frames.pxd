"""Contract of the wire frames: what other native modules may take from a decoded frame.

Frames own their fields and are immutable once built, so any thread may read them.
"""

from libc.stdint cimport uint8_t, uint64_t

from jacquemart.native.cursor cimport Cursor


cpdef enum:
    VERSION = 1

    COMMAND = 1
    OUTCOME = 2
    BATCH = 3
    HEARTBEAT = 4
    BULK = 5
    BULK_OUTCOME = 6
    QUERY = 7
    REPLY = 8
    ERROR = 9
    EVENT = 10
    ROLLUP = 11
    CLAIM = 12
    BUNDLE = 13

    MAX_DEPTH = 16


cdef class Command:
    cdef readonly bytes id               # 16 bytes
    cdef readonly str principal          # texts: at most 255 bytes of UTF-8
    cdef readonly str device
    cdef readonly str verb
    cdef readonly str point
    cdef readonly object value           # exactly None, bool, int (i64 or u64), float or str
    cdef readonly str unit
    cdef readonly uint64_t deadline_ns   # boot-time clock of the gateway's host
    cdef readonly uint64_t epoch         # 0: any
    cdef readonly uint64_t first_ns      # of a repeat: when it was sent first; 0: it is none
    cdef readonly uint8_t priority       # 1..16

    cdef tuple fields(self)


cdef class OutcomeFrame:
    cdef readonly bytes id               # 16 bytes
    cdef readonly str device             # texts: at most 255 bytes of UTF-8
    cdef readonly str point
    cdef readonly str reason
    cdef readonly str detail             # at most 1,024 bytes of UTF-8
    cdef readonly object value           # exactly None or float
    cdef readonly uint64_t received_ns   # stages: boot-time clock; 0: not reached
    cdef readonly uint64_t dispatched_ns
    cdef readonly uint64_t acknowledged_ns
    cdef readonly uint64_t finished_ns
    cdef readonly uint8_t status

    cdef tuple fields(self)


cdef class Heartbeat:
    cdef readonly str topic              # at most 255 bytes of UTF-8
    cdef readonly uint64_t epoch
    cdef readonly uint64_t sequence
    cdef readonly uint64_t sent_ns       # boot-time clock of the sender

    cdef tuple fields(self)


# The error for a cursor's fault. ``kind``: the frame that was expected; 0: any.
cdef object malformed(Cursor *cursor, int kind)


# Decode a command. Raises MalformedFrame: the peer's fault.
cpdef Command decode_command(object frame)


# A COMMAND. The caller has checked its fields as ``Command`` does.
cdef bytes command_of(
    bytes identity, str principal, str device, str verb, str point, object value, str unit,
    uint8_t priority, uint64_t deadline_ns, uint64_t epoch, uint64_t first_ns
)


# Decode an outcome. Raises MalformedFrame: the peer's fault.
cpdef OutcomeFrame decode_outcome(object frame)


# An OUTCOME. The caller has checked its fields as ``OutcomeFrame`` does.
cdef bytes outcome_of(
    bytes identity, str device, str point, uint8_t status, str reason, str detail, object value,
    uint64_t received_ns, uint64_t dispatched_ns, uint64_t acknowledged_ns, uint64_t finished_ns
)
