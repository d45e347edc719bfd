"""The columns of a batch frame: taken from buffers, written as bin items, and read in place."""

import sys

cimport cython
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_IsContiguous, PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromObject, PyMemoryView_GET_BUFFER
from libc.stdint cimport UINT32_MAX, UINT64_MAX, uint8_t

from jacquemart.native.cursor cimport (
    BLOB, SOUND, Cursor, take_bytes, take_unsigned,
)
from jacquemart.native.envelope cimport start
from jacquemart.native.fields cimport NAME_BYTES, put_str, take_name
from jacquemart.native.writer cimport put_blob_head, put_body, put_unsigned

if sys.byteorder != "little":
    raise ImportError("columns are read in place, which needs a little-endian machine")

cdef enum:                   # the columns, in the order of the frame
    SLOTS = 0
    VALUES
    QUALITIES
    SOURCE
    RECEIVE
    COLUMNS

cdef enum:
    HEAD_ROOM = 3 + 3 + NAME_BYTES + 3 * 9
    BLOB_HEAD = 5            # the longest head of a bin item


# One column as an object with a buffer, so that a memoryview can stand on it and keep it.
@cython.final
@cython.auto_pickle(False)
@cython.freelist(64)
cdef class _Column:
    cdef object owner
    cdef const char *data
    cdef const char *format
    cdef Py_ssize_t items
    cdef Py_ssize_t width

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("the columns of a batch are read-only")
        buffer.buf = <void *> self.data
        buffer.obj = self
        buffer.len = self.items * self.width
        buffer.readonly = 1
        buffer.itemsize = self.width
        buffer.format = <char *> self.format
        buffer.ndim = 1
        buffer.shape = &self.items
        buffer.strides = &self.width
        buffer.suboffsets = NULL
        buffer.internal = NULL


@cython.final
@cython.auto_pickle(False)
@cython.freelist(16)
cdef class Batch:
    """Changed points of one shard: parallel columns, little-endian, readable in place.

    Made by ``decode_batch``. The columns are read-only memoryviews into the frame (kept alive
    by them). They may stand at any address: NumPy and the native table take them as they are.
    """

    def __init__(self):
        raise TypeError("a Batch is made by decode_batch")

    cdef object column(self, const char *data, Py_ssize_t width, const char *format):
        cdef _Column column = _Column.__new__(_Column)
        column.owner = self.owner
        column.data = data
        column.format = format
        column.items = self.count
        column.width = width
        return memoryview(column)

    @property
    def slots(self):
        """Slots of the shard's table, u32."""
        return self.column(self.slot, 4, b"I")

    @property
    def values(self):
        """Values, f64; NaN where there is none."""
        return self.column(self.value, 8, b"d")

    @property
    def qualities(self):
        """Qualities, u8."""
        return self.column(self.quality, 1, b"B")

    @property
    def source_ns(self):
        """Source times, i64 ns of the wall clock."""
        return self.column(self.source, 8, b"q")

    @property
    def receive_ns(self):
        """Receive times, i64 ns of the wall clock."""
        return self.column(self.receive, 8, b"q")

    def __repr__(self):
        return (
            f"Batch(topic={self.topic!r}, epoch={self.epoch}, sequence={self.sequence}, "
            f"count={self.count})"
        )


cdef object open_in_place(Cursor *cursor, object frame):
    cdef object owner
    cdef Py_buffer *view
    if isinstance(frame, bytes):
        start(cursor, <const uint8_t *> PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame))
        return frame
    owner = PyMemoryView_FromObject(frame)
    view = PyMemoryView_GET_BUFFER(owner)
    if not PyBuffer_IsContiguous(view, b"C"):
        raise BufferError("a frame must be contiguous")
    start(cursor, <const uint8_t *> view.buf, view.len)
    return owner


