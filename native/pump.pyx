"""Whole multipart messages in and out of a zmq socket, many in one release of the GIL."""

import sys

import zmq

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.errno cimport EAGAIN, EHOSTUNREACH, EINTR, ENOTSOCK
from libc.string cimport memcpy

from jacquemart.native.libzmq cimport (
    ZMQ_DONTWAIT, ZMQ_ETERM, ZMQ_EVENTS, ZMQ_FD, ZMQ_POLLIN, ZMQ_POLLOUT, ZMQ_SNDMORE, Library,
    take_library, zmq_msg_t,
)


cdef enum:
    BOXFUL = 512             # parts that one release of the GIL handles; 36 KiB

# From this version on a message whose peer leaves between two parts is dropped whole (push).
_OLDEST = (4, 3, 3)

cdef Library lib


class Unroutable(OSError):
    """EHOSTUNREACH: a ROUTER (with MANDATORY) does not know that peer.

    Nothing was sent; a retry helps only once the peer has connected again.
    """


def _mapped(maps):
    """Return the libzmq libraries in the text of /proc/self/maps, each once."""
    paths = [line.split(maxsplit=5)[5] for line in maps.splitlines() if "/" in line]
    return list(dict.fromkeys(path for path in paths if "libzmq" in path.rpartition("/")[2]))


def _find(backend, maps):
    """Take the entry points from pyzmq's backend or, failing that, from the one mapped libzmq."""
    if backend and take_library(&lib, backend):
        return backend
    paths = _mapped(maps)
    if len(paths) == 1 and take_library(&lib, paths[0]):
        return paths[0]
    raise ImportError(
        f"pyzmq {zmq.__version__} does not show its libzmq: {backend or 'no native backend'} "
        f"leads to none, and mapped are {paths or 'none'}. Jacquemart needs pyzmq with its "
        "Cython backend on CPython: pip install --force-reinstall 'pyzmq>=27.1,<28'"
    )


def _load():
    backend = getattr(sys.modules.get("zmq.backend.cython._zmq"), "__file__", None)
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        path = _find(backend, maps.read())
    version = library_version()
    if version != zmq.zmq_version_info() or version < _OLDEST:
        raise ImportError(
            f"libzmq at {path} is {version}, pyzmq uses {zmq.zmq_version_info()}, and at least "
            f"{_OLDEST} is needed: pip install --force-reinstall 'pyzmq>=27.1,<28'"
        )
    return path


def library_version():
    """Return the version that the library in use reports; equals zmq.zmq_version_info()."""
    cdef int major = 0, minor = 0, patch = 0
    lib.version(&major, &minor, &patch)
    return major, minor, patch


#: What the entry points were taken from; every other module takes its own from there.
LIBRARY = _load()


def boot_ns():
    """Return CLOCK_BOOTTIME in ns, comparable between the processes of one host."""
    return boot_clock()


cdef object error_of(int code):
    return zmq.ContextTerminated(code) if code == ZMQ_ETERM else zmq.ZMQError(code)


# A message is a tuple of one or more bytes. Raises TypeError or ValueError: the caller's bug.
cdef int check_message(object message) except -1:
    if not isinstance(message, tuple):
        raise TypeError(f"a message is {type(message).__name__}, allowed: a tuple of bytes")
    if len(message) == 0:
        raise ValueError("a message has at least one part")
    for part in <tuple> message:
        if not isinstance(part, bytes):
            raise TypeError(f"a part is {type(part).__name__}, allowed: bytes")
    return 0


