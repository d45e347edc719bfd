"""The native ends of a reading stream; what they promise stands in the stub and the contract."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.errno cimport EAGAIN, EINTR
from libc.stdint cimport UINT32_MAX, UINT64_MAX, uint8_t
from libc.string cimport memcmp, memset

from jacquemart.native.columns cimport Column
from jacquemart.native.cursor cimport BLOB, TEXT, Cursor, take_bytes, take_unsigned
from jacquemart.native.envelope cimport close_envelope, open_as, start
from jacquemart.native.libzmq cimport (
    ZMQ_DONTWAIT, ZMQ_SNDMORE, Library, take_library,
)
from jacquemart.native.pump cimport error_of
from jacquemart.native.row_frames cimport Places, fits, forget_waiting, waiting_rows, write_rows
from jacquemart.native.row_steps cimport store_rows
from jacquemart.native.writer cimport put_blob_head, put_body, put_text, put_unsigned

from jacquemart.native.pump import LIBRARY

cdef enum:
    BATCH = 3                # the kind of the frame
    BATCH_ITEMS = 11
    NAME_MOST = 255          # bytes of a topic
    HEAD_MOST = 3 + 3 + NAME_MOST + 9 + 9 + 5
    BLOB_HEAD = 5            # the longest head of a bin item
    MESSAGES_A_TURN = 4096   # stored in one receive: about a millisecond, as with many readings
    READINGS_A_TURN = 65536
    LARGEST_FRAME = 1 << 19  # readings; 15 MB
    SIZE_LIMIT = 16777216    # bytes of a frame, as everywhere

ROWS_A_FRAME = 8192

cdef Library lib


if not take_library(&lib, LIBRARY):
    raise ImportError(f"no libzmq in {LIBRARY}, which has shown one before")


cdef Py_ssize_t hash_of(const char *topic, Py_ssize_t size) noexcept nogil:
    cdef uint64_t found = 14695981039346656037ULL
    cdef Py_ssize_t at
    for at in range(size):
        found = (found ^ <uint8_t> topic[at]) * 1099511628211ULL
    return <Py_ssize_t> (found >> 8)


@cython.final
@cython.auto_pickle(False)
cdef class Feed:
    """The way of one topic's batches into a table. Paused at first; see ``arm``."""

    def __init__(self, bytes topic not None, PointTable table not None):
        if self.topic is not None:
            raise TypeError("a Feed stays with its topic")
        if not 0 < len(topic) <= NAME_MOST:
            raise ValueError(f"a topic has {len(topic)} bytes, allowed: 1 to {NAME_MOST}")
        self.topic = topic
        self.table = table
        self.lane.topic = PyBytes_AS_STRING(topic)
        self.lane.topic_size = PyBytes_GET_SIZE(topic)
        self.lane.rows = &table.rows
        self.lane.feed = <PyObject *> self

    def arm(self, uint64_t epoch, uint64_t sequence):
        """Store what follows this position, from now on."""
        self.lane.epoch, self.lane.sequence = epoch, sequence
        self.lane.live = self.topic is not None

    def pause(self):
        """Store nothing until ``arm``; idempotent."""
        self.lane.live = False

    @property
    def live(self):
        """Whether the next batch may be stored."""
        return self.lane.live

    @property
    def epoch(self):
        """Epoch of the last batch in the table, as far as it is known here."""
        return self.lane.epoch

    @property
    def sequence(self):
        """Number of that batch."""
        return self.lane.sequence

    @property
    def batches(self):
        """Batches stored here so far."""
        return self.lane.batches

    @property
    def readings(self):
        """Readings in them."""
        return self.lane.readings


