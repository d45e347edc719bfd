"""The native line; what it promises stands in the stub."""

import zmq

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t

from jacquemart.native.bundle cimport MOST, Packer, Piece, open_bundle
from jacquemart.native.cursor cimport Cursor

cdef enum:
    TOGETHER_BYTES = 32768   # of answers that leave together; what is more leaves alone
    TOKEN = 64               # bytes of a token, at most


@cython.auto_pickle(False)
cdef class Taker:
    """Is offered each message of a line first."""

    cdef int offer(self, Line line, tuple message) except -1:
        return 0

    cdef int after(self, Line line) except -1:
        return 0


@cython.auto_pickle(False)
cdef class Carrier(Taker):
    """Takes requests that nothing stands in the way of."""

    cdef int offer(self, Line line, tuple message) except -1:
        if not self.open or len(message) != 3 or len(<bytes> message[1]) > TOKEN:
            return 0
        try:
            return self.carry(line, message)
        except Exception as error:  # our bug: said to the asker, and to nobody else's harm
            self.shell.failed(error, *message)
            return 1

    cdef int carry(self, Line line, tuple message) except -1:
        return 0


@cython.auto_pickle(False)
cdef class Line:
    """The hot half of a channel."""

    def __cinit__(self, *_, **__):
        self.outbox = {}

    def begin(self, pump, on_message, on_error, Py_ssize_t turn):
        """Carry the messages of ``pump``; once."""
        if self.other is not None:
            raise TypeError("a line stays with its pump")
        self.other = pump
        if isinstance(pump, Pump):
            self.pump = <Pump> pump
        self.on_message = on_message
        self.on_error = on_error
        self.turn = turn
        self.is_open = True

    def end(self):
        """Carry nothing any more; idempotent."""
        self.is_open = False
        self.taker = None
        self.outbox.clear()

    @property
    def waiting(self):
        """What waits for each peer."""
        return self.outbox

    cdef int give(self, tuple parts) except -2:
        if self.pump is not None:
            return self.pump.give(parts)
        try:
            return 1 if self.other.send(*parts) else 0
        except OSError:
            return -1

    cdef int look_after_send(self) except -1:
        # A drain looks until it finds nothing, also after what it has sent.
        if not self.draining and not self.looking and self.has_more():
            self.look()
        return 0

    cdef bint has_more(self) except -1:
        return self.pump.has_more() if self.pump is not None else bool(self.other.readable)

    cdef int look(self) except -1:
        self.looking = True
        self.look_soon()
        return 0

    cdef bint answer(self, tuple parts) except -1:
        cdef int sent
        if not self.is_open:
            return False
        if self.asker is not None and self.gather(parts):
            return True
        if parts[0] not in self.outbox:
            sent = self.give(parts)
            if sent != 0:
                self.look_after_send()  # who is gone may have hidden who has just asked
                if sent < 0:
                    self.count_lost(1)
                return sent > 0
        return self.keep(parts)

    def send(self, *parts):
        """Send one message at once; False if it does not fit or nobody is there."""
        return self.put(parts)

    cdef bint put(self, tuple parts) except -1:
        cdef int sent
        if not self.is_open:
            return False
        sent = self.give(parts)
        if sent < 0:
            self.count_lost(1)
        self.look_after_send()
        return sent > 0

    def reply(self, *parts):
        """Send to the peer named by the first part; wait for it in bounded memory if it is slow."""
        return self.answer(parts)

    def look_after(self):
        """Look whether something has come meanwhile: the socket was used past the line."""
        self.look_after_send()

    def look_again(self):
        """Look whether something has come, at once."""
        self.looking = False
        self.drain()

    def drain(self):
        """Take what waits, a turn of it at most."""
        cdef list messages
        cdef Py_ssize_t taken = 0, most = 1
        if not self.is_open:
            return
        self.draining = True
        self.nested, self.more = self.more > 0, 0
        try:
            # One alone first: most often it is, and then the look that finds nothing more is also
            # the one that has to follow its answer. What finds nothing more makes an edge.
            while taken + self.more < self.turn and self.is_open:
                try:
                    messages = self.take_in(most)
                except zmq.ZMQError as error:
                    self.on_error(error)
                    return
                if not messages:
                    self.behind = 0
                    return
                taken += len(messages)
                self.hand_on(messages)
                # What is in a bundle counts, and who has sent one may send more of them.
                most = 1 if self.more or self.nested else self.turn - taken
        finally:
            self.draining = False
        if not self.looking and self.is_open:
            if self.has_more():
                self.behind += 1
                self.look()
            else:
                self.behind = 0

    def hand_all(self, list messages not None):
        """Give messages to who takes them, then look whether there are more."""
        self.draining = True
        try:
            self.hand_on(messages)
        finally:
            self.draining = False
        if not self.looking and self.is_open and self.has_more():
            self.look()

    def hand_bundle(self, tuple message not None):
        """Hand on what is in a bundle, and answer it; see the stub."""
        cdef Piece[MOST] pieces
        cdef Cursor cursor
        cdef Py_ssize_t n, count
        cdef bytes peer, token, whole
        cdef list inside
        if self.inside or not self.is_open or len(message) != 3:
            return False
        peer, token, whole = message
        count = open_bundle(
            &cursor, <const uint8_t *> PyBytes_AS_STRING(whole), PyBytes_GET_SIZE(whole), pieces
        )
        if count < 0:
            return False
        inside = [
            (
                peer,
                PyBytes_FromStringAndSize(<const char *> pieces[n].token, pieces[n].token_size),
                PyBytes_FromStringAndSize(<const char *> pieces[n].frame, pieces[n].size),
            )
            for n in range(count)
        ]
        if self.packer is None:
            self.packer = Packer.__new__(Packer)
        self.packer.clear()
        self.more += count
        self.asked = {piece[1] for piece in inside}
        self.asker = peer
        self.inside = True
        try:
            for piece in inside:  # the drain that this is a part of goes on after it
                self.hand_one(<tuple> piece)
        finally:
            self.inside = False
            self.asker = None
        self.answer((peer, token, self.packer.taken()))
        return True

    cdef bint gather(self, tuple parts) except -1:
        cdef bytes token, frame
        if len(parts) != 3 or parts[0] != self.asker or parts[1] not in self.asked:
            return False
        token, frame = parts[1], parts[2]
        if self.packer.count == MOST or self.packer.size + len(frame) > TOGETHER_BYTES:
            return False
        self.packer.add(
            <const uint8_t *> PyBytes_AS_STRING(token), PyBytes_GET_SIZE(token),
            <const uint8_t *> PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame),
        )
        return True

    cdef list take_in(self, Py_ssize_t most):
        return self.pump.take_in(most) if self.pump is not None else self.other.receive(most)

    cdef int hand_on(self, list messages) except -1:
        cdef tuple message
        for message in messages:
            self.hand_one(message)
        if self.taker is not None:
            try:
                self.taker.after(self)
            except Exception as error:
                self.on_error(error)
        return 0

    cdef int hand_one(self, tuple message) except -1:
        try:
            if self.taker is None or not self.taker.offer(self, message):
                self.on_message(message)
        except Exception as error:  # one bad message never stops the others
            self.on_error(error)
        return 0

    # What the other half does ----------------------------------------------------------------

    def look_soon(self):
        """Have ``look_again`` called in the next turn of the loop; overridden."""
        raise NotImplementedError

    def keep(self, parts):
        """Keep a message until its peer has room; whether it is kept; overridden."""
        raise NotImplementedError

    def count_lost(self, messages):
        """Take note of messages that reach nobody; overridden."""
        raise NotImplementedError
