"""Contract of the ticket: a command on its way through a cell, and the end that it gets.

One thread: the cell's loop.
"""

from libc.stdint cimport int64_t


cdef class Ticket:
    cdef public bytes id                 # 16 bytes
    cdef public str principal
    cdef public str device
    cdef public str verb
    cdef public str point
    cdef public object value             # what a handler sees: a word may have become its number
    cdef public object said              # as it came
    cdef public str unit
    cdef public object end               # called with the ticket when it has its end
    cdef public object cause
    cdef public object steps
    cdef public int64_t deadline_ns      # boot-time clock; 0: not reached
    cdef public int64_t received_ns
    cdef public int64_t dispatched_ns
    cdef public int64_t acknowledged_ns
    cdef readonly int64_t finished_ns
    cdef public int priority             # 1..16
    cdef public bint acted
    cdef readonly bint ended
    cdef readonly object status          # of the end, as these four; None before
    cdef readonly str reason
    cdef readonly str detail
    cdef readonly object result          # None or a number
    cdef public object outcome_kept      # the Outcome, made when somebody first asks

    # Set the end; nobody is told.
    cdef int put_end(
        self, object status, str reason, str detail, object result, int64_t now_ns
    ) except -1

    # The end as an OUTCOME frame. Raises TypeError or ValueError: text or number of no such form.
    cdef bytes encoded(self)