@cython.final
@cython.auto_pickle(False)
cdef class BatchIntake:
    """A pump that stores batches of the topics it knows, and hands on everything else."""

    def __cinit__(self):
        cdef int at
        for at in range(PARTS):
            memset(&self.box[at], 0, sizeof(self.box[at]))
            lib.msg_init(&self.box[at])

    def __init__(self, socket):
        if self.pump is not None:
            raise TypeError("a BatchIntake stays with its socket")
        self.pump = Pump(socket)
        self.feeds = {}
        self.spread(4)

    def __dealloc__(self):
        cdef int at
        for at in range(PARTS):
            lib.msg_close(&self.box[at])
        PyMem_Free(self.places)

    def add(self, Feed feed not None):
        """Know a topic; the one that had it before is forgotten."""
        if feed.topic is None or self.pump is None:
            raise ValueError("neither a Feed nor a BatchIntake is used before it is made")
        known = self.feeds.get(feed.topic)
        if known is feed:
            return
        if feed.lane.placed:
            raise ValueError(f"the feed of {feed.topic!r} has an intake already")
        if known is not None:
            self.remove(known)
        self.spread(len(self.feeds) + 1)
        self.feeds[feed.topic] = feed
        feed.lane.placed = True
        self.place(&feed.lane)

    def remove(self, Feed feed not None):
        """Know a topic no more; idempotent."""
        if self.feeds.get(feed.topic) is not feed:
            return
        cdef Lane **link = &self.first_touched
        del self.feeds[feed.topic]
        feed.lane.placed = feed.lane.live = feed.lane.touched = False
        while link[0] != NULL:
            if link[0] == &feed.lane:
                link[0] = feed.lane.next_touched
                break
            link = &link[0].next_touched
        self.newest = NULL
        memset(self.places, 0, self.room * sizeof(self.places[0]))
        for other in self.feeds.values():
            self.place(&(<Feed> other).lane)

    cdef int spread(self, Py_ssize_t feeds) except -1:
        cdef Py_ssize_t room = 16
        cdef Lane **places
        while room < 2 * feeds:
            room *= 2
        if room <= self.room:
            return 0
        places = <Lane **> PyMem_Calloc(room, sizeof(places[0]))
        if places == NULL:
            raise MemoryError
        PyMem_Free(self.places)
        self.places, self.room = places, room
        for other in self.feeds.values():
            self.place(&(<Feed> other).lane)
        return 0

    cdef void place(self, Lane *lane) noexcept nogil:
        cdef Py_ssize_t at = hash_of(lane.topic, lane.topic_size) & (self.room - 1)
        while self.places[at] != NULL:
            at = (at + 1) & (self.room - 1)
        self.places[at] = lane

    cdef Lane *find(self, const char *topic, Py_ssize_t size) noexcept nogil:
        cdef Lane *lane = self.newest
        cdef Py_ssize_t at
        if lane != NULL and lane.topic_size == size and memcmp(lane.topic, topic, size) == 0:
            return lane
        at = hash_of(topic, size) & (self.room - 1)
        while self.places[at] != NULL:
            lane = self.places[at]
            if lane.topic_size == size and memcmp(lane.topic, topic, size) == 0:
                self.newest = lane
                return lane
            at = (at + 1) & (self.room - 1)
        return NULL

    cdef Py_ssize_t store(self) noexcept nogil:
        cdef const char *topic = <const char *> lib.msg_data(&self.box[0])
        cdef Lane *lane = self.find(topic, <Py_ssize_t> lib.msg_size(&self.box[0]))
        cdef Cursor cursor
        cdef Column[5] columns
        cdef Py_ssize_t count, size
        cdef int i
        cdef const uint8_t *name
        if lane == NULL or not lane.live:
            return -1
        lane.live = False  # unless it ends well
        if lane.rows.judged:
            return -1
        size = <Py_ssize_t> lib.msg_size(&self.box[1])
        if size > SIZE_LIMIT:
            return -1
        start(&cursor, <const uint8_t *> lib.msg_data(&self.box[1]), size)
        if open_as(&cursor, BATCH, BATCH_ITEMS, NULL, NULL) != 0:
            return -1
        name = take_bytes(&cursor, TEXT, 0, NAME_MOST, NULL, &size)
        if name == NULL or size != lane.topic_size or memcmp(name, topic, size) != 0:
            return -1
        if take_unsigned(&cursor, 0, UINT64_MAX, NULL) != lane.epoch:
            return -1
        if take_unsigned(&cursor, 0, UINT64_MAX, NULL) != lane.sequence + 1:
            return -1
        count = <Py_ssize_t> take_unsigned(&cursor, 0, UINT32_MAX, NULL)
        for i in range(5):
            size = count * (4 if i == 0 else 1 if i == 2 else 8)
            columns[i].data = <const char *> take_bytes(&cursor, BLOB, size, size, NULL, &size)
            columns[i].count = count
        if close_envelope(&cursor) != 0:
            return -1
        if not fits(lane.rows, &columns[0], &columns[1], &columns[2]):
            return -1
        store_rows(lane.rows, &columns[0], &columns[1], &columns[2], &columns[3], &columns[4])
        lane.live = True
        lane.sequence += 1
        lane.batches += 1
        lane.readings += <uint64_t> count
        if not lane.touched:
            lane.touched = True
            lane.next_touched = self.first_touched
            self.first_touched = lane
        return count

    cdef int drain(self, Py_ssize_t *messages, Py_ssize_t *readings) noexcept nogil:
        cdef Py_ssize_t stored
        cdef int parts, at
        self.fault = 0
        while messages[0] > 0 and readings[0] > 0:
            parts = 0
            while True:
                at = parts if parts < PARTS else PARTS - 1
                while lib.msg_recv(&self.box[at], self.pump.handle, ZMQ_DONTWAIT) < 0:
                    self.fault = lib.last_error()
                    if self.fault != EINTR:
                        return 0
                self.fault = 0
                parts += 1
                if not lib.msg_more(&self.box[at]):
                    break
            stored = self.store() if parts == 2 else -1
            messages[0] -= 1
            if stored < 0:
                return parts if parts < PARTS else PARTS
            readings[0] -= stored
        return 0

    def receive(self, Py_ssize_t limit=256):
        """Store what waits; return up to ``limit`` messages that are for somebody else."""
        cdef list found = []
        cdef Py_ssize_t messages = MESSAGES_A_TURN, readings = READINGS_A_TURN
        cdef int parts, at
        cdef tuple message
        if limit < 0:
            raise ValueError(f"limit is {limit}, allowed: 0 or more")
        self.pump.enter()
        self.more = False
        try:
            while len(found) < limit:
                with nogil:
                    parts = self.drain(&messages, &readings)
                if parts == 0:
                    break
                message = tuple([
                    PyBytes_FromStringAndSize(
                        <const char *> lib.msg_data(&self.box[at]),
                        <Py_ssize_t> lib.msg_size(&self.box[at]),
                    )
                    for at in range(parts)
                ])
                found.append(message)
        finally:
            self.pump.busy = False
            self.pump.received += MESSAGES_A_TURN - messages
        self.more = self.fault == 0
        if self.fault != 0 and self.fault != EAGAIN and not found:
            raise error_of(self.fault)
        return found

    def touched(self):
        """Return the feeds that stored something since this was last asked."""
        cdef list found = []
        cdef Lane *lane = self.first_touched
        self.first_touched = NULL
        while lane != NULL:
            lane.touched = False
            found.append(<Feed> lane.feed)
            lane = lane.next_touched
        return found

    def send(self, *parts):
        """Send one message; see ``Pump.send``."""
        return self.pump.send(*parts)

    @property
    def readable(self):
        """See ``Pump.readable``."""
        return self.pump.readable

    @property
    def fd(self):
        """See ``Pump.fd``."""
        return self.pump.fd

    @property
    def received(self):
        """Messages received so far, stored or handed on."""
        return self.pump.received

    @property
    def sent(self):
        """Messages sent so far."""
        return self.pump.sent


