"""Contract of the wire frames: what other native modules may take from a decoded frame.

Frames own their fields and are immutable once built, so any thread may read them.
"""

from libc.stdint cimport uint8_t, uint64_t


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
    SNAPSHOT = 12

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
