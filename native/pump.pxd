"""Contract of the socket pump, and of the clock that deadlines are told in.

The entry points of libzmq are those of the library that pyzmq loaded; ``libzmq`` declares them.
"""

from libc.stdint cimport int64_t
from posix.time cimport clock_gettime, timespec

from jacquemart.native.libzmq cimport zmq_msg_t


cdef extern from "<time.h>" nogil:
    int CLOCK_BOOTTIME


# CLOCK_BOOTTIME in ns. Cannot fail: every supported kernel has the clock.
cdef inline int64_t boot_clock() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_BOOTTIME, &now)
    return <int64_t> now.tv_sec * 1000000000 + now.tv_nsec


cdef struct Part:
    zmq_msg_t message        # initialised while it stands in the box, and only then
    bint last                # of its message


cdef class Pump:
    # One thread; a second one that comes while the first is inside is refused, not let in.
    cdef object socket       # keeps the handle alive, and knows when it is closed
    cdef void *handle        # libzmq's socket
    cdef Part *box           # room for the parts under way; owned, empty between two calls
    cdef Py_ssize_t room     # parts that fit in the box
    cdef list partial        # first parts of a message that did not fit in one boxful
    cdef bint skipping       # the rest of a message that was lost to an error comes next
    cdef bint busy           # a call is inside
    cdef int fault           # errno that ended the last run of libzmq calls; 0: none
    cdef readonly long long received     # messages
    cdef readonly long long sent
    cdef readonly long long unroutable

    # Take parts into the empty box: up to ``messages`` whole ones, as far as they wait and fit.
    # How many parts; ``fault`` says what ended it (0: the box or the limit). ``waits``: for the
    # first part, as long as the socket's RCVTIMEO; a signal (EINTR) ends it then.
    cdef Py_ssize_t fill(self, Py_ssize_t messages, bint waits=*) noexcept nogil

    # Turn the first ``parts`` of the box into messages; the box is empty afterwards, also if
    # this raises (MemoryError: what was in the box is lost, and no half message surfaces).
    cdef int collect(self, list messages, Py_ssize_t parts) except -1

    # The parts first..end of the box as one tuple of bytes. Raises MemoryError.
    cdef tuple parts_of(self, Py_ssize_t first, Py_ssize_t end)

    # Free the parts first..end of the box.
    cdef void discard(self, Py_ssize_t first, Py_ssize_t end) noexcept nogil

    # Copy a checked message into the box from ``at`` on; where it ends. Raises MemoryError with
    # only what stood before ``at`` in the box.
    cdef Py_ssize_t stage(self, tuple parts, Py_ssize_t at) except -1

    # Send the message in the box from ``at`` on, which is taken out of it whatever happens, and
    # set ``fault`` (0: sent). Where the next one begins.
    cdef Py_ssize_t push(self, Py_ssize_t at) noexcept nogil

    # Push all messages of the box, ``parts`` parts, until one does not fit; unroutable ones are
    # counted and passed over. How many are settled; ``fault`` says what stopped it (0: the end).
    cdef Py_ssize_t push_all(self, Py_ssize_t parts) noexcept nogil

    # Make room for so many parts; the box must be empty. Raises MemoryError.
    cdef int reserve(self, Py_ssize_t parts) except -1

    # Begin a call. Raises zmq.ZMQError on a closed socket, RuntimeError for a second thread.
    cdef int enter(self) except -1

    # For who knows that the socket is open: ``receive`` without asking.
    cdef list take_in(self, Py_ssize_t limit)

    # For who knows that the socket is open: send one message of bytes. 1: sent, 0: it does not
    # fit, -1: unroutable. Raises zmq.ZMQError, TypeError or ValueError, MemoryError.
    cdef int give(self, tuple parts) except -2

    # The same: whether a message waits. Raises zmq.ZMQError.
    cdef bint has_more(self) except -1

    # Begin a call of those three. Raises RuntimeError for a second thread.
    cdef int begin(self) except -1

    # The same: an integer option. Raises zmq.ZMQError.
    cdef int ask(self, int name) except? -1

    # An integer option of the socket. Raises zmq.ZMQError.
    cdef int option(self, int name) except? -1


# The error that an errno of libzmq means.
cdef object error_of(int code)
