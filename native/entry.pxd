"""Contract of the entry: one journalled command without a durable end, as its zone keeps it.

One thread: the zone cell's loop. What its states mean, and what may follow what, is the business
of ``kernel.lifecycle``; here are only the fields, which the native and the long way share.
"""

from libc.stdint cimport int64_t


cdef class Entry:
    cdef public tuple key                # principal and id
    cdef public bytes digest             # of the content
    cdef public object deadline_ns       # boot-time; an int, of up to 64 bits without a sign
    cdef public object received_ns
    cdef public object payload           # the shell's
    cdef public object state             # of kernel.lifecycle
    cdef public object end               # the zone's own end; None
    cdef public bytes frame              # the OUTCOME that is its end; empty
    cdef public list waiters             # called with that
    cdef public int64_t size             # bytes of what is kept
    cdef public int64_t number           # in the order in which the commands of its zone came
    cdef public int losses               # cells that were lost with it
    cdef public bint cancelled
    cdef public bint stands_by_end
