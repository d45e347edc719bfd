"""Bounds-checked reading of msgpack, one item at a time, without Python objects or the GIL.

Every byte of a frame is read through ``read_item``, so the bounds are checked in one place. The
first fault sticks: from then on every reader returns at once with nothing, and the caller looks
at ``fault`` once, at the end. Any valid encoding of an item is taken, not only the shortest.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef enum Fault:
    SOUND = 0
    EMPTY
    TRUNCATED
    TRAILING
    TOO_BIG
    TOO_DEEP
    BAD_TYPE
    BAD_VERSION
    BAD_KIND
    BAD_FIELD


cdef enum Shape:
    NIL
    BOOLEAN
    UNSIGNED
    NEGATIVE
    REAL
    TEXT
    BLOB
    ARRAY
    MAP


cdef struct Cursor:
    const uint8_t *data      # the frame; owned by the caller, who keeps it alive
    Py_ssize_t size          # bytes in it
    Py_ssize_t at            # next byte to read; never above size
    Py_ssize_t last          # first byte of the item that was read last
    Py_ssize_t position      # item that is being read, from 0; -1: the envelope
    Fault fault              # the first thing that was wrong
    Py_ssize_t fault_at      # the byte where it was found
    const char *allowed      # static text: what may stand there


cdef struct Item:
    Shape shape
    uint64_t number          # UNSIGNED, NEGATIVE (two's complement), BOOLEAN: the value;
    #                          TEXT, BLOB: bytes; ARRAY: items; MAP: pairs
    double real              # REAL: the value


# Remember the first fault; always -1, so that a caller can return it.
cdef inline int refuse(
    Cursor *cursor, Fault fault, Py_ssize_t at, const char *allowed
) noexcept nogil:
    if cursor.fault == SOUND:
        cursor.fault = fault
        cursor.fault_at = at
        cursor.allowed = allowed
    return -1


# Read the head of the next item and stand behind it (for TEXT and BLOB: at their first byte).
# 0, or -1 with a fault. What the head promises is there: a length never reaches beyond the
# frame, and a container never has more items than bytes are left.
cdef inline int read_item(Cursor *cursor, Item *item) noexcept nogil:  # item: OUT
    cdef const uint8_t *data = cursor.data
    cdef uint8_t head
    cdef int width = 0, i
    cdef uint64_t number = 0
    cdef uint32_t bits
    cdef float single
    cdef Py_ssize_t left
    if cursor.fault != SOUND:
        return -1
    cursor.last = cursor.at
    if cursor.at >= cursor.size:
        return refuse(cursor, TRUNCATED, cursor.at, b"more bytes")
    head = data[cursor.at]
    cursor.at += 1
    left = cursor.size - cursor.at

    if head < 0xC0:
        if head < 0x80:
            item.shape, item.number = UNSIGNED, head
            return 0
        if head < 0x90:
            item.shape, number = MAP, head & 0x0F
        elif head < 0xA0:
            item.shape, number = ARRAY, head & 0x0F
        else:
            item.shape, number = TEXT, head & 0x1F
    elif head >= 0xE0:
        item.shape, item.number = NEGATIVE, <uint64_t> <int8_t> head
        return 0
    else:
        if head == 0xC0:
            item.shape, item.number = NIL, 0
            return 0
        elif head == 0xC2 or head == 0xC3:
            item.shape, item.number = BOOLEAN, head & 1
            return 0
        elif head == 0xC4 or head == 0xC5 or head == 0xC6:
            item.shape, width = BLOB, 1 << (head - 0xC4)
        elif head == 0xCA or head == 0xCB:
            item.shape, width = REAL, 4 << (head - 0xCA)
        elif head == 0xCC or head == 0xCD or head == 0xCE or head == 0xCF:
            item.shape, width = UNSIGNED, 1 << (head - 0xCC)
        elif head == 0xD0 or head == 0xD1 or head == 0xD2 or head == 0xD3:
            item.shape, width = NEGATIVE, 1 << (head - 0xD0)
        elif head == 0xD9 or head == 0xDA or head == 0xDB:
            item.shape, width = TEXT, 1 << (head - 0xD9)
        elif head == 0xDC or head == 0xDD:
            item.shape, width = ARRAY, 2 << (head - 0xDC)
        elif head == 0xDE or head == 0xDF:
            item.shape, width = MAP, 2 << (head - 0xDE)
        else:
            return refuse(
                cursor, BAD_TYPE, cursor.last,
                b"nil, bool, int, float, str, bin, array or map; no ext types",
            )
        if width > left:
            return refuse(cursor, TRUNCATED, cursor.last, b"more bytes")
        for i in range(width):
            number = number << 8 | data[cursor.at + i]
        cursor.at += width
        left -= width

    item.number = number
    if item.shape == TEXT or item.shape == BLOB:
        if number > <uint64_t> left:
            return refuse(cursor, TRUNCATED, cursor.last, b"a length that the frame has")
    elif item.shape == ARRAY:
        if number > <uint64_t> left:
            return refuse(cursor, TRUNCATED, cursor.last, b"as many items as the frame has")
    elif item.shape == MAP:  # number is below 2**32: doubling it cannot overflow
        if number * 2 > <uint64_t> left:
            return refuse(cursor, TRUNCATED, cursor.last, b"as many pairs as the frame has")
    elif item.shape == REAL:
        if width == 8:
            memcpy(&item.real, &number, 8)
        else:
            bits = <uint32_t> number
            memcpy(&single, &bits, 4)
            item.real = single
    elif item.shape == NEGATIVE:
        if width == 1:
            item.number = <uint64_t> <int8_t> number
        elif width == 2:
            item.number = <uint64_t> <int16_t> number
        elif width == 4:
            item.number = <uint64_t> <int32_t> number
        if item.number >> 63 == 0:  # a signed encoding of a number that is not negative
            item.shape = UNSIGNED
    return 0


# Read an integer of the envelope, low..high; 0 if there is a fault.
cdef inline uint64_t take_unsigned(
    Cursor *cursor, uint64_t low, uint64_t high, const char *allowed
) noexcept nogil:
    cdef Item item
    if read_item(cursor, &item) != 0:
        return 0
    if item.shape != UNSIGNED and item.shape != NEGATIVE:
        refuse(cursor, BAD_TYPE, cursor.last, allowed)
        return 0
    if item.shape == NEGATIVE or item.number < low or item.number > high:
        refuse(cursor, BAD_FIELD, cursor.last, allowed)
        return 0
    cursor.position += 1
    return item.number


# Read a TEXT or BLOB of the envelope of low..high bytes and stand behind it. Its first byte, or
# NULL with a fault; ``length`` (OUT) is its size.
cdef inline const uint8_t *take_bytes(
    Cursor *cursor, Shape shape, Py_ssize_t low, Py_ssize_t high, const char *allowed,
    Py_ssize_t *length,
) noexcept nogil:
    cdef Item item
    cdef const uint8_t *start
    length[0] = 0
    if read_item(cursor, &item) != 0:
        return NULL
    if item.shape != shape:
        refuse(cursor, BAD_TYPE, cursor.last, allowed)
        return NULL
    if item.number < <uint64_t> low or item.number > <uint64_t> high:
        refuse(cursor, BAD_FIELD, cursor.last, allowed)
        return NULL
    start = cursor.data + cursor.at
    length[0] = <Py_ssize_t> item.number
    cursor.at += length[0]
    cursor.position += 1
    return start


# Read the head of an array inside the envelope, which must have so many items; the position
# stays at the array.
cdef inline void take_array(Cursor *cursor, uint64_t items, const char *allowed) noexcept nogil:
    cdef Item item
    if read_item(cursor, &item) != 0:
        return
    if item.shape != ARRAY:
        refuse(cursor, BAD_TYPE, cursor.last, allowed)
    elif item.number != items:
        refuse(cursor, BAD_FIELD, cursor.last, allowed)
