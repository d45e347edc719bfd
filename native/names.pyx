"""The native names; what they promise stands in the stub."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void *PyUnicode_1BYTE_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef enum:
    KEPT = 512               # a power of two
    MOST = 64                # bytes

PLACES = KEPT
LONGEST = MOST

cdef PyObject *kept[KEPT]


# Where a text is kept. Whoever finds two texts for one place only makes us forget one of them.
cdef inline Py_ssize_t place_of(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    cdef uint64_t word, mixed = <uint64_t> size
    cdef Py_ssize_t at = 0
    while at + 8 <= size:
        memcpy(&word, data + at, 8)
        mixed = (mixed ^ word) * <uint64_t> 0x9E3779B97F4A7C15ULL
        mixed ^= mixed >> 29
        at += 8
    if at < size:
        word = 0
        memcpy(&word, data + at, <size_t> (size - at))
        mixed = (mixed ^ word) * <uint64_t> 0x9E3779B97F4A7C15ULL
    return <Py_ssize_t> (mixed >> 55)


cdef str name_of(const uint8_t *data, Py_ssize_t size):
    cdef Py_ssize_t place
    cdef PyObject *old
    cdef str text
    if size == 0 or size > MOST:
        return PyUnicode_DecodeUTF8(<const char *> data, size, NULL)
    place = place_of(data, size)
    old = kept[place]
    if old != NULL:
        text = <str> old
        if (
            PyUnicode_GET_LENGTH(text) == size
            and memcmp(PyUnicode_1BYTE_DATA(text), data, <size_t> size) == 0
        ):
            return text
    text = PyUnicode_DecodeUTF8(<const char *> data, size, NULL)
    if PyUnicode_IS_COMPACT_ASCII(text):
        Py_INCREF(text)
        kept[place] = <PyObject *> text
        Py_XDECREF(old)
    return text


def again(bytes data not None):
    """Return a text, perhaps one that was made before."""
    return name_of(data, len(data))
