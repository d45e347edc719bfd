"""The native marks; what they promise stands in the stub."""

cimport cython
from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcpy

from jacquemart.native.fields cimport (
    NAME_BYTES, TEXT_BYTES, id_of, put_id, put_str, put_value, text_of, value_of,
)
from jacquemart.native.ticket cimport Ticket
from jacquemart.native.writer cimport put_boolean, put_unsigned

cdef extern from *:
    """
    /* A reader sees what the processor has stored, in this order: so only the compiler is held. */
    #define jq_in_order() __atomic_signal_fence(__ATOMIC_SEQ_CST)
    """
    void jq_in_order() nogil

cdef enum:
    DIGEST = 16
    ENTRY_ROOM = 1 + 18 + 5 * (3 + NAME_BYTES) + 3 + TEXT_BYTES + 9 + 1


cdef inline void put_number(uint8_t *at, uint64_t number) noexcept nogil:
    (<uint64_t *> at)[0] = number


@cython.auto_pickle(False)
cdef class Marks:
    """What a cell leaves behind of the messages in its hands."""

    def __cinit__(self, *_, **__):
        self.free = []

    def __dealloc__(self):
        if self.attached:
            PyBuffer_Release(&self.view)

    def attach(
        self, pages, *, entries, at_entries, entry_size, text_size, kept_free, at_running,
        at_count, at_ring, ring_size, at_blocks, block_size,
    ):
        """Write to ``pages`` from now on."""
        self.detach()
        PyObject_GetBuffer(pages, &self.view, PyBUF_WRITABLE)
        self.attached = True
        if (
            max(at_running, at_count) * 8 + 8 > self.view.len
            or at_entries + entries * entry_size > self.view.len
            or at_ring + ring_size * DIGEST > self.view.len
            or (at_blocks + ring_size // block_size) * 8 > self.view.len
            or entry_size < text_size + 24 or text_size < 0
        ):
            self.detach()
            raise ValueError("the layout does not fit the pages")
        self.at_entries, self.entry_size, self.text_size = at_entries, entry_size, text_size
        self.kept_free, self.at_running, self.at_count = kept_free, 8 * at_running, 8 * at_count
        self.at_ring, self.ring_size = at_ring, ring_size
        self.at_blocks, self.block_size = 8 * at_blocks, block_size
        self.free = list(range(entries - 1, -1, -1))
        self.base = <uint8_t *> self.view.buf

    def detach(self):
        """Write to nowhere; idempotent."""
        self.base = NULL
        if self.attached:
            self.attached = False
            PyBuffer_Release(&self.view)

    @property
    def open(self):
        """Whether anything is kept."""
        return self.base != NULL

    @property
    def sent_count(self):
        """How many digests were written since the ring was begun."""
        return self.count

    @sent_count.setter
    def sent_count(self, count):
        self.count = count
        if self.base != NULL:
            put_number(self.base + self.at_count, self.count)

    def next_stamp(self):
        """Return a stamp that no entry has."""
        self.stamp += 1
        return self.stamp

    def content_of(self, message):
        """Return what is kept of a message for which ``put_message`` is not made; overridden."""
        return b""

    cdef int64_t begin(self, object message) except? -2:
        cdef uint8_t[ENTRY_ROOM] room
        cdef const uint8_t *content = room
        cdef Py_ssize_t size = -1
        cdef bytes other
        if self.base == NULL:
            return -1
        if not self.free:
            self.unmarked += 1
            return -1
        if isinstance(message, Ticket):
            size = put_message(room, <Ticket> message)
        if size < 0 or size > self.text_size:
            other = self.content_of(message)
            content = <const uint8_t *> PyBytes_AS_STRING(other)
            size = PyBytes_GET_SIZE(other)
            if size > self.text_size or self.base == NULL:
                self.unmarked += 1
                return -1
        return self.put_entry(content, size)

    cdef int64_t begin_with(
        self, const uint8_t *items, Py_ssize_t size, Ticket message
    ) except? -2:
        cdef uint8_t[ENTRY_ROOM] room
        # Whoever wrote it in a longer form than ours has it written anew.
        if (
            self.base == NULL or not self.free
            or size + 2 > min(self.text_size, <Py_ssize_t> ENTRY_ROOM)
        ):
            return self.begin(message)
        room[0] = 0x99  # nine items
        memcpy(room + 1, items, <size_t> size)
        return self.put_entry(room, put_boolean(room + 1 + size, False) - room)

    cdef int64_t put_entry(self, const uint8_t *content, Py_ssize_t size) noexcept:
        cdef int64_t entry = self.free.pop()
        cdef uint8_t *at
        cdef uint8_t *end
        self.stamp += 1
        at = self.base + self.at_entries + entry * self.entry_size
        end = at + 16 + self.text_size
        put_number(end, 0)
        jq_in_order()
        put_number(at, self.stamp)
        put_number(at + 8, <uint64_t> size)
        memcpy(at + 16, content, <size_t> size)
        jq_in_order()
        put_number(end, self.stamp)
        jq_in_order()
        put_number(self.base + self.at_running, <uint64_t> entry + 1)
        return entry

    cdef int over(self, int64_t entry) except -1:
        if entry < 0 or self.base == NULL:
            return 0
        put_number(self.base + self.at_running, 0)
        return self.release(entry)

    cdef int release(self, int64_t entry) except -1:
        if entry >= 0 and self.base != NULL:
            put_number(self.base + self.at_entries + entry * self.entry_size, 0)
            self.free.append(entry)
        return 0

    def handling(self, message):
        """Note that a handler begins with a message; return a token for the calls below."""
        return self.begin(message)

    def returned(self, int64_t token, *, bint later):
        """Note that the handler is off the stack; return the token that is still good."""
        if token < 0:
            return -1
        if self.base != NULL:
            put_number(self.base + self.at_running, 0)
        if later and len(self.free) >= self.kept_free:
            return token
        self.unmarked += later
        self.release(token)
        return -1

    def handled(self, int64_t token):
        """Note that a message is not in hand any more."""
        self.release(token)

    def sent(self, bytes command not None, uint64_t now_ns):
        """Note, right before a driver's call, that a command goes to the field."""
        if PyBytes_GET_SIZE(command) != DIGEST:
            raise ValueError(f"a digest has {DIGEST} bytes, not {len(command)}")
        self.put_sent(PyBytes_AS_STRING(command), now_ns)

    def sent_each(self, bytes commands not None, uint64_t now_ns):
        """Note many, right before the driver's call in which they go to the field."""
        cdef Py_ssize_t at
        if PyBytes_GET_SIZE(commands) % DIGEST:
            raise ValueError(f"{len(commands)} bytes are no whole digests of {DIGEST}")
        for at in range(0, PyBytes_GET_SIZE(commands), DIGEST):
            self.put_sent(PyBytes_AS_STRING(commands) + at, now_ns)

    cdef void put_sent(self, const char *command, uint64_t now_ns) noexcept:
        cdef uint64_t place
        if self.base == NULL:
            return
        place = self.count % <uint64_t> self.ring_size
        if self.count % <uint64_t> self.block_size == 0:
            put_number(self.base + self.at_blocks + 8 * (place // self.block_size), now_ns)
        memcpy(self.base + self.at_ring + place * DIGEST, command, DIGEST)
        jq_in_order()
        self.count += 1
        put_number(self.base + self.at_count, self.count)


# A message as msgpack, in ``room``; its size, or -1: it has a value that no frame can have.
cdef Py_ssize_t put_message(uint8_t *room, Ticket message) except -2:
    cdef uint8_t *out = room
    out[0] = 0x99  # nine items
    try:
        out = put_id(out + 1, id_of(message.id))
        out = put_str(out, text_of(message.principal, "principal", NAME_BYTES))
        out = put_str(out, text_of(message.device, "device", NAME_BYTES))
        out = put_str(out, text_of(message.verb, "verb", NAME_BYTES))
        out = put_str(out, text_of(message.point, "point", NAME_BYTES))
        out = put_value(out, value_of(message.value))
        out = put_str(out, text_of(message.unit, "unit", NAME_BYTES))
    except (TypeError, ValueError):
        return -1
    out = put_unsigned(out, <uint64_t> message.priority)
    return put_boolean(out, bool(message.of_bulk)) - room
