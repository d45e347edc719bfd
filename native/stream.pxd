"""Contract of the native ends of a reading stream: many batches a release of the GIL.

No object is made of a batch.
What may be done without asking anybody is done here: a batch that follows the one before it goes
from the socket into its table. Everything else (a gap, another epoch, a heartbeat, a slot that the
table does not have, a frame that is not sound) is handed to the interpreter as it came.
"""

from cpython.ref cimport PyObject
from libc.stdint cimport uint64_t

from jacquemart.native.libzmq cimport zmq_msg_t
from jacquemart.native.pump cimport Pump
from jacquemart.native.rows cimport Rows
from jacquemart.native.table cimport PointTable


cdef enum:
    PARTS = 4                # parts of a message that are looked at; further ones are dropped


# One topic, as the loop without the GIL sees it. Owner: its Feed.
cdef struct Lane:
    const char *topic        # bytes of the Feed
    Py_ssize_t topic_size
    Rows *rows               # of the Feed's table
    PyObject *feed           # borrowed: whoever looks at the lane holds its Feed
    Lane *next_touched       # of those that took something in this receive
    uint64_t epoch
    uint64_t sequence        # of the last batch that is in the table
    uint64_t batches         # taken here, since creation
    uint64_t readings        # in them
    bint live                # the next batch may be stored; else everything goes to Python
    bint touched
    bint placed              # an intake has it


cdef class Feed:
    cdef Lane lane
    cdef readonly bytes topic
    cdef readonly PointTable table


cdef class BatchIntake:
    cdef Pump pump           # of the same socket: keeps it, and does what is not done here
    cdef dict feeds          # topic -> Feed
    cdef Lane **places       # open addressing by the hash of the topic; never full
    cdef Py_ssize_t room     # places, a power of two
    cdef Lane *newest        # the lane of the last message
    cdef Lane *first_touched
    cdef zmq_msg_t[PARTS] box
    cdef int fault           # errno that ended the last run; 0: the limits
    cdef readonly bint more  # the last receive ended before it knew that nothing waits

    # Store batches until something is for Python: its number of parts, which stand in the box.
    # 0: nothing more waits (``fault``), or the limits are reached; both are counted down.
    cdef int drain(self, Py_ssize_t *messages, Py_ssize_t *readings) noexcept nogil

    # Store the message in the box; how many readings, or -1: it is for Python, and so is what
    # comes after it on its topic, until the Feed is armed again.
    cdef Py_ssize_t store(self) noexcept nogil

    cdef Lane *find(self, const char *topic, Py_ssize_t size) noexcept nogil

    # Put a lane where ``find`` finds it; there is room.
    cdef void place(self, Lane *lane) noexcept nogil

    # Make ``places`` anew, for so many feeds. MemoryError leaves it as it was.
    cdef int spread(self, Py_ssize_t feeds) except -1
