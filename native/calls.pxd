"""Contract of the calls: requests of one connection that have no end yet, each with exactly one.

One thread: the loop of the connection. An answer goes from the socket to who waits for it without
a Python frame in between, if that is native. To wait natively, subclass ``Awaited``.
"""

from libc.stdint cimport int64_t, uint64_t

from jacquemart.native.bundle cimport Packer
from jacquemart.native.line cimport Line, Taker


cdef class Awaited:
    # What waits for the end of one call at a time.
    cdef int64_t expires_ns  # boot-time; set with the call
    cdef bint waits          # it is in a table now; once this is False it may be used again
    cdef bytes token         # of the call

    # Take the end, once: the answer as it came, unchecked, or None: the time is over, or the peer
    # is lost. Never called before ``request`` has returned. What it raises goes to ``on_error``.
    cdef int answered(self, bytes frame) except -1

    # What leaves, asked right before; None: it must not leave any more. Only of what is held.
    cdef bytes leaving(self)

    # Take that it has not left, once, instead of its end. Whoever has sent it may still be on the
    # stack: what this calls must not be entered again. Only of what is held.
    cdef int not_sent(self) except -1


cdef class Calls(Taker):
    cdef Line line           # None: nothing was ever carried
    cdef object on_error
    cdef dict pending        # token -> Awaited, in the order of their leaving
    cdef uint64_t last       # token
    cdef bint sweeping       # a look at what expires is planned
    cdef public bint mapped  # what leaves is changed first, by ``call`` of a subclass
    cdef public bint bundles  # the peer takes bundles
    cdef list held           # Awaited that leave together, at the end of this turn at the latest
    cdef Py_ssize_t held_bytes
    cdef bint due            # the next turn of the loop looks for them
    cdef dict opened         # token of a bundle -> its Awaited, until it is answered
    cdef Packer packer

    # Send a request; ``waiter`` gets its end. 1: it has left. 0: nothing was sent (nobody is
    # there, no room, closed), and ``answered`` is never called for it. Raises RuntimeError: the
    # waiter waits already; zmq.ZMQError: the context is gone.
    cdef bint request(self, bytes frame, int64_t expires_ns, Awaited waiter) except -1

    # The same of one that may leave together with others of this turn of the loop, in their order.
    # 1: it leaves, or ``not_sent`` is called in the place of ``answered``.
    cdef bint hold(self, bytes frame, int64_t expires_ns, Awaited waiter) except -1

    # Have one wait for its end.
    cdef int await_end(self, bytes token, int64_t expires_ns, Awaited waiter) except -1

    # Have what is held leave.
    cdef int flush(self) except -1

    # Take what has not left out of the table, and tell it so.
    cdef int unsend(self, Awaited waiter) except -1

    # Take the answers in a bundle. Raises MalformedFrame: nothing in it is taken.
    cdef int unpack(self, Line line, bytes frame) except -1

    # Take what came for a bundle and is none: perhaps that its peer knows no bundles.
    cdef int refused(self, list waiters, bytes frame) except -1

    # The same of a frame that leaves as it is.
    cdef bint enter(self, bytes frame, int64_t expires_ns, Awaited waiter) except -1

    # End one that has left the table without an answer; what it raises stops no other.
    cdef int end_without(self, Awaited waiter) except -1