# Write a frame with the waiting rows ``first`` .. ``first + count - 1``; ``head`` is what stands
# before the number of the frame.
cdef Py_ssize_t put_rows(
    uint8_t *out, const uint8_t *head, Py_ssize_t head_size, uint64_t sequence, const Rows *rows,
    Py_ssize_t first, Py_ssize_t count
) noexcept nogil:
    cdef Places places
    cdef uint8_t *begin = out
    out = put_body(out, <const char *> head, head_size)
    out = put_unsigned(put_unsigned(out, sequence), <uint64_t> count)
    places.slots = <char *> put_blob_head(out, <uint64_t> (4 * count))
    places.values = <char *> put_blob_head(
        <uint8_t *> places.slots + 4 * count, <uint64_t> (8 * count))
    places.qualities = <char *> put_blob_head(
        <uint8_t *> places.values + 8 * count, <uint64_t> count)
    places.source_ns = <char *> put_blob_head(
        <uint8_t *> places.qualities + count, <uint64_t> (8 * count))
    places.receive_ns = <char *> put_blob_head(
        <uint8_t *> places.source_ns + 8 * count, <uint64_t> (8 * count))
    write_rows(rows, first, count, &places)
    return <uint8_t *> places.receive_ns + 8 * count - begin


# Bytes of such a frame.
cdef Py_ssize_t size_of_rows(
    Py_ssize_t head_size, uint64_t sequence, Py_ssize_t count
) noexcept nogil:
    cdef uint8_t[5 * BLOB_HEAD] heads
    cdef uint8_t *end = put_unsigned(put_unsigned(heads, sequence), <uint64_t> count)
    cdef Py_ssize_t size = head_size + (end - heads) + 29 * count
    end = put_blob_head(put_blob_head(heads, <uint64_t> (4 * count)), <uint64_t> count)
    size += end - heads
    return size + 3 * (put_blob_head(heads, <uint64_t> (8 * count)) - heads)