@cython.final
@cython.auto_pickle(False)
cdef class Pump:
    """Receives and sends whole multipart messages on one zmq socket, without blocking.

    One thread; the socket is kept alive, and stays its creator's to close. libzmq delivers a
    multipart message whole or not at all, and so does this class. Memory: 36 KiB, more only for
    messages of more than 512 parts.
    """

    def __init__(self, socket):
        if self.socket is not None:
            raise TypeError("a Pump stays with its socket")
        if not isinstance(socket, zmq.Socket):
            raise TypeError(f"socket is {type(socket).__name__}, allowed: zmq.Socket")
        if socket.closed:
            raise error_of(ENOTSOCK)
        self.reserve(BOXFUL)
        self.handle = <void *> <size_t> socket.underlying
        self.socket = socket

    def __dealloc__(self):
        PyMem_RawFree(self.box)

    cdef int enter(self) except -1:
        self.begin()
        if self.socket.closed:
            self.busy = False
            raise error_of(ENOTSOCK)
        return 0

    cdef int reserve(self, Py_ssize_t parts) except -1:
        if parts <= self.room:
            return 0
        cdef Part *box = <Part *> PyMem_RawMalloc(<size_t> parts * sizeof(Part))
        if box == NULL:
            raise MemoryError()
        PyMem_RawFree(self.box)
        self.box = box
        self.room = parts
        return 0

    cdef Py_ssize_t fill(self, Py_ssize_t messages, bint waits=False) noexcept nogil:
        cdef Py_ssize_t parts = 0
        cdef zmq_msg_t *message
        cdef int code
        cdef int flags = 0 if waits else ZMQ_DONTWAIT
        self.fault = 0
        while parts < self.room and messages > 0:
            message = &self.box[parts].message
            lib.msg_init(message)
            while lib.msg_recv(message, self.handle, flags) < 0:
                code = lib.last_error()
                if code != EINTR or flags == 0:
                    lib.msg_close(message)
                    self.fault = code
                    return parts
            flags = ZMQ_DONTWAIT  # the rest of a message comes with its first part
            self.box[parts].last = not lib.msg_more(message)
            if self.box[parts].last:
                messages -= 1
            parts += 1
        return parts

    cdef int collect(self, list messages, Py_ssize_t parts) except -1:
        cdef Py_ssize_t at, first = 0
        cdef tuple message
        try:
            for at in range(parts):
                if not self.box[at].last:
                    continue
                if self.skipping:
                    self.skipping = False
                else:
                    message = self.parts_of(first, at + 1)
                    if self.partial is not None:
                        message = tuple(self.partial) + message
                        self.partial = None
                    messages.append(message)
                first = at + 1
            if first < parts and not self.skipping:
                if self.partial is None:
                    self.partial = []
                self.partial.extend(self.parts_of(first, parts))
        except BaseException:
            self.partial = None
            self.skipping = not self.box[parts - 1].last
            raise
        finally:
            self.discard(0, parts)
        return 0

    cdef tuple parts_of(self, Py_ssize_t first, Py_ssize_t end):
        cdef tuple message = PyTuple_New(end - first)
        cdef Py_ssize_t at
        cdef zmq_msg_t *part
        cdef bytes data
        for at in range(first, end):
            part = &self.box[at].message
            data = PyBytes_FromStringAndSize(
                <const char *> lib.msg_data(part), <Py_ssize_t> lib.msg_size(part)
            )
            Py_INCREF(data)  # PyTuple_SET_ITEM takes a reference over
            PyTuple_SET_ITEM(message, at - first, data)
        return message

    cdef void discard(self, Py_ssize_t first, Py_ssize_t end) noexcept nogil:
        cdef Py_ssize_t at
        for at in range(first, end):
            lib.msg_close(&self.box[at].message)

    cdef Py_ssize_t stage(self, tuple parts, Py_ssize_t at) except -1:
        cdef Py_ssize_t first = at
        cdef Py_ssize_t end = at + len(parts)
        cdef Py_ssize_t size
        cdef zmq_msg_t *message
        for part in parts:
            size = PyBytes_GET_SIZE(part)
            message = &self.box[at].message
            if lib.msg_init_size(message, <size_t> size) != 0:
                self.discard(first, at)
                raise MemoryError()
            memcpy(lib.msg_data(message), PyBytes_AS_STRING(part), <size_t> size)
            at += 1
            self.box[at - 1].last = at == end
        return end

    cdef Py_ssize_t push(self, Py_ssize_t at) noexcept nogil:
        cdef Py_ssize_t first = at
        cdef bint dropping = False, asked = False, last
        cdef int code, flags, events = 0
        cdef size_t size = sizeof(int)
        cdef zmq_msg_t *message
        self.fault = 0
        while True:
            message, last = &self.box[at].message, self.box[at].last
            flags = ZMQ_DONTWAIT if last else ZMQ_DONTWAIT | ZMQ_SNDMORE
            if self.fault != 0 and not dropping:
                lib.msg_close(message)
            while self.fault == 0 or dropping:
                if lib.msg_send(message, self.handle, flags) >= 0:
                    break
                code = lib.last_error()
                if code == EINTR:
                    continue
                if code == EAGAIN and at == first and not asked:
                    # libzmq looks only now and then whether there is room again; this makes it.
                    asked = True
                    lib.getsockopt(self.handle, ZMQ_EVENTS, &events, &size)
                    if events & ZMQ_POLLOUT:
                        continue
                lib.msg_close(message)
                # EAGAIN for a later part: its peer has left since the first. libzmq has taken
                # the message back and swallows parts up to the last one: give it that, or it
                # would swallow the next message.
                dropping = self.fault == 0 and code == EAGAIN and at > first
                if self.fault == 0:
                    self.fault = code
                break
            at += 1
            if last:
                return at

    cdef Py_ssize_t push_all(self, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t at = 0, settled = 0
        while at < parts:
            at = self.push(at)
            if self.fault == 0:
                self.sent += 1
            elif self.fault == EHOSTUNREACH:
                self.unroutable += 1
                self.fault = 0
            else:
                self.discard(at, parts)
                break
            settled += 1
        return settled

    def receive(self, Py_ssize_t limit=256):
        """Take up to ``limit`` waiting messages, each as a tuple of its parts; [] if none.

        Raises zmq.ZMQError on a terminated context or closed socket, once all that came before
        is delivered. Timing: never blocks; libzmq runs without the GIL, 512 parts a release.
        """
        if limit < 0:
            raise ValueError(f"limit is {limit}, allowed: 0 or more")
        if self.socket.closed:
            raise error_of(ENOTSOCK)
        return self.take_in(limit)

    cdef int begin(self) except -1:
        if self.busy:
            raise RuntimeError("a Pump belongs to one thread, and another one is inside")
        self.busy = True
        return 0

    cdef list take_in(self, Py_ssize_t limit):
        cdef list messages = []
        cdef Py_ssize_t parts, missing
        self.begin()
        self.fault = 0
        try:
            while len(messages) < limit:
                missing = limit - len(messages)
                if limit == 1:  # to let go of the GIL would cost more
                    parts = self.fill(1)
                else:
                    with nogil:
                        parts = self.fill(missing)
                if parts > 0:
                    self.collect(messages, parts)
                # A finaliser may have closed it.
                if self.fault != 0 or len(messages) == limit or self.socket.closed:
                    break
        finally:
            self.busy = False
        self.received += len(messages)
        if self.fault != 0 and self.fault != EAGAIN:
            self.partial = None
            if not messages:
                raise error_of(self.fault)
        return messages

    def wait_for_one(self):
        """Take the next message, or None; see the stub."""
        cdef list messages = []
        cdef Py_ssize_t parts
        self.enter()
        try:
            with nogil:
                parts = self.fill(1, True)
            if parts > 0:
                self.collect(messages, parts)
        finally:
            self.busy = False
        if messages:
            self.received += 1
            return messages[0]
        if self.fault == EINTR:
            PyErr_CheckSignals()
        elif self.fault != 0 and self.fault != EAGAIN:
            raise error_of(self.fault)
        return None

    def send(self, *parts):
        """Send one message; False if the peer's queue is full (nothing was sent, no part either).

        Raises Unroutable (nothing was sent), zmq.ZMQError (context or socket is gone), TypeError
        or ValueError (the caller's bug). Timing: never blocks; keeps the GIL, since taking it
        back would cost more than the send.
        """
        cdef int sent
        check_message(parts)  # before anything else: it is the caller's bug
        if self.socket.closed:
            raise error_of(ENOTSOCK)
        sent = self.give(parts)
        if sent < 0:
            raise Unroutable(EHOSTUNREACH, f"no peer {parts[0][:64]!r} is connected")
        return sent == 1

    cdef int give(self, tuple parts) except -2:
        check_message(parts)
        self.begin()
        try:
            self.reserve(len(parts))
            self.stage(parts, 0)
            self.push(0)
        finally:
            self.busy = False
        if self.fault == 0:
            self.sent += 1
            return 1
        if self.fault == EAGAIN:
            return 0
        if self.fault == EHOSTUNREACH:
            self.unroutable += 1
            return -1
        raise error_of(self.fault)

    cdef bint has_more(self) except -1:
        return self.ask(ZMQ_EVENTS) & ZMQ_POLLIN != 0

    def send_many(self, messages):
        """Send messages until one does not fit; return how many were sent.

        Unroutable ones count as sent and are counted in ``unroutable``. All are checked before
        the first is sent. Raises as ``send``, but for Unroutable, and only if none was sent.
        Timing: never blocks; the sends run without the GIL, about 512 parts a release.
        """
        cdef tuple queue = tuple(messages)  # nobody can change it while the GIL is away
        cdef tuple message
        cdef Py_ssize_t settled = 0, staged, parts, done
        cdef bint starved = False
        for each in queue:
            check_message(each)
        self.enter()
        self.fault = 0
        try:
            while settled < len(queue) and self.fault == 0 and not starved:
                self.reserve(len(<tuple> queue[settled]))
                parts = staged = 0
                while settled + staged < len(queue):
                    message = <tuple> queue[settled + staged]
                    if parts + len(message) > self.room:
                        break
                    try:
                        parts = self.stage(message, parts)
                    except MemoryError:
                        if settled + staged == 0:
                            raise
                        starved = True
                        break
                    staged += 1
                with nogil:
                    done = self.push_all(parts)
                settled += done
        finally:
            self.busy = False
        if self.fault != 0 and self.fault != EAGAIN and settled == 0:
            raise error_of(self.fault)
        return settled

    cdef int option(self, int name) except? -1:
        if self.socket.closed:
            raise error_of(ENOTSOCK)
        return self.ask(name)

    cdef int ask(self, int name) except? -1:
        cdef int value = 0
        cdef size_t size = sizeof(int)
        self.begin()
        self.busy = False
        if lib.getsockopt(self.handle, name, &value, &size) != 0:
            raise error_of(lib.last_error())
        return value

    @property
    def readable(self):
        """ZMQ_EVENTS & POLLIN, asked anew; ask after every drain and send (``fd`` has edges)."""
        return self.option(ZMQ_EVENTS) & ZMQ_POLLIN != 0

    @property
    def writable(self):
        """ZMQ_EVENTS & POLLOUT: of a ROUTER, whether any peer at all has room."""
        return self.option(ZMQ_EVENTS) & ZMQ_POLLOUT != 0

    @property
    def fd(self):
        """The descriptor to watch for reading; it belongs to libzmq, never read or close it."""
        return self.option(ZMQ_FD)
