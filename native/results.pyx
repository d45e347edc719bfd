"""The native results; what they promise stands in the stub."""

from collections.abc import Sequence

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from jacquemart.native.cursor cimport (
    ARRAY, BLOB, SOUND, TEXT, Cursor, Item, read_item, take_bytes, take_unsigned,
)
from jacquemart.native.envelope cimport close_envelope, open_as, start
from jacquemart.native.fields cimport bytes_of
from jacquemart.native.frames cimport BULK_OUTCOME
from jacquemart.native.writer cimport put_body, put_text, put_unsigned, put_wide

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef enum:
    ITEMS = 9                # of the frame
    TEXT_HEAD = 5            # bytes, at most
    MOST = 0x7FFFFFFF        # indices


# Whether texts of ASCII follow each other here: each byte below 0x80.
cdef inline bint is_ascii(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    cdef uint64_t word, seen = 0
    cdef Py_ssize_t at = 0
    while at + 8 <= size:
        memcpy(&word, data + at, 8)
        seen |= word
        at += 8
    while at < size:
        seen |= data[at]
        at += 1
    return seen & <uint64_t> 0x8080808080808080 == 0


cdef inline uint8_t *put_any(uint8_t *out, const char *data, Py_ssize_t size) noexcept nogil:
    if size < 0x10000:
        return put_text(out, data, size)
    return put_body(put_wide(out, 0xDB, <uint64_t> size, 4), data, size)


@cython.final
@cython.auto_pickle(False)
cdef class Names:
    """Ids of devices as they stand in a frame."""

    @staticmethod
    def of(texts):
        """Return these."""
        cdef NameWriter writer
        if isinstance(texts, Names):
            return texts
        writer = NameWriter.__new__(NameWriter)
        for text in texts:
            writer.put(text)
        return writer.names()

    cdef list all_texts(self):
        cdef Cursor cursor
        cdef Item item
        cdef list found
        if self.texts is None:
            found = []
            start(
                &cursor, <const uint8_t *> PyBytes_AS_STRING(self.packed),
                PyBytes_GET_SIZE(self.packed),
            )
            while cursor.at < cursor.size:
                if read_item(&cursor, &item) != 0 or item.shape != TEXT:
                    raise ValueError("these are no names")
                found.append(PyUnicode_DecodeUTF8(
                    <const char *> cursor.data + cursor.at, <Py_ssize_t> item.number, NULL
                ))
                cursor.at += <Py_ssize_t> item.number
            self.texts = found
        return self.texts

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return self.all_texts()[index]

    def __iter__(self):
        return iter(self.all_texts())

    def __contains__(self, text):
        return text in self.all_texts()

    def __eq__(self, other):
        if isinstance(other, Names):
            if self.packed == (<Names> other).packed:
                return True
            return self.all_texts() == (<Names> other).all_texts()  # a head may be longer
        if isinstance(other, (list, tuple)):
            return self.all_texts() == list(other)
        return NotImplemented

    __hash__ = None

    def __repr__(self):
        return f"Names({self.all_texts()!r})"


Sequence.register(Names)


@cython.final
@cython.auto_pickle(False)
cdef class NameWriter:
    """Puts names together."""

    def __dealloc__(self):
        PyMem_Free(self.data)

    cdef int put(self, object text) except -1:
        cdef Py_ssize_t size, room
        cdef uint8_t *more
        if not isinstance(text, str):
            raise TypeError(f"a device is {type(text).__name__}, allowed: str")
        cdef const char *found = PyUnicode_AsUTF8AndSize(text, &size)
        if self.room - self.size < size + TEXT_HEAD:
            room = 2 * self.room + size + 256
            more = <uint8_t *> PyMem_Realloc(self.data, room)
            if more == NULL:
                raise MemoryError
            self.data, self.room = more, room
        self.size = put_any(self.data + self.size, found, size) - self.data
        self.count += 1
        return 0

    cdef Names names(self):
        cdef Names made = Names.__new__(Names)
        made.packed = PyBytes_FromStringAndSize(<const char *> self.data, self.size)
        made.count = self.count
        return made


cdef inline uint8_t *put_array(uint8_t *out, Py_ssize_t items) noexcept nogil:
    if items < 0x10:
        out[0] = <uint8_t> (0x90 | items)
        return out + 1
    return put_wide(out, 0xDC, <uint64_t> items, 2) if items < 0x10000 \
        else put_wide(out, 0xDD, <uint64_t> items, 4)


cdef inline uint8_t *put_blob(uint8_t *out, bytes data) noexcept:
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    if size < 0x100:
        out = put_wide(out, 0xC4, <uint64_t> size, 1)
    elif size < 0x10000:
        out = put_wide(out, 0xC5, <uint64_t> size, 2)
    else:
        out = put_wide(out, 0xC6, <uint64_t> size, 4)
    memcpy(out, PyBytes_AS_STRING(data), <size_t> size)
    return out + size


def join(
    bytes id not None, devices, bytes statuses not None, bytes values not None,
    bytes dispatched_ns not None, bytes finished_ns not None, exceptions
):
    """Return the frame of a result."""
    cdef Names names = Names.of(devices)
    cdef uint8_t *out
    cdef uint8_t *begin
    cdef Py_ssize_t room, size, index
    cdef const char *text
    cdef list rows = list(exceptions)
    cdef str reason, detail
    cdef bytes frame
    room = 64 + PyBytes_GET_SIZE(id) + PyBytes_GET_SIZE(names.packed)
    room += PyBytes_GET_SIZE(statuses) + PyBytes_GET_SIZE(values)
    room += PyBytes_GET_SIZE(dispatched_ns) + PyBytes_GET_SIZE(finished_ns)
    for index, reason, detail in rows:
        if index < 0 or index > MOST:
            raise ValueError(f"device {index} of {names.count}")
        for part in (reason, detail):
            PyUnicode_AsUTF8AndSize(part, &size)
            room += size + TEXT_HEAD
        room += 10
    frame = PyBytes_FromStringAndSize(NULL, room)
    begin = out = <uint8_t *> PyBytes_AS_STRING(frame)
    out[0], out[1], out[2] = 0x90 | ITEMS, 1, BULK_OUTCOME
    out = put_blob(out + 3, id)
    out = put_array(out, names.count)
    memcpy(out, PyBytes_AS_STRING(names.packed), <size_t> PyBytes_GET_SIZE(names.packed))
    out += PyBytes_GET_SIZE(names.packed)
    out = put_blob(put_blob(out, statuses), values)
    out = put_blob(put_blob(out, dispatched_ns), finished_ns)
    out = put_array(out, len(rows))
    for index, reason, detail in rows:
        out = put_unsigned(put_array(out, 3), <uint64_t> index)
        text = PyUnicode_AsUTF8AndSize(reason, &size)
        out = put_any(out, text, size)
        text = PyUnicode_AsUTF8AndSize(detail, &size)
        out = put_any(out, text, size)
    return frame[:out - begin]


# The next item of a frame that is a blob of ``size`` bytes; -1: of any size.
cdef bytes blob_in(Cursor *cursor, Py_ssize_t size):
    cdef Py_ssize_t found
    cdef const uint8_t *data = take_bytes(
        cursor, BLOB, max(size, 0), cursor.size if size < 0 else size, b"", &found
    )
    if data == NULL:
        return None
    return PyBytes_FromStringAndSize(<const char *> data, found)


# The next items of a frame that are texts in an array; None: they are not.
cdef Names names_in(Cursor *cursor):
    cdef Names names
    cdef Item item
    cdef Py_ssize_t begin, _
    cdef bint ascii = True
    if read_item(cursor, &item) != 0 or item.shape != ARRAY:
        return None
    names = Names.__new__(Names)
    names.count = <Py_ssize_t> item.number
    begin = cursor.at
    for _ in range(names.count):
        if read_item(cursor, &item) != 0 or item.shape != TEXT:
            return None
        ascii = ascii and is_ascii(cursor.data + cursor.at, <Py_ssize_t> item.number)
        cursor.at += <Py_ssize_t> item.number
    names.packed = PyBytes_FromStringAndSize(
        <const char *> cursor.data + begin, cursor.at - begin
    )
    if not ascii:
        names.all_texts()  # no UTF-8 raises
    return names


cdef dict exceptions_in(Cursor *cursor):
    cdef dict found = {}
    cdef Item item
    cdef uint64_t index
    cdef Py_ssize_t _, reason_size, detail_size
    cdef const uint8_t *reason
    cdef const uint8_t *detail
    if read_item(cursor, &item) != 0 or item.shape != ARRAY:
        return None
    for _ in range(<Py_ssize_t> item.number):
        if read_item(cursor, &item) != 0 or item.shape != ARRAY or item.number != 3:
            return None
        index = take_unsigned(cursor, 0, MOST, b"")
        reason = take_bytes(cursor, TEXT, 0, cursor.size, b"", &reason_size)
        detail = take_bytes(cursor, TEXT, 0, cursor.size, b"", &detail_size)
        if cursor.fault != SOUND:
            return None
        found[index] = (
            PyUnicode_DecodeUTF8(<const char *> reason, reason_size, NULL),
            PyUnicode_DecodeUTF8(<const char *> detail, detail_size, NULL),
        )
    return found


def split(frame):
    """Return what a BULK_OUTCOME says, or None."""
    cdef bytes data = bytes_of(frame)
    cdef Cursor cursor
    cdef Names names
    cdef bytes id, statuses, values, dispatched, finished
    cdef dict exceptions
    start(&cursor, <const uint8_t *> PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    if open_as(&cursor, BULK_OUTCOME, ITEMS, b"", b"") != 0:
        return None
    try:
        id = blob_in(&cursor, -1)
        names = names_in(&cursor)
        if id is None or names is None:
            return None
        statuses = blob_in(&cursor, names.count)
        values = blob_in(&cursor, 8 * names.count)
        dispatched = blob_in(&cursor, 8 * names.count)
        finished = blob_in(&cursor, 8 * names.count)
        exceptions = exceptions_in(&cursor)
    except UnicodeDecodeError:
        return None
    if exceptions is None or close_envelope(&cursor) != 0:
        return None
    return id, names, statuses, values, dispatched, finished, exceptions
