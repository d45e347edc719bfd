"""Contract of the relay: a gateway's plain commands, from a client's line to a cell and back.

One thread: the gateway's loop. It decides nothing by itself: whatever is not plain goes the long
way, untouched, and so does a command whose answer is none that its client may have yet.
"""

from libc.stdint cimport int64_t, uint64_t

from jacquemart.native.calls cimport Awaited, Calls
from jacquemart.native.line cimport Carrier, Line


cdef class Way:
    # To the cell that has to have the commands of a place, a shard or a zone; as of now.
    cdef Calls calls
    cdef uint64_t epoch


cdef class Relay(Carrier):
    cdef public dict homes   # device -> (shard, zone, template, volatile verbs, volatile points)
    cdef dict ways           # place -> Way; None: its commands go the long way
    cdef object waiting      # places with commands that wait: what comes later goes behind them
    cdef object clock        # None: the machine's own
    cdef str anonymous       # who commands without saying who
    cdef int64_t furthest    # ns; a deadline further away is refused, not here
    cdef int64_t journalled_ns, volatile_ns      # waited for an answer so long after the deadline
    cdef int64_t at_least_ns                     # and so long after it came
    cdef readonly int64_t taken          # commands that came this way
    cdef readonly Py_ssize_t in_hand     # those of them without an answer
    cdef public object on_idle           # called when there are none left; None: nobody

    # By the clock of the gateway: boot-time ns.
    cdef int64_t now(self) except -1

    # Where the commands of a place go; None: the long way.
    cdef Way way_to(self, str place, bint volatile)


cdef class Relayed(Awaited):
    # A command that was sent on.
    cdef Relay relay
    cdef Line line           # to its client
    cdef tuple message       # of its client: peer, token, frame
    cdef bytes routed        # what leaves, together with others of this turn where its cell can
    cdef object home         # of its device, when it came
    cdef int64_t received_ns


# Whether a frame may be an OUTCOME by which a cell says that it has not taken a command, but
# somebody else may: REJECTED for one of these reasons. Whoever is told so looks for himself.
cdef bint may_be_sent_back(bytes frame) noexcept
