"""The native table of pending calls; what it promises stands in the stub."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport INT64_MAX, uint8_t

from jacquemart.native.bundle cimport BUNDLED, MOST, Piece, is_bundle, open_bundle
from jacquemart.native.cursor cimport Cursor
from jacquemart.native.frames cimport ERROR, malformed

from jacquemart.native.frames import MalformedFrame, unpack as unpack_frame

cdef enum:
    TOGETHER = 32            # messages that leave together, at most: the others need not wait
    TOGETHER_BYTES = 32768


@cython.auto_pickle(False)
cdef class Awaited:
    """What waits for the end of a call."""

    cdef int answered(self, bytes frame) except -1:
        raise NotImplementedError

    cdef bytes leaving(self):
        raise NotImplementedError

    cdef int not_sent(self) except -1:
        raise NotImplementedError

    def __call__(self, bytes frame):
        """Take the end, from who calls as if this were a function."""
        self.answered(frame)


@cython.final
@cython.auto_pickle(False)
cdef class Told(Awaited):
    """A function that waits."""

    cdef object answer

    cdef int answered(self, bytes frame) except -1:
        self.answer(frame)
        return 0


@cython.auto_pickle(False)
cdef class Calls(Taker):
    """The calls of one connection that have no end yet."""

    def __cinit__(self, *_, **__):
        self.pending = {}
        self.held, self.opened = [], {}
        self.packer = Packer.__new__(Packer)

    def carry(self, Line line not None, on_error):
        """Send by a line, and take what comes from it; once."""
        if self.line is not None:
            raise TypeError("calls stay with their line")
        self.line = line
        self.on_error = on_error
        line.taker = self

    @property
    def waiting(self):
        """How many have no end."""
        return len(self.pending)

    def call(self, bytes frame not None, expires_ns, answer):
        """Send a request; see the stub."""
        cdef int64_t expires = min(expires_ns, INT64_MAX)
        cdef Told told
        if isinstance(answer, Awaited):
            return self.enter(frame, expires, <Awaited> answer)
        told = Told.__new__(Told)
        told.answer = answer
        return self.enter(frame, expires, told)

    cdef bint request(self, bytes frame, int64_t expires_ns, Awaited waiter) except -1:
        if self.mapped:
            return bool(self.call(frame, expires_ns, waiter))
        return self.enter(frame, expires_ns, waiter)

    cdef bint enter(self, bytes frame, int64_t expires_ns, Awaited waiter) except -1:
        cdef bytes token
        if waiter.waits:
            raise RuntimeError("it waits for the end of another call already")
        if self.line is None:
            return False
        if self.held:
            self.flush()  # nothing overtakes what came before
        self.last += 1
        token = PyBytes_FromStringAndSize(<const char *> &self.last, sizeof(self.last))
        if not self.line.put((token, frame)):
            return False
        self.await_end(token, expires_ns, waiter)
        return True

    cdef int await_end(self, bytes token, int64_t expires_ns, Awaited waiter) except -1:
        waiter.expires_ns = expires_ns
        waiter.waits = True
        waiter.token = token
        self.pending[token] = waiter
        if not self.sweeping:
            self.sweeping = True
            self.sweep_later()
        return 0

    cdef bint hold(self, bytes frame, int64_t expires_ns, Awaited waiter) except -1:
        if not self.bundles or self.mapped or self.line is None or not self.line.is_open:
            return self.request(frame, expires_ns, waiter)
        if not self.line.draining and not self.due:
            # Nobody tells when this turn ends: the first leaves at once, further ones after it.
            self.due = True
            self.look_later()
            return self.request(frame, expires_ns, waiter)
        if waiter.waits:
            raise RuntimeError("it waits for the end of another call already")
        if len(self.held) == TOGETHER or self.held_bytes + len(frame) > TOGETHER_BYTES:
            self.flush()
        self.last += 1
        self.await_end(
            PyBytes_FromStringAndSize(<const char *> &self.last, sizeof(self.last)), expires_ns,
            waiter,
        )
        self.held.append(waiter)
        self.held_bytes += len(frame)
        return True

    cdef int after(self, Line line) except -1:
        if self.held:
            self.flush()
        return 0

    cdef int flush(self) except -1:
        cdef list held = self.held, going = []
        cdef Awaited waiter
        cdef bytes frame = None, one
        cdef bint sent = False
        self.held, self.held_bytes = [], 0
        for waiter in held:
            if not waiter.waits:
                continue
            one = waiter.leaving()
            if one is None:
                self.unsend(waiter)
                continue
            going.append(waiter)
            frame = one
            self.packer.add(
                <const uint8_t *> PyBytes_AS_STRING(waiter.token), PyBytes_GET_SIZE(waiter.token),
                <const uint8_t *> PyBytes_AS_STRING(one), PyBytes_GET_SIZE(one),
            )
        if not going:
            return 0
        try:
            if len(going) == 1:
                self.packer.clear()
                sent = self.line.put(((<Awaited> going[0]).token, frame))
            else:
                self.last += 1
                token = PyBytes_FromStringAndSize(<const char *> &self.last, sizeof(self.last))
                sent = self.line.put((token, self.packer.taken()))
                if sent:
                    self.opened[token] = going
        except Exception as error:  # the context is gone
            self.on_error(error)
        if not sent:
            for waiter in going:
                self.unsend(waiter)
        return 0

    cdef int unsend(self, Awaited waiter) except -1:
        self.pending.pop(waiter.token, None)
        waiter.waits = False
        try:
            waiter.not_sent()
        except Exception as error:  # the others are told all the same
            self.on_error(error)
        return 0

    def leave_now(self):
        """Send what is held; see the stub."""
        if self.held:
            self.flush()

    def look(self):
        """Send what is held; see the stub."""
        self.due = False
        if self.held:
            self.flush()

    cdef int offer(self, Line line, tuple message) except -1:
        cdef Awaited waiter
        cdef bytes frame
        if len(message) != 2:
            return 1
        frame = <bytes> message[1]
        if self.opened:
            waiters = self.opened.pop(message[0], None)
            if waiters is not None:
                if is_bundle(<const uint8_t *> PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame)):
                    return self.unpack(line, frame)
                return self.refused(waiters, frame)
        waiter = <Awaited> self.pending.pop(message[0], None)
        if waiter is not None:
            waiter.waits = False
            waiter.answered(frame)
        return 1

    cdef int unpack(self, Line line, bytes frame) except -1:
        cdef Piece[MOST] pieces
        cdef Cursor cursor
        cdef Awaited waiter
        cdef Py_ssize_t n, count = open_bundle(
            &cursor, <const uint8_t *> PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame), pieces
        )
        if count < 0:
            raise malformed(&cursor, BUNDLED)
        line.more += count
        for n in range(count):
            waiter = <Awaited> self.pending.pop(
                PyBytes_FromStringAndSize(<const char *> pieces[n].token, pieces[n].token_size),
                None,
            )
            if waiter is None:
                continue
            waiter.waits = False
            try:
                waiter.answered(
                    PyBytes_FromStringAndSize(<const char *> pieces[n].frame, pieces[n].size)
                )
            except Exception as error:  # the others get their answers all the same
                self.on_error(error)
        return 1

    cdef int refused(self, list waiters, bytes frame) except -1:
        cdef list items
        try:
            items = unpack_frame(frame)
        except MalformedFrame:
            return 1
        if len(items) < 3 or items[1] != ERROR or items[2] != "bad_frame":
            return 1  # nobody knows what became of them; their time will be over
        self.bundles = False  # it is of a version that knows none: nothing of it was done
        for waiter in waiters:
            if self.pending.get((<Awaited> waiter).token) is waiter:
                self.unsend(<Awaited> waiter)
        return 1

    def sweep(self, int64_t now_ns):
        """End with None what expires now; plan the next look if anything is left."""
        cdef list late = []
        cdef Awaited waiter
        self.sweeping = False
        for token, waiters in list(self.opened.items()):
            if not any([(<Awaited> one).waits for one in waiters]):
                self.opened.pop(token, None)  # its own answer was lost
        for token, waiting in self.pending.items():
            if (<Awaited> waiting).expires_ns <= now_ns:
                late.append(token)
        if len(late) < len(self.pending):
            self.sweeping = True
            self.sweep_later()
        for token in late:
            waiter = <Awaited> self.pending.pop(token, None)  # one before may have closed us
            if waiter is not None:
                self.end_without(waiter)

    def end_all(self):
        """End all with None, in the order of their leaving."""
        cdef dict pending
        if self.held:
            self.flush()
        pending, self.pending = self.pending, {}
        self.opened.clear()
        for waiter in pending.values():
            self.end_without(<Awaited> waiter)

    cdef int end_without(self, Awaited waiter) except -1:
        waiter.waits = False
        try:
            waiter.answered(None)
        except Exception as error:  # the others get their ends all the same
            self.on_error(error)
        return 0

    def sweep_later(self):
        """Have ``sweep`` called after a while; overridden."""
        raise NotImplementedError

    def look_later(self):
        """Have ``look`` called in the next turn of the loop; overridden."""
        raise NotImplementedError