cdef int send_part(zmq_msg_t *part, void *handle, int flags) noexcept nogil:
    cdef int fault
    while lib.msg_send(part, handle, flags) < 0:
        fault = lib.last_error()
        if fault != EINTR:
            lib.msg_close(part)
            return fault
    return 0


def send_batches(
    Pump pump not None, PointTable table not None, bytes topic not None, uint64_t epoch,
    uint64_t sequence, Py_ssize_t rows=ROWS_A_FRAME
):
    """Send what is dirty in a table as batches, and clear it; return how many there were."""
    cdef Py_ssize_t total = waiting_rows(&table.rows), first = 0, count, head_size
    cdef uint8_t[HEAD_MOST] head
    cdef uint8_t *end
    cdef zmq_msg_t[2] parts
    cdef const char *name = PyBytes_AS_STRING(topic)
    cdef Py_ssize_t name_size = PyBytes_GET_SIZE(topic), size, frames = 0
    cdef int fault = 0
    cdef Rows *from_rows = &table.rows
    if not 0 < name_size <= NAME_MOST:
        raise ValueError(f"a topic has {name_size} bytes, allowed: 1 to {NAME_MOST}")
    if not 0 < rows <= LARGEST_FRAME:
        raise ValueError(f"{rows} readings a frame, allowed: 1 to {LARGEST_FRAME}")
    if total == 0:
        return 0
    pump.enter()
    head[0], head[1], head[2] = 0x9B, 1, BATCH
    end = put_unsigned(put_text(head + 3, name, name_size), epoch)
    head_size = end - head
    try:
        with nogil:
            while first < total and fault == 0:
                count = min(rows, total - first)
                size = size_of_rows(head_size, sequence + frames, count)
                frames += 1  # also if it does not leave: then its number is a gap to see
                if lib.msg_init_size(&parts[0], <size_t> name_size) != 0:
                    break
                if lib.msg_init_size(&parts[1], <size_t> size) != 0:
                    lib.msg_close(&parts[0])
                    break
                put_body(<uint8_t *> lib.msg_data(&parts[0]), name, name_size)
                put_rows(
                    <uint8_t *> lib.msg_data(&parts[1]), head, head_size, sequence + frames - 1,
                    from_rows, first, count,
                )
                first += count
                fault = send_part(&parts[0], pump.handle, ZMQ_DONTWAIT | ZMQ_SNDMORE)
                if fault != 0:
                    lib.msg_close(&parts[1])
                else:
                    fault = send_part(&parts[1], pump.handle, ZMQ_DONTWAIT)
                    pump.sent += fault == 0
            forget_waiting(from_rows)
    finally:
        pump.busy = False
    return frames
