"""Contract of the line: the way of messages between a socket and who takes them, on one loop.

One thread. Whoever owns the line closes it before the socket, so that no call here finds the
socket gone.
"""

from jacquemart.native.bundle cimport Packer
from jacquemart.native.pump cimport Pump


cdef class Taker:
    # Is offered each message first. 1: it is done, 0: nothing has happened to it. What this
    # raises goes to ``on_error`` of the line.
    cdef int offer(self, Line line, tuple message) except -1

    # All messages of a drain have been handed on: what was kept for its end is done now.
    cdef int after(self, Line line) except -1


cdef class Carrier(Taker):
    # Takes the requests of peers (name, token, frame) that it can carry by itself. One that fails
    # for a fault of ours is said to its asker by the shell's ``failed``, and harms nobody else.
    cdef object shell        # see the stubs
    cdef public bint open    # False: all go the long way

    # Take a request. 1: done, 0: it goes the long way.
    cdef int carry(self, Line line, tuple message) except -1


cdef class Line:
    cdef Pump pump           # None: ``other`` stands in its place
    cdef object other
    cdef object on_message, on_error
    cdef public Taker taker  # None: nobody is offered anything
    cdef dict outbox         # peer -> messages that wait for it
    cdef Py_ssize_t turn     # messages taken in one turn of the loop
    cdef readonly bint is_open
    cdef readonly Py_ssize_t behind  # turns since it last found nothing more; each was full
    cdef bint draining
    cdef bint looking        # a look is under way already
    cdef Py_ssize_t more     # messages of this drain that came inside of others
    cdef bint nested         # in the drain before there were such
    cdef public bint inside  # what is handed on now came inside of another message
    cdef bytes asker         # whose bundle is handed on; None: answers leave at once
    cdef set asked           # tokens of its messages
    cdef Packer packer       # their answers so far; None: there was no bundle yet

    # Send one message. 1: sent, 0: it does not fit, -1: nobody of that name is there.
    cdef int give(self, tuple parts) except -2

    # Take up to ``most`` messages. Raises zmq.ZMQError.
    cdef list take_in(self, Py_ssize_t most)

    # Give each message to who takes it; whatever that raises stops nobody else.
    cdef int hand_on(self, list messages) except -1

    # Give one message to who takes it; whatever that raises goes to ``on_error``.
    cdef int hand_one(self, tuple message) except -1

    # Whether an answer goes into the bundle of answers that is being made.
    cdef bint gather(self, tuple parts) except -1

    # Whether something may wait to be taken.
    cdef bint has_more(self) except -1

    # Have the next turn of the loop look.
    cdef int look(self) except -1

    # Sending may have taken the edge of a message that came meanwhile: look, or have it looked.
    cdef int look_after_send(self) except -1

    # Send one message; whether it went. Raises zmq.ZMQError.
    cdef bint put(self, tuple parts) except -1

    # Answer a peer, which is parts[0]; whether it went, or waits in bounded memory.
    cdef bint answer(self, tuple parts) except -1
