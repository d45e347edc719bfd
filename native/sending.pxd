"""Contract of sending: the native way of what a cell's actors command.

One thread: the cell's loop. It decides nothing by itself: what nothing stands in the way of leaves
natively and, if its answer is an end, is told natively; for all else the shell goes the long way,
with what came so far, so that nobody can tell the difference.
"""

from libc.stdint cimport int64_t, uint64_t

from jacquemart.native.calls cimport Awaited, Calls
from jacquemart.native.under_way cimport UnderWay


cdef class Route:
    # A place that commands to a device go to.
    cdef readonly object where   # as the shell knows it
    cdef Calls calls             # the connection to its cell
    cdef uint64_t epoch          # of the cell
    cdef int64_t patience_ns     # so long after its deadline an end is waited for
    cdef bytes texts             # device, verb and point, as they stand in a frame


# Slots of an actor, which are read in place; those from SHARD on need not be there.
cdef enum:
    STOPPED, PARKED, NAME, SHARD, OWNER, SLOTS


cdef class Issuer:
    # How a type of actors commands.
    cdef Py_ssize_t[SLOTS] at    # where its slots lie; below 0: there is no such slot
    cdef bint known              # it has the slots that all have; else all goes the long way
    cdef bint by_id              # in the name of its id; else of its ``principal``
    cdef int causes              # where to look for the command on whose way it acts


cdef class Sent(Awaited):
    # One command that left natively.
    cdef readonly Sending way
    cdef readonly object actor
    cdef readonly object told    # gets the Outcome
    cdef readonly bint guarded   # ``told`` is an author's, and its failure the actor's
    cdef readonly object cause   # the command on whose way it was given; None: none
    cdef readonly bytes frame    # as it left; ``command`` decodes it
    cdef readonly int64_t received_ns
    cdef readonly int64_t losses  # of its permit, when it was given
    cdef object permit           # None: nobody grants leases here
    cdef readonly Route route
    cdef bint over               # it has its end
    cdef public object taken_by  # what the shell goes on with, once it has taken it over


cdef class Sending:
    cdef dict routes             # (device, verb, point) -> Route
    cdef Py_ssize_t most_routes
    cdef public UnderWay under_way
    cdef dict waiting            # by place: while anybody waits, all go the long way
    cdef object clock            # None: the machine's own
    cdef object new_id           # None: random ones
    cdef object shell
    cdef dict issuers            # type of actor -> Issuer
    cdef int64_t least_ns        # an end is waited for so long, however near the deadline
    cdef object outcome_type, stages_type
    cdef dict statuses
    cdef object rejected, unknown
    cdef tuple raised            # what an author's code may raise
    cdef public bint open        # False: all go the long way
    cdef object permit, gate     # of the actor that commanded last
    cdef public object noted     # the last cause that was told of
    cdef readonly int64_t taken  # commands that left this way

    # By the clock of the cell: boot-time ns.
    cdef int64_t now(self) except -1

    # Send a command; 0: it has to go the long way, and nothing has happened to it.
    cdef bint go(
        self, object actor, object device, object verb, object value, object point, object unit,
        object priority, int64_t now, int64_t deadline_ns, object told, bint guarded
    ) except -1

    # Whether the lease of a permit holds; ``now``: of the machine's own clock, if that is used.
    cdef bint has_lease(self, object permit, int64_t now) except -1

    # A COMMAND. Raises TypeError, ValueError or OverflowError: no frame can have that.
    cdef bytes frame_of(
        self, bytes identity, object principal, Route route, object value, object unit, int rank,
        int64_t deadline_ns
    )

    # The Outcome in a frame; None: it is none, or one that says that nothing was done.
    cdef object end_in(self, bytes frame)

    # Tell an end, once.
    cdef int finish(self, Sent sent, object outcome) except -1
