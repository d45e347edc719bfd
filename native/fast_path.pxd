"""Contract of the fast path: commands that nothing stands in the way of.

One thread: the cell's loop. It decides nothing by itself: whatever is not plain goes the long way,
untouched, and what it does is what the long way would have done.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from jacquemart.native.bundle cimport Packer
from jacquemart.native.line cimport Line, Taker
from jacquemart.native.marks cimport Marks
from jacquemart.native.slots cimport FREE_SLOTS
from jacquemart.native.ticket cimport Ticket
from jacquemart.native.window cimport Known, Window


cdef enum:
    # Slots: what is looked at and noted of an actor, behind those that say whether it is free.
    SHARD = FREE_SLOTS
    OWNER
    LAST
    RANK
    SENT
    TASK
    MARK
    SLOTS


cdef struct Said:            # a command in its frame: where its items begin
    const uint8_t *data
    Py_ssize_t device, verb, point, value
    Py_ssize_t end           # of its priority
    int64_t deadline_ns
    uint64_t epoch
    int priority


cdef class Plan:
    # How a kind does one of its commands with a plain value.
    cdef str method          # of the actor
    cdef bint checked        # the value is checked as follows; else a handler gets it as it came
    cdef bint takes          # a number; else there must be none
    cdef bint optional
    cdef bint whole
    cdef bint persists       # the kind keeps state: it is looked at after each command
    cdef double low, high    # inclusive; infinite: no limit
    cdef str unit


cdef class Kind:
    # What is known of a type of actors.
    cdef dict plans          # verb -> Plan; empty: nothing is plain
    cdef Py_ssize_t[SLOTS] at      # offsets in an instance, bytes


cdef class FastPath(Taker):
    cdef dict devices        # id -> actor; the cell's own
    cdef Window window
    cdef Marks marks
    cdef object clock        # None: the machine's own
    cdef object shell        # ``ended``: see the stub
    cdef object ticket_type
    cdef object plan_for
    cdef tuple empty         # containers in which there must be nothing
    cdef object applied      # the status of a command that was done
    cdef tuple raised        # what a handler may raise
    cdef dict kinds          # type of actor -> Kind
    cdef bint inherits       # a cell before has left something: the shell is asked
    cdef readonly int64_t taken          # commands that came this way
    cdef public bint open                # False: all go the long way
    cdef public uint64_t epoch           # the cell's
    cdef int64_t moment      # what the clock showed right before; 0: it has to be asked
    cdef object permit, gate  # of the shard that was looked at last
    cdef object server       # who is said to have got what comes later
    cdef Packer packer       # of answers

    # By the clock of the cell: boot-time ns.
    cdef int64_t now(self) except -1

    # Do the messages in a bundle; 0: it is broken, and nothing has happened.
    cdef int take_bundle(self, Line line, tuple message) except -1

    # Give a message to who takes it the long way.
    cdef int hand_on(self, Line line, tuple message) except -1

    # Do a command, which stands in ``whole``: its OUTCOME, None if that comes later, or what
    # ``LONG_WAY`` is. ``token`` None: it stands in ``whole``, too.
    cdef object do(
        self, bytes whole, Py_ssize_t at, Py_ssize_t size, object server, bytes peer,
        bytes token, Py_ssize_t token_at, Py_ssize_t token_size
    )

    # Whether the cell has the lease of a shard, and its devices.
    cdef bint may_act(self, object shard) except -1

    # What is known of the type of an actor.
    cdef Kind kind_of(self, object actor)

    # Begin a command and bring it to its end, or as far as a handler does that goes on later.
    cdef object begin(
        self, object actor, Kind kind, Plan plan, Ticket ticket, tuple key, Known known,
        const Said *said
    )


cdef class Ending:
    # What a ticket of the fast path calls with its end, if that did not come at once.
    cdef object shell
    cdef tuple key
    cdef object server
    cdef bytes peer, whole, token
    cdef Py_ssize_t at, size, token_at, token_size     # in ``whole``
