"""Contract of the native desk: a zone's plain commands, from their frames to their ends on disk.

One thread: the zone cell's loop. It decides nothing by itself: whatever is not plain, at any step,
is left to the long way (``cell.zone_desk`` with its kernels), which finds it as it would be there.
"""

from libc.stdint cimport int64_t, uint64_t

from jacquemart.native.calls cimport Awaited, Calls
from jacquemart.native.entry cimport Entry
from jacquemart.native.frames cimport Command
from jacquemart.native.line cimport Carrier, Line


cdef class Route:
    # To the cell that has a shard; as of now.
    cdef Calls calls
    cdef uint64_t epoch
    cdef object address      # of the directory


cdef class Reply:
    # Answers who asked; what an entry has among its waiters.
    cdef Line line
    cdef bytes peer, token


cdef class Zone:
    # What is looked at and changed of one zone. All of it is the long way's, too.
    cdef object shell        # its ZoneDesk
    cdef object book, state, window, standing, clock, admissions
    cdef dict live           # key -> Entry, of ``admissions``
    cdef dict running        # key -> ACCEPTED body, of ``window``
    cdef dict unasked        # devices whose commands of before a restart are asked about


cdef class Sent(Awaited):
    # An entry that is with its cell.
    cdef Desk desk
    cdef Zone zone
    cdef Entry entry
    cdef object address      # of the cell


cdef class Step:
    # One record of an entry on its way to the disk.
    cdef Desk desk
    cdef Zone zone
    cdef Entry entry
    cdef dict body           # of the record
    cdef bint ends           # it is its ENDED record

    # Have the state take the record, which has that number.
    cdef int take(self, object number, object epoch, object wall_ns) except -1

    # Hear that it is on disk (None), or why not.
    cdef int told(self, object error) except -1


cdef class Written:
    # Appends that are one: what a journal calls when they are on disk, or are not.
    cdef object book
    cdef object wall_ns      # of the records
    cdef object parts        # (drafts, done) each
    cdef object record       # makes one
    cdef public object last  # number of the last record

    # Have the state take the records of one part, of which the first has that number.
    cdef int apply(self, object drafts, object done, object first) except -1


cdef class Desk(Carrier):
    cdef public dict homes   # device -> (shard, zone, template)
    cdef dict zones          # id -> Zone
    cdef dict routes         # shard -> Route; None: the long way
    cdef Line line           # that messages came from last; None
    cdef int64_t behind_ns   # since when it has not kept pace; 0: it does
    cdef bint behind         # for too long: the zones refuse what is new
    cdef object clock        # None: the machine's own
    cdef uint64_t epoch      # the zone cell's
    cdef object claims       # verbs that are no commands
    cdef tuple in_the_way    # containers: with anything in one, nothing new is sent
    cdef tuple watched       # containers: with anything in one, the shell hears of each stage
    cdef dict refusals       # key -> OUTCOME of what was not accepted
    cdef dict counters       # of the cell: "commands" that came
    cdef object entry_type, draft_type, record_type, setpoint_type, ended_type, body_type
    cdef object failure      # what a connection may raise
    cdef object accepted_kind, ended_kind        # of records
    cdef object received, dispatched, ended, gone            # states
    cdef object durable, unsent                              # events
    cdef int64_t overdue_ns, patience_ns
    cdef Py_ssize_t most_live, most_known        # as far as all may use them
    cdef int64_t most_bytes, overhead
    cdef readonly int64_t taken          # commands that came this way

    # By the clock of the cell: boot-time ns, and POSIX ns.
    cdef int64_t now(self) except -1
    cdef object wall(self)

    # The way to the cell of a shard; None: the long way.
    cdef Route route_to(self, object shard)

    # Find out whether messages wait too long before they are read, and have the zones know.
    cdef int look_behind(self, int64_t now) except -1

    # Have a new command live, and its ACCEPTED record on its way. 0: it goes the long way.
    cdef int accept(self, Zone zone, Command command, Reply reply) except -1

    # Send a command that the journal has; what is not plain any more goes on the long way.
    cdef int send(self, Zone zone, Entry entry) except -1

    # End a command as its cell says; the long way does where that is not plain.
    cdef int end(self, Sent sent, bytes frame) except -1

    # Forget a command whose end the journal has.
    cdef int forget(self, Zone zone, Entry entry) except -1

    # Tell who waits that a command has reached a stage.
    cdef int reached(self, Entry entry) except -1

    # Write a record of an entry.
    cdef int write(self, Zone zone, Entry entry, dict body, bint ends, bint hurry) except -1


# The digest of a plain command's content: what ``kernel.command_window.digest_of`` gives.
cdef bytes digest_of(Command command)
