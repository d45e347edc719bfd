# Columns of numbers as they come from callers: buffers read in place, sequences copied.
#
# Only inline functions, so that any module may cimport it without an extension of its own.
# Owner: whoever declared the Column; it calls shut_column exactly once, in a finally clause.
# A column may stand at any address (a blob inside a received frame), so items are read with
# memcpy, which compilers turn into one unaligned load.

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer)
from cpython.float cimport PyFloat_AsDouble
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.number cimport PyNumber_AsSsize_t, PyNumber_Index
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "columns are little-endian and read in place; this machine is not little-endian"
    #endif
    """

cdef enum Kind:  # what the items are, by their letter in the buffer protocol
    SLOTS = 73      # 'I', uint32
    VALUES = 100    # 'd', float64
    QUALITIES = 66  # 'B', uint8
    TIMES = 113     # 'q', int64 ns

cdef struct Column:
    const char* data  # first item, any alignment; inside view, or the owned copy
    Py_ssize_t count  # items
    char* owned       # copy of a sequence, else NULL
    Py_buffer view    # valid while held
    bint held


cdef inline uint32_t slot_at(const Column* column, Py_ssize_t row) noexcept nogil:
    cdef uint32_t item
    memcpy(&item, column.data + 4 * row, 4)
    return item


cdef inline double value_at(const Column* column, Py_ssize_t row) noexcept nogil:
    cdef double item
    memcpy(&item, column.data + 8 * row, 8)
    return item


cdef inline uint8_t quality_at(const Column* column, Py_ssize_t row) noexcept nogil:
    return <uint8_t>column.data[row]


cdef inline int64_t time_at(const Column* column, Py_ssize_t row) noexcept nogil:
    cdef int64_t item
    memcpy(&item, column.data + 8 * row, 8)
    return item


cdef inline Py_ssize_t size_of(Kind kind) noexcept nogil:
    return 4 if kind == SLOTS else 1 if kind == QUALITIES else 8


cdef inline double as_value(object item) except? -1.0:
    """Return a number as a double; one too large for it counts as infinite."""
    try:
        return PyFloat_AsDouble(item)
    except OverflowError:
        return INFINITY


cdef inline uint8_t as_quality(object item) except? 255:
    cdef Py_ssize_t quality = PyNumber_AsSsize_t(item, ValueError)
    if not 0 <= quality <= 255:
        raise ValueError(f"quality {quality} is not a byte (0 to 255)")
    return <uint8_t>quality


cdef inline int64_t as_time(object item) except? -1:
    try:
        return PyNumber_Index(item)
    except OverflowError:
        raise ValueError(f"time {item} ns does not fit 64 bits") from None


cdef inline int put_item(char* place, object item, Kind kind) except -1:
    cdef uint32_t slot
    cdef double value
    cdef int64_t time_ns
    cdef Py_ssize_t index
    if kind == SLOTS:
        index = PyNumber_AsSsize_t(item, IndexError)
        if not 0 <= index <= <Py_ssize_t>0xFFFFFFFF:
            raise IndexError(f"slot {index} is not in the table")
        slot = <uint32_t>index
        memcpy(place, &slot, 4)
    elif kind == VALUES:
        value = as_value(item)
        memcpy(place, &value, 8)
    elif kind == TIMES:
        time_ns = as_time(item)
        memcpy(place, &time_ns, 8)
    else:
        place[0] = <char>as_quality(item)
    return 0


cdef inline int check_format(const Py_buffer* view, Kind kind) except -1:
    """Return the bytes of an item: the kind's own, or 1 for a raw little-endian blob."""
    cdef const char* text = view.format
    if text == NULL:  # the protocol's way to say: bytes
        text = "B"
    if text[0] in (c"@", c"=", c"<"):
        text += 1
    cdef char letter = text[0] if text[0] != 0 and text[1] == 0 else 0
    if view.itemsize == 1 and letter in (c"B", c"b", c"c"):
        return 1
    if view.itemsize == size_of(kind) and (
        letter == kind
        or (kind == SLOTS and letter == c"L")
        or (kind == TIMES and letter == c"l")
    ):
        return <int>view.itemsize
    raise ValueError(f"items of format {text.decode()!r}, {view.itemsize} bytes")


cdef inline int open_column(Column* column, object source, Kind kind, str name) except -1:
    """Fill a column from a buffer (held, not copied) or any iterable of numbers (copied).

    A buffer has the kind's own format, or is bytes: then it is the column's raw form, as
    PointTable.drain returns it. ValueError otherwise; IndexError for an impossible slot.
    """
    cdef Py_ssize_t row, size = size_of(kind)
    cdef tuple items
    column.owned = NULL
    column.held = False
    if PyObject_CheckBuffer(source):
        try:
            PyObject_GetBuffer(source, &column.view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
            column.held = True
            if column.view.ndim != 1:
                raise ValueError(f"{column.view.ndim} dimensions, not one")
            if check_format(&column.view, kind) != size and column.view.len % size:
                raise ValueError(f"{column.view.len} bytes are no whole items of {size}")
        except (BufferError, ValueError) as error:
            raise ValueError(f"column {name}: {error}") from None
        column.data = <const char*>column.view.buf
        column.count = column.view.len // size
        return 0
    # A tuple: number conversions may run foreign code, which could shorten a list.
    items = tuple(source)
    column.count = len(items)
    column.owned = <char*>PyMem_Malloc(column.count * size + 1)
    if column.owned == NULL:
        raise MemoryError
    column.data = column.owned
    for row in range(column.count):
        put_item(column.owned + row * size, items[row], kind)
    return 0


cdef inline void shut_column(Column* column) noexcept:
    """Give back what open_column took; also after it failed, and for a zeroed column."""
    PyMem_Free(column.owned)
    column.owned = NULL
    if column.held:
        column.held = False
        PyBuffer_Release(&column.view)
