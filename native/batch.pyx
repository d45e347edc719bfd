"""The columns of a batch frame: taken from buffers, laid out aligned, and read in place.

All columns stand in one bin item, the widest first: values f64, source i64, receive i64, slots
u32, qualities u8. So every column is aligned to its item wherever the first one is aligned to
8 bytes, and the encoder chooses the widths of three heads before it so that it is.
"""

import sys

cimport cython
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_IsContiguous, PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromObject, PyMemoryView_GET_BUFFER
from libc.stdint cimport UINT32_MAX, UINT64_MAX, uintptr_t
from libc.string cimport memcpy

from jacquemart.native.cursor cimport (
    BAD_FIELD, BLOB, SOUND, Cursor, refuse, take_bytes, take_unsigned,
)
from jacquemart.native.envelope cimport start
from jacquemart.native.fields cimport NAME_BYTES, PyUnicode_AsUTF8AndSize, take_name
from jacquemart.native.writer cimport put_body, put_unsigned, put_wide

if sys.byteorder != "little":
    raise ImportError("columns are read in place, which needs a little-endian machine")

cdef enum:
    COLUMNS = 5
    HEAD_ROOM = 16 + 5 + NAME_BYTES + 3 * 9 + 5


# One column as an object with a buffer, so that a memoryview can stand on it and keep it.
@cython.final
@cython.auto_pickle(False)
@cython.freelist(64)
cdef class _Column:
    cdef object owner
    cdef const void *data
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
    by them), aligned to their items; a frame whose columns are not aligned has them copied.
    """

    def __init__(self):
        raise TypeError("a Batch is made by decode_batch")

    cdef object column(self, const void *data, Py_ssize_t width, const char *format):
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
    cdef Py_ssize_t size, count
    cdef const uint8_t *data
    cdef bytes copy
    batch.topic = take_name(cursor)
    batch.epoch = take_unsigned(cursor, 0, UINT64_MAX, b"int, 0 to 2**64-1")
    batch.sequence = take_unsigned(cursor, 0, UINT64_MAX, b"int, 0 to 2**64-1")
    count = <Py_ssize_t> take_unsigned(cursor, 0, UINT32_MAX, b"int, 0 to 2**32-1")
    data = take_bytes(cursor, BLOB, 0, cursor.size, b"bin of 29 bytes a point", &size)
    if cursor.fault != SOUND:
        return None
    if size != count * POINT_BYTES:
        cursor.position -= 1
        refuse(cursor, BAD_FIELD, cursor.last, b"bin of 29 bytes a point, as count says")
        return None
    if <uintptr_t> data & 7:
        # The bytes of a bytes object are aligned for any item.
        copy = PyBytes_FromStringAndSize(<const char *> data, size)
        owner, data = copy, <const uint8_t *> PyBytes_AS_STRING(copy)
    batch.owner = owner
    batch.count = count
    batch.value = <const double *> data
    batch.source = <const int64_t *> (data + 8 * count)
    batch.receive = <const int64_t *> (data + 16 * count)
    batch.slot = <const uint32_t *> (data + 24 * count)
    batch.quality = data + 28 * count
    return batch


# How many points a column holds. It has items of ``width`` bytes of one of the ``formats``, or
# is plain bytes, taken as they are.
cdef Py_ssize_t _points_of(
    const Py_buffer *view, str name, Py_ssize_t width, bytes formats
) except -1:
    cdef bytes format = b"B" if view.format == NULL else <bytes> view.format
    cdef bytes code = format.lstrip(b"@=<")
    if code == b"B" or code == b"b" or code == b"c":
        if view.len % width:
            raise ValueError(f"{name} has {view.len} bytes, allowed: a multiple of {width}")
    elif view.itemsize != width or len(code) != 1 or code not in formats:
        raise ValueError(
            f"{name} has items {format.decode('latin-1')!r} of {view.itemsize} bytes, "
            f"allowed: {formats.decode()!r} of {width} bytes, or plain bytes"
        )
    return view.len // width


cdef bytes put_batch(
    str topic, uint64_t epoch, uint64_t sequence, tuple columns, Py_ssize_t max_size
):
    cdef tuple names = ("values", "source_ns", "receive_ns", "slots", "qualities")
    cdef tuple formats = (b"d", b"qlQL", b"qlQL", b"IiLl", b"B")
    cdef Py_ssize_t[COLUMNS] widths = [8, 8, 8, 4, 1]
    cdef Py_buffer[COLUMNS] views
    cdef Py_ssize_t count = 0, points
    cdef int taken = 0, i
    cdef uint8_t[HEAD_ROOM] head
    cdef uint8_t *end
    cdef char *out
    cdef bytes frame
    try:
        for i in range(COLUMNS):
            PyObject_GetBuffer(columns[i], &views[i], PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
            taken += 1
            points = _points_of(&views[i], names[i], widths[i], formats[i])
            if i == 0:
                count = points
            elif points != count:
                raise ValueError(f"{names[i]} has {points} points, values has {count}")
        end = _put_head(head, topic, epoch, sequence, count)
        if end - head + count * POINT_BYTES > max_size:
            raise ValueError(f"a batch of {count} points is over {max_size} bytes")
        frame = PyBytes_FromStringAndSize(NULL, end - head + count * POINT_BYTES)
        out = PyBytes_AS_STRING(frame)
        memcpy(out, head, end - head)
        out += end - head
        for i in range(COLUMNS):
            memcpy(out, views[i].buf, <size_t> views[i].len)
            out += views[i].len
        return frame
    finally:
        for i in range(taken):
            PyBuffer_Release(&views[i])


# All before the columns. What is missing to a multiple of 8 bytes, 0 to 7, is made up by wider
# heads of the array (+2), the topic (+1, +3) and the count (+4). Raises ValueError.
cdef uint8_t *_put_head(
    uint8_t *head, str topic, uint64_t epoch, uint64_t sequence, Py_ssize_t count
) except NULL:
    cdef uint8_t[18] numbers
    cdef uint8_t *end = put_unsigned(put_unsigned(numbers, epoch), sequence)
    cdef Py_ssize_t size
    cdef const char *text = PyUnicode_AsUTF8AndSize(topic, &size)
    cdef Py_ssize_t shortest = 1 + 2 + (2 + size) + (end - numbers) + 5 + 5
    cdef Py_ssize_t missing = -shortest & 7
    cdef Py_ssize_t rest = missing & 3
    cdef uint8_t *out = head
    if rest == 2:
        out = put_wide(out, 0xDC, 7, 2)
    else:
        out[0] = 0x97
        out += 1
    out[0], out[1] = 1, 3
    out += 2
    if rest == 1:
        out = put_wide(out, 0xDA, <uint64_t> size, 2)
    elif rest == 3:
        out = put_wide(out, 0xDB, <uint64_t> size, 4)
    else:
        out = put_wide(out, 0xD9, <uint64_t> size, 1)
    out = put_body(put_body(out, text, size), <const char *> numbers, end - numbers)
    out = put_wide(out, 0xCF if missing & 4 else 0xCE, <uint64_t> count, 8 if missing & 4 else 4)
    return put_wide(out, 0xC6, <uint64_t> (count * POINT_BYTES), 4)
