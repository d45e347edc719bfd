"""Fields of frames as Python objects: checked on the way in, written, and read.

Every function here needs the GIL. ``*_of`` judge what a caller gives: TypeError or ValueError
that names the field, the caller's bug. ``take_*`` judge what a peer sent: the cursor's fault.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AsStringAndSize, PyBytes_FromStringAndSize
from cpython.float cimport PyFloat_AsDouble
from cpython.long cimport PyLong_AsUnsignedLongLong
from cpython.number cimport PyIndex_Check, PyNumber_Index
from cpython.unicode cimport PyUnicode_FromObject
from libc.stdint cimport UINT64_MAX, int64_t, uint8_t, uint64_t

from jacquemart.native.cursor cimport (
    BAD_FIELD, BAD_TYPE, BLOB, BOOLEAN, NEGATIVE, NIL, REAL, SOUND, TEXT, UNSIGNED, Cursor,
    Item, read_item, refuse, take_bytes, take_unsigned,
)
from jacquemart.native.names cimport name_of
from jacquemart.native.writer cimport (
    put_blob_head, put_body, put_boolean, put_nil, put_real, put_signed, put_text, put_unsigned,
)

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef enum:
    ID_BYTES = 16
    NAME_BYTES = 255         # names, words, units, topics
    TEXT_BYTES = 1024        # text values and details


# The frame as bytes; anything else with a contiguous buffer is copied. Raises TypeError or
# BufferError.
cdef inline bytes bytes_of(object frame):
    cdef Py_buffer view
    if isinstance(frame, bytes):
        return frame
    PyObject_GetBuffer(frame, &view, PyBUF_SIMPLE)
    try:
        return PyBytes_FromStringAndSize(<const char *> view.buf, view.len)
    finally:
        PyBuffer_Release(&view)


# Exactly a str of at most ``limit`` bytes; a subclass is turned into a str, so that a frame
# holds nothing that could refer back to it.
cdef inline str text_of(object value, str field, Py_ssize_t limit):
    cdef Py_ssize_t size
    if not isinstance(value, str):
        raise TypeError(f"{field} is {type(value).__name__}, allowed: str")
    cdef str text = PyUnicode_FromObject(value)
    try:
        PyUnicode_AsUTF8AndSize(text, &size)
    except UnicodeEncodeError as error:
        raise ValueError(f"{field} cannot be written as UTF-8: {error}") from None
    if size > limit:
        raise ValueError(f"{field} has {size} bytes, allowed: at most {limit}")
    return text


# Text for people: never refused, shortened to ``limit`` bytes at a character's end.
cdef inline str shortened_of(object value, str field, Py_ssize_t limit):
    if not isinstance(value, str):
        raise TypeError(f"{field} is {type(value).__name__}, allowed: str")
    cdef bytes data = PyUnicode_FromObject(value).encode("utf-8", "replace")
    if len(data) > limit:
        return data[:limit - 3].decode("utf-8", "ignore") + "…"
    return data.decode("utf-8")


cdef inline bytes id_of(object value):
    if not isinstance(value, bytes):
        raise TypeError(f"id is {type(value).__name__}, allowed: bytes")
    if len(value) != ID_BYTES:
        raise ValueError(f"id has {len(value)} bytes, allowed: 16")
    return value if type(value) is bytes else bytes(value)


cdef inline uint64_t unsigned_of(
    object value, str field, uint64_t low, uint64_t high
) except? 0xFFFFFFFFFFFFFFFF:
    cdef uint64_t number
    if isinstance(value, bool) or not PyIndex_Check(value):
        raise TypeError(f"{field} is {type(value).__name__}, allowed: int")
    try:
        number = PyLong_AsUnsignedLongLong(PyNumber_Index(value))
    except OverflowError:
        raise ValueError(f"{field} is {value}, allowed: {low} to {high}") from None
    if number < low or number > high:
        raise ValueError(f"{field} is {value}, allowed: {low} to {high}")
    return number


cdef inline uint64_t u64_of(object value, str field) except? 0xFFFFFFFFFFFFFFFF:
    return unsigned_of(value, field, 0, UINT64_MAX)


# Exactly None, bool, int, float or str.
cdef inline object value_of(object value):
    if value is None or value is True or value is False or type(value) is float:
        return value
    if isinstance(value, str):
        return text_of(value, "value", TEXT_BYTES)
    if isinstance(value, float):
        return PyFloat_AsDouble(value)
    if not PyIndex_Check(value):
        raise TypeError(
            f"value is {type(value).__name__}, allowed: None, bool, int, float or str"
        )
    number = PyNumber_Index(value)
    if not -0x8000000000000000 <= number <= 0xFFFFFFFFFFFFFFFF:
        raise ValueError(f"value is {number}, allowed: -2**63 to 2**64-1")
    return number


# Exactly None or float.
cdef inline object real_of(object value):
    if value is None or type(value) is float:
        return value
    if isinstance(value, bool):
        raise TypeError("value is bool, allowed: None or float")
    return PyFloat_AsDouble(value)


# Whether two values say the same: 80 and 80.0 do, 1 and True do not, NaN and NaN do.
cdef inline bint same_value(object one, object other) except -1:
    if one is other:
        return True
    if isinstance(one, bool) or isinstance(other, bool):
        return False
    return one == other or (one != one and other != other)


cdef inline bint same_fields(tuple ones, tuple others) except -1:
    for one, other in zip(ones, others, strict=True):
        if not same_value(one, other):
            return False
    return True


# ``text``: checked by text_of with a limit below 2**16, for which the caller has room.
cdef inline uint8_t *put_str(uint8_t *out, str text) except NULL:
    cdef Py_ssize_t size
    cdef const char *data = PyUnicode_AsUTF8AndSize(text, &size)
    return put_text(out, data, size)


cdef inline uint8_t *put_id(uint8_t *out, bytes identity) except NULL:
    cdef Py_ssize_t size
    cdef char *data
    PyBytes_AsStringAndSize(identity, &data, &size)
    return put_body(put_blob_head(out, <uint64_t> size), data, size)


# ``value``: checked by value_of.
cdef inline uint8_t *put_value(uint8_t *out, object value) except NULL:
    if value is None:
        return put_nil(out)
    if type(value) is float:
        return put_real(out, <double> value)
    if type(value) is bool:
        return put_boolean(out, value is True)
    if type(value) is str:
        return put_str(out, value)
    if value < 0:
        return put_signed(out, <int64_t> value)
    return put_unsigned(out, <uint64_t> value)


# A str of the envelope; "" with a fault. Raises MemoryError.
cdef inline str take_str(Cursor *cursor, Py_ssize_t limit, const char *allowed):
    cdef Py_ssize_t size
    cdef const uint8_t *data = take_bytes(cursor, TEXT, 0, limit, allowed, &size)
    if data == NULL:
        return ""
    try:
        return name_of(data, size)
    except UnicodeDecodeError as error:
        cursor.position -= 1
        refuse(cursor, BAD_FIELD, data - cursor.data + <Py_ssize_t> error.start, b"UTF-8")
        return ""


cdef inline str take_name(Cursor *cursor):
    return take_str(cursor, NAME_BYTES, b"str of at most 255 bytes")


# The id of a command; b"" with a fault. Raises MemoryError.
cdef inline bytes take_id(Cursor *cursor):
    cdef Py_ssize_t size
    cdef const uint8_t *data = take_bytes(
        cursor, BLOB, ID_BYTES, ID_BYTES, b"bin of 16 bytes", &size
    )
    return b"" if data == NULL else PyBytes_FromStringAndSize(<const char *> data, size)


# One of the stages inside their array, a u64; the position stays at the array.
cdef inline uint64_t take_stage(Cursor *cursor) noexcept nogil:
    cdef uint64_t stage = take_unsigned(cursor, 0, UINT64_MAX, b"int, 0 to 2**64-1")
    if cursor.fault == SOUND:
        cursor.position -= 1
    return stage


# nil, bool, int, float or str; None with a fault. Raises MemoryError.
cdef inline object take_value(Cursor *cursor):
    cdef Py_ssize_t head = cursor.at
    cdef Item item
    if read_item(cursor, &item) != 0:
        return None
    if item.shape == TEXT:
        cursor.at = head
        return take_str(cursor, TEXT_BYTES, b"str of at most 1,024 bytes")
    if item.shape > REAL:
        refuse(cursor, BAD_TYPE, head, b"nil, bool, int, float or str")
        return None
    cursor.position += 1
    if item.shape == REAL:
        return item.real
    if item.shape == UNSIGNED:
        return item.number
    if item.shape == NEGATIVE:
        return <int64_t> item.number
    return None if item.shape == NIL else item.number == 1


# nil or a number, as None or float; None with a fault. Raises MemoryError.
cdef inline object take_real(Cursor *cursor):
    cdef Item item
    if read_item(cursor, &item) != 0:
        return None
    if item.shape == BOOLEAN or item.shape > REAL:
        refuse(cursor, BAD_TYPE, cursor.last, b"nil, float or int")
        return None
    cursor.position += 1
    if item.shape == REAL:
        return item.real
    if item.shape == UNSIGNED:
        return <double> item.number
    return None if item.shape == NIL else <double> <int64_t> item.number
