"""The envelope around every frame, and the check of a whole frame; no Python object, no GIL."""

from libc.stdint cimport uint8_t, uint64_t

from jacquemart.native.cursor cimport (
    ARRAY, BAD_FIELD, BAD_KIND, BAD_TYPE, BAD_VERSION, BLOB, EMPTY, MAP, NEGATIVE, SOUND, TEXT,
    TOO_BIG, TOO_DEEP, TRAILING, UNSIGNED, Cursor, Item, read_item, refuse,
)

cdef enum:
    NESTING = 16             # containers inside each other, the envelope counted
    PROTOCOL = 1             # the version that stands in every frame
    LAST_KIND = 13


cdef inline void start(Cursor *cursor, const uint8_t *data, Py_ssize_t size) noexcept nogil:
    cursor.data = data
    cursor.size = size
    cursor.at = 0
    cursor.last = 0
    cursor.position = -1
    cursor.fault = SOUND
    cursor.fault_at = 0
    cursor.allowed = NULL


# Read the head of the envelope: its kind, 1..LAST_KIND, or -1 with a fault. ``items`` (OUT) is
# the number of its items, those two included. The version is judged before anything behind it.
cdef inline int open_envelope(Cursor *cursor, uint64_t *items) noexcept nogil:
    cdef Item item
    items[0] = 0
    if cursor.size == 0:
        return refuse(cursor, EMPTY, 0, b"an array [version, kind, ...]")
    if read_item(cursor, &item) != 0:
        return -1
    if item.shape != ARRAY:
        return refuse(cursor, BAD_TYPE, 0, b"an array [version, kind, ...]")
    if item.number < 2:
        return refuse(cursor, BAD_FIELD, 0, b"an array [version, kind, ...]")
    items[0] = item.number
    cursor.position = 0
    if read_item(cursor, &item) != 0:
        return -1
    if item.shape != UNSIGNED and item.shape != NEGATIVE:
        return refuse(cursor, BAD_TYPE, cursor.last, b"version 1")
    if item.shape != UNSIGNED or item.number != PROTOCOL:
        return refuse(cursor, BAD_VERSION, cursor.last, b"version 1")
    cursor.position = 1
    if read_item(cursor, &item) != 0:
        return -1
    if item.shape != UNSIGNED and item.shape != NEGATIVE:
        return refuse(cursor, BAD_TYPE, cursor.last, b"a kind, 1 to 13")
    if item.shape != UNSIGNED or item.number < 1 or item.number > LAST_KIND:
        return refuse(cursor, BAD_KIND, cursor.last, b"a kind, 1 to 13")
    cursor.position = 2
    return <int> item.number


# Open an envelope that must be of one kind and have ``items`` items, or up to ``more`` above that.
# How many above, or -1 with a fault.
cdef inline int open_between(
    Cursor *cursor, int kind, uint64_t items, int more, const char *kind_text,
    const char *items_text
) noexcept nogil:
    cdef uint64_t found
    cdef int found_kind = open_envelope(cursor, &found)
    if found_kind < 0:
        return -1
    if found_kind != kind:
        cursor.position = 1
        return refuse(cursor, BAD_KIND, cursor.last, kind_text)
    if found < items or found > items + <uint64_t> more:
        cursor.position = -1
        return refuse(cursor, BAD_FIELD, 0, items_text)
    return <int> (found - items)


# The same of one that has just so many items. 0, or -1 with a fault.
cdef inline int open_as(
    Cursor *cursor, int kind, uint64_t items, const char *kind_text, const char *items_text
) noexcept nogil:
    return open_between(cursor, kind, items, 0, kind_text, items_text)


# Nothing may stand behind the last item. 0, or -1 with a fault.
cdef inline int close_envelope(Cursor *cursor) noexcept nogil:
    if cursor.fault == SOUND and cursor.at != cursor.size:
        return refuse(cursor, TRAILING, cursor.at, b"the end of the frame")
    return -1 if cursor.fault != SOUND else 0


# Walk all items of a frame: its kind, or -1 with a fault. O(size), fixed memory: a stack of
# NESTING counters. A counter never starts above the bytes left, so the walk ends.
cdef inline int scan(Cursor *cursor, Py_ssize_t max_size) noexcept nogil:
    cdef uint64_t[NESTING] left          # items still to come, for each open container
    cdef bint[NESTING] pairs             # is a map: an even rest means that a key comes next
    cdef uint64_t items
    cdef int depth = 1
    cdef int kind
    cdef Item item
    if cursor.size > max_size:
        return refuse(cursor, TOO_BIG, max_size, b"a frame within the size limit")
    kind = open_envelope(cursor, &items)
    if kind < 0:
        return -1
    left[0] = items - 2
    pairs[0] = False
    while True:
        while left[depth - 1] == 0:
            depth -= 1
            if depth == 0:
                return -1 if close_envelope(cursor) != 0 else kind
        if depth == 1:
            cursor.position = <Py_ssize_t> (items - left[0])
        if read_item(cursor, &item) != 0:
            return -1
        if pairs[depth - 1] and left[depth - 1] & 1 == 0:
            if item.shape != TEXT and item.shape != BLOB and item.shape != UNSIGNED \
                    and item.shape != NEGATIVE:
                return refuse(cursor, BAD_TYPE, cursor.last, b"a map key: str, bin or int")
        left[depth - 1] -= 1
        if item.shape == ARRAY or item.shape == MAP:
            if depth == NESTING:
                return refuse(cursor, TOO_DEEP, cursor.last, b"at most 16 levels")
            pairs[depth] = item.shape == MAP
            left[depth] = item.number * 2 if pairs[depth] else item.number
            depth += 1
        elif item.shape == TEXT or item.shape == BLOB:
            cursor.at += <Py_ssize_t> item.number
