"""What is wrong with a frame, in words: the code and the message of a MalformedFrame."""

from jacquemart.native.cursor cimport (
    BAD_FIELD, BAD_KIND, BAD_TYPE, BAD_VERSION, EMPTY, SOUND, TOO_BIG, TOO_DEEP, TRAILING,
    TRUNCATED, Cursor, Item, read_item,
)
from jacquemart.native.envelope cimport start


cdef inline str code_of(Cursor *cursor):
    if cursor.fault == EMPTY:
        return "empty"
    if cursor.fault == TRUNCATED:
        return "truncated"
    if cursor.fault == TRAILING:
        return "trailing"
    if cursor.fault == TOO_BIG:
        return "too_big"
    if cursor.fault == TOO_DEEP:
        return "too_deep"
    if cursor.fault == BAD_TYPE:
        return "bad_type"
    if cursor.fault == BAD_VERSION:
        return "bad_version"
    return "bad_kind" if cursor.fault == BAD_KIND else "bad_field"


# The name of one item of a frame; ``kind`` 0: only the envelope is known.
cdef inline str field_name(int kind, Py_ssize_t position):
    cdef tuple names = ("version", "kind")
    if kind == 1:
        names = (
            "version", "kind", "id", "principal", "device", "verb", "point", "value", "unit",
            "priority", "deadline_ns", "epoch", "first_ns",
        )
    elif kind == 2:
        names = (
            "version", "kind", "id", "device", "point", "status", "reason", "detail", "value",
            "stages",
        )
    elif kind == 3:
        names = (
            "version", "kind", "topic", "epoch", "sequence", "count", "slots", "values",
            "qualities", "source_ns", "receive_ns",
        )
    elif kind == 4:
        names = ("version", "kind", "topic", "epoch", "sequence", "sent_ns")
    if position < 0:
        return "its envelope"
    if position < len(names):
        return f"item {position} ({names[position]})"
    return f"item {position}"


# What stands at a byte, as far as its head can be read.
cdef inline str found_at(Cursor *cursor):
    cdef Cursor again
    cdef Item item
    start(&again, cursor.data, cursor.size)
    again.at = cursor.fault_at
    read_item(&again, &item)
    if again.fault == TRUNCATED:
        return "a truncated item"
    if again.fault != SOUND:
        return "an ext type"
    return (
        "nil", "bool", "int", "int", "float", "str", "bin", "array", "map",
    )[<int> item.shape]


cdef inline str message_of(Cursor *cursor, int kind):
    cdef str frame = (
        "frame", "command", "outcome", "batch", "heartbeat",
    )[kind if 0 <= kind <= 4 else 0]
    cdef str where = f"{field_name(kind, cursor.position)} at byte {cursor.fault_at}"
    cdef str allowed = "" if cursor.allowed == NULL else cursor.allowed.decode("ascii")
    if cursor.fault == EMPTY:
        return f"{frame} is empty, allowed: {allowed}"
    if cursor.fault == TRUNCATED:
        return f"{frame} ends in {where}, needed: {allowed}"
    if cursor.fault == TRAILING:
        return f"{frame} has {cursor.size - cursor.fault_at} bytes too many at byte " \
               f"{cursor.fault_at}"
    if cursor.fault == TOO_BIG:
        return f"{frame} has {cursor.size} bytes, allowed: {cursor.fault_at}"
    if cursor.fault == TOO_DEEP:
        return f"{frame} is nested too deep in {where}, allowed: {allowed}"
    if cursor.fault == BAD_TYPE:
        return f"{frame} has {found_at(cursor)} in {where}, allowed: {allowed}"
    return f"{frame} has a wrong {where}, allowed: {allowed}"
