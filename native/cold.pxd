"""A whole frame as Python objects, for the kinds that are not decoded field by field."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint64_t

from jacquemart.native.cursor cimport (
    ARRAY, BAD_FIELD, BLOB, BOOLEAN, NEGATIVE, NIL, REAL, TEXT, TOO_DEEP, UNSIGNED, SOUND,
    Cursor, Item, read_item, refuse,
)
from jacquemart.native.envelope cimport NESTING


# The next item and all inside it; None with a fault in the cursor. ``depth``: containers it
# stands in, plus one. The frame was scanned before, so map keys can be hashed. Raises MemoryError.
cdef inline object take_any(Cursor *cursor, int depth):
    cdef Item item
    cdef const char *body
    cdef Py_ssize_t head = cursor.at
    if read_item(cursor, &item) != 0:
        return None
    if item.shape == UNSIGNED:
        return item.number
    if item.shape == NEGATIVE:
        return <int64_t> item.number
    if item.shape == REAL:
        return item.real
    if item.shape == BOOLEAN:
        return item.number == 1
    if item.shape == NIL:
        return None
    if item.shape == TEXT or item.shape == BLOB:
        body = <const char *> cursor.data + cursor.at
        cursor.at += <Py_ssize_t> item.number
        if item.shape == BLOB:
            return PyBytes_FromStringAndSize(body, <Py_ssize_t> item.number)
        try:
            return PyUnicode_DecodeUTF8(body, <Py_ssize_t> item.number, NULL)
        except UnicodeDecodeError as error:
            refuse(
                cursor, BAD_FIELD,
                cursor.at - <Py_ssize_t> item.number + <Py_ssize_t> error.start, b"UTF-8",
            )
            return None
    if depth > NESTING:
        refuse(cursor, TOO_DEEP, head, b"at most 16 levels")
        return None
    if item.shape == ARRAY:
        return _take_array(cursor, item.number, depth)
    return _take_map(cursor, item.number, depth)


cdef inline list _take_array(Cursor *cursor, uint64_t count, int depth):
    cdef list items = []
    cdef uint64_t i
    for i in range(count):
        if depth == 1:
            cursor.position = <Py_ssize_t> i
        items.append(take_any(cursor, depth + 1))
        if cursor.fault != SOUND:
            return None
    return items


cdef inline dict _take_map(Cursor *cursor, uint64_t count, int depth):
    cdef dict pairs = {}
    cdef uint64_t _i
    cdef Py_ssize_t head
    for _i in range(count):
        head = cursor.at
        key = take_any(cursor, depth + 1)
        if cursor.fault == SOUND and key in pairs:
            refuse(cursor, BAD_FIELD, head, b"each key once in a map")
        pairs[key] = take_any(cursor, depth + 1)
        if cursor.fault != SOUND:
            return None
    return pairs
