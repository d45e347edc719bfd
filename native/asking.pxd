"""Contract of asking: requests of an asyncio client that may be sent twice, until their answers.

One thread: the loop of the client.
"""

from libc.stdint cimport int64_t

from jacquemart.native.calls cimport Awaited, Calls
from jacquemart.native.wording cimport Wording


cdef class Asking:
    cdef Calls calls
    cdef Wording wording     # None: not known yet, and no command is said here
    cdef object create_future
    cdef object is_blind     # whether an answer is none to what was sent twice
    cdef set asked           # Asked without an answer
    cdef int64_t over_ns     # a command has its end so long after its deadline, at the latest
    cdef int64_t pause_ns    # before a request is sent again; then twice as long, and so on

    # Send a request, and have its answer put into a future, which is returned; None: nobody is
    # there. ``read``: an OUTCOME is put there as ``wording`` reads it, all else with the request.
    cdef object send(self, bytes frame, int64_t expires_ns, bint read)


cdef class Asked(Awaited):
    cdef Asking asking
    cdef readonly bytes frame
    cdef readonly int64_t first_ns       # when it was sent first, on our boot-time clock
    cdef readonly int64_t until_ns       # when it is given up
    cdef public bint repeated
    cdef object future
    cdef bint read
    cdef int64_t again_ns, pause_ns