cdef Batch take_batch(Cursor *cursor, object owner):
    cdef Batch batch = Batch.__new__(Batch)
    batch.topic = take_name(cursor)
    batch.epoch = take_unsigned(cursor, 0, UINT64_MAX, b"int, 0 to 2**64-1")
    batch.sequence = take_unsigned(cursor, 0, UINT64_MAX, b"int, 0 to 2**64-1")
    cdef uint64_t count = take_unsigned(cursor, 0, UINT32_MAX, b"int, 0 to 2**32-1")
    batch.slot = take_column(cursor, count, 4, b"bin of 4 bytes a point, as count says")
    batch.value = take_column(cursor, count, 8, b"bin of 8 bytes a point, as count says")
    batch.quality = take_column(cursor, count, 1, b"bin of 1 byte a point, as count says")
    batch.source = take_column(cursor, count, 8, b"bin of 8 bytes a point, as count says")
    batch.receive = take_column(cursor, count, 8, b"bin of 8 bytes a point, as count says")
    if cursor.fault != SOUND:
        return None
    batch.owner = owner
    batch.count = <Py_ssize_t> count
    return batch


# The bytes of one column; NULL with a fault. ``count`` below 2**32, so the product fits.
cdef const char *take_column(
    Cursor *cursor, uint64_t count, Py_ssize_t width, const char *allowed
) noexcept nogil:
    cdef Py_ssize_t size = <Py_ssize_t> count * width
    return <const char *> take_bytes(cursor, BLOB, size, size, allowed, &size)


# Whether items of this format may stand in a column of 4 or 8 bytes.
cdef bint _suits(const char *format, int column) noexcept:
    if format[0] == c"@" or format[0] == c"=" or format[0] == c"<":
        format += 1
    if format[0] == 0 or format[1] != 0:
        return False
    if column == VALUES:
        return format[0] == c"d"
    if column == SLOTS:
        return format[0] in (c"I", c"i", c"L", c"l")
    return format[0] in (c"q", c"Q", c"l", c"L")


# How many points a column holds. Its items are of the column's width and type, or it is plain
# bytes, taken as they are. Raises ValueError.
cdef Py_ssize_t _points_of(const Py_buffer *view, int column) except -1:
    cdef Py_ssize_t width = _width(column)
    if view.itemsize == 1 or view.format == NULL:
        if view.len % width:
            raise ValueError(
                f"{_name(column)} has {view.len} bytes, allowed: a multiple of {width}"
            )
    elif view.itemsize != width or not _suits(view.format, column):
        raise ValueError(
            f"{_name(column)} has items {(<bytes> view.format)!r} of {view.itemsize} bytes, "
            f"allowed: {'f64' if column == VALUES else 'integers'} of {width} bytes, or plain bytes"
        )
    return view.len // width


cdef Py_ssize_t _width(int column) noexcept:
    return 4 if column == SLOTS else 1 if column == QUALITIES else 8


cdef str _name(int column):
    return ("slots", "values", "qualities", "source_ns", "receive_ns")[column]


cdef bytes put_batch(
    str topic, uint64_t epoch, uint64_t sequence, tuple columns, Py_ssize_t max_size
):
    cdef Py_buffer[COLUMNS] views
    cdef Py_ssize_t count = 0, points, size
    cdef int taken = 0, i
    cdef uint8_t[HEAD_ROOM] head
    cdef uint8_t[BLOB_HEAD] blob
    cdef uint8_t *end
    cdef uint8_t *out
    cdef bytes frame
    try:
        for i in range(COLUMNS):
            PyObject_GetBuffer(columns[i], &views[i], PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
            taken += 1
            points = _points_of(&views[i], i)
            if i == 0:
                count = points
            elif points != count:
                raise ValueError(f"{_name(i)} has {points} points, slots has {count}")
        head[0], head[1], head[2] = 0x9B, 1, 3
        end = put_unsigned(put_unsigned(put_str(head + 3, topic), epoch), sequence)
        end = put_unsigned(end, <uint64_t> count)
        size = end - head
        for i in range(COLUMNS):
            size += put_blob_head(blob, <uint64_t> views[i].len) - blob + views[i].len
        if size > max_size:
            raise ValueError(f"a batch of {count} points is over {max_size} bytes")
        frame = PyBytes_FromStringAndSize(NULL, size)
        out = put_body(<uint8_t *> PyBytes_AS_STRING(frame), <const char *> head, end - head)
        for i in range(COLUMNS):
            out = put_blob_head(out, <uint64_t> views[i].len)
            out = put_body(out, <const char *> views[i].buf, views[i].len)
        return frame
    finally:
        for i in range(taken):
            PyBuffer_Release(&views[i])
