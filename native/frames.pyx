"""The wire frames: one msgpack envelope, and the hot kinds encoded and decoded natively.

Layouts and limits stand in docs/protocol.md. ``cursor``, ``envelope`` and ``writer`` read and
write bytes without Python objects, ``fields`` turns items into objects; here are the kinds.
Encoding writes into a buffer on the stack, whose size follows from the limits that every
constructor enforces.
"""

import msgpack

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport UINT64_MAX

from jacquemart.native.batch cimport open_in_place, put_batch, take_batch
from jacquemart.native.cold cimport take_any
from jacquemart.native.cursor cimport TOO_BIG, Cursor, refuse, take_array, take_unsigned
from jacquemart.native.envelope cimport (
    close_envelope, open_as, open_between, open_envelope, scan, start,
)
from jacquemart.native.faults cimport code_of, message_of
from jacquemart.native.fields cimport (
    NAME_BYTES, TEXT_BYTES, bytes_of, id_of, put_id, put_str, put_value, real_of, same_fields,
    shortened_of, take_id, take_name, take_real, take_stage, take_str, take_value, text_of,
    u64_of, unsigned_of, value_of,
)
from jacquemart.native.writer cimport put_unsigned

from jacquemart.native.batch import Batch  # no-cython-lint: users take it from here

cdef enum:
    SIZE_LIMIT = 16777216    # bytes of a frame, where the caller names no other limit
    COMMAND_ROOM = 3 + 18 + 5 * (3 + NAME_BYTES) + 3 + TEXT_BYTES + 4 * 9
    OUTCOME_ROOM = 3 + 18 + 3 * (3 + NAME_BYTES) + 3 + TEXT_BYTES + 1 + 6 * 9
    BEAT_ROOM = 3 + 3 + NAME_BYTES + 3 * 9


class MalformedFrame(ValueError):
    """A peer sent bytes that break the protocol: the peer's fault; a retry cannot help.

    Attributes: ``code`` ("empty" "truncated" "trailing" "too_big" "too_deep" "bad_type"
    "bad_version" "bad_kind" "bad_field") and ``offset``, the byte where it was found.
    """

    def __init__(self, code, offset, message):
        super().__init__(message)
        self.code = code
        self.offset = offset

    def __reduce__(self):
        return MalformedFrame, (self.code, self.offset, self.args[0])


cdef object malformed(Cursor *cursor, int kind):
    return MalformedFrame(code_of(cursor), cursor.fault_at, message_of(cursor, kind))


cdef void start_at(Cursor *cursor, bytes frame) noexcept:
    start(cursor, <const uint8_t *> PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame))


@cython.final
@cython.no_gc
@cython.freelist(256)
cdef class Command:
    """A request to act. Immutable; positional construction in the order of the fields.

    Equal commands say the same on the wire, but for the form of a number: 80 equals 80.0.
    Raises TypeError or ValueError that names the field: the caller's bug.
    """

    def __init__(
        self, id, principal, device, verb, point, value, unit, priority, deadline_ns, epoch,
        first_ns=0,
    ):
        if self.id is not None:
            raise TypeError("a Command is immutable")
        self.principal = text_of(principal, "principal", NAME_BYTES)
        self.device = text_of(device, "device", NAME_BYTES)
        self.verb = text_of(verb, "verb", NAME_BYTES)
        self.point = text_of(point, "point", NAME_BYTES)
        self.value = value_of(value)
        self.unit = text_of(unit, "unit", NAME_BYTES)
        self.priority = <uint8_t> unsigned_of(priority, "priority", 1, 16)
        self.deadline_ns = u64_of(deadline_ns, "deadline_ns")
        self.epoch = u64_of(epoch, "epoch")
        self.first_ns = u64_of(first_ns, "first_ns")
        self.id = id_of(id)

    def with_route(self, principal, epoch, first_ns=0):
        """Return the same command as the gateway passes it on: who asks, and which epoch.

        It is no repeat, whatever this one is, unless ``first_ns`` says so.
        """
        cdef Command other = Command.__new__(Command)
        other.principal = text_of(principal, "principal", NAME_BYTES)
        other.epoch = u64_of(epoch, "epoch")
        other.first_ns = u64_of(first_ns, "first_ns")
        other.device, other.verb, other.point = self.device, self.verb, self.point
        other.value, other.unit, other.priority = self.value, self.unit, self.priority
        other.deadline_ns, other.id = self.deadline_ns, self.id
        return other

    cdef tuple fields(self):
        return (
            self.id, self.principal, self.device, self.verb, self.point, self.value, self.unit,
            self.priority, self.deadline_ns, self.epoch, self.first_ns,
        )

    def __eq__(self, other):
        if not isinstance(other, Command):
            return NotImplemented
        return same_fields(self.fields(), (<Command> other).fields())

    def __hash__(self):
        return hash(self.id)

    def __repr__(self):
        return f"Command{self.fields()!r}"

    def __reduce__(self):
        return Command, self.fields()


@cython.final
@cython.no_gc
@cython.freelist(256)
cdef class OutcomeFrame:
    """The wire form of an outcome; stages are four boot-clock ns (0 = not reached).

    A detail is for people: one longer than 1,024 bytes is shortened, so that no outcome is lost
    for its words. Raises TypeError or ValueError that names the field: the caller's bug.
    """

    def __init__(
        self, id, device, point, status, reason, detail, value, received_ns, dispatched_ns,
        acknowledged_ns, finished_ns,
    ):
        if self.id is not None:
            raise TypeError("an OutcomeFrame is immutable")
        self.device = text_of(device, "device", NAME_BYTES)
        self.point = text_of(point, "point", NAME_BYTES)
        self.status = <uint8_t> unsigned_of(status, "status", 0, 255)
        self.reason = text_of(reason, "reason", NAME_BYTES)
        self.detail = shortened_of(detail, "detail", TEXT_BYTES)
        self.value = real_of(value)
        self.received_ns = u64_of(received_ns, "received_ns")
        self.dispatched_ns = u64_of(dispatched_ns, "dispatched_ns")
        self.acknowledged_ns = u64_of(acknowledged_ns, "acknowledged_ns")
        self.finished_ns = u64_of(finished_ns, "finished_ns")
        self.id = id_of(id)

    cdef tuple fields(self):
        return (
            self.id, self.device, self.point, self.status, self.reason, self.detail, self.value,
            self.received_ns, self.dispatched_ns, self.acknowledged_ns, self.finished_ns,
        )

    def __eq__(self, other):
        if not isinstance(other, OutcomeFrame):
            return NotImplemented
        return same_fields(self.fields(), (<OutcomeFrame> other).fields())

    def __hash__(self):
        return hash(self.id)

    def __repr__(self):
        return f"OutcomeFrame{self.fields()!r}"

    def __reduce__(self):
        return OutcomeFrame, self.fields()


@cython.final
@cython.no_gc
@cython.freelist(8)
cdef class Heartbeat:
    """A sign of life of an idle stream, with the last sequence that it published."""

    def __init__(self, topic, epoch, sequence, sent_ns):
        if self.topic is not None:
            raise TypeError("a Heartbeat is immutable")
        self.epoch = u64_of(epoch, "epoch")
        self.sequence = u64_of(sequence, "sequence")
        self.sent_ns = u64_of(sent_ns, "sent_ns")
        self.topic = text_of(topic, "topic", NAME_BYTES)

    cdef tuple fields(self):
        return self.topic, self.epoch, self.sequence, self.sent_ns

    def __eq__(self, other):
        if not isinstance(other, Heartbeat):
            return NotImplemented
        return same_fields(self.fields(), (<Heartbeat> other).fields())

    def __hash__(self):
        return hash(self.fields())

    def __repr__(self):
        return f"Heartbeat{self.fields()!r}"

    def __reduce__(self):
        return Heartbeat, self.fields()


def check(frame, Py_ssize_t max_size=SIZE_LIMIT):
    """Check a whole frame without allocating and return its kind; O(len).

    Raises MalformedFrame: empty, over ``max_size``, truncated, trailing bytes, nested too deep,
    an ext type, an unknown version or kind; the peer's fault.
    """
    return judge(frame, max_size, True)


def kind_of(frame):
    """Return the kind of a frame from its first bytes only; raises MalformedFrame."""
    return judge(frame, 0, False)


# The kind of a frame, from the whole of it or from its envelope. Raises MalformedFrame.
cdef int judge(object frame, Py_ssize_t max_size, bint whole) except -1:
    cdef Cursor cursor
    cdef Py_buffer view
    cdef uint64_t items
    cdef int kind
    PyObject_GetBuffer(frame, &view, PyBUF_SIMPLE)
    try:
        start(&cursor, <const uint8_t *> view.buf, view.len)
        kind = scan(&cursor, max_size) if whole else open_envelope(&cursor, &items)
        if kind < 0:
            raise malformed(&cursor, 0)
        return kind
    finally:
        PyBuffer_Release(&view)


cdef uint8_t *put_head(uint8_t *out, int kind, int items) noexcept nogil:
    out[0] = <uint8_t> (0x90 | items)
    out[1] = VERSION
    out[2] = <uint8_t> kind
    return out + 3


cdef uint64_t take_u64(Cursor *cursor) noexcept nogil:
    return take_unsigned(cursor, 0, UINT64_MAX, b"int, 0 to 2**64-1")


def encode_command(Command command not None):
    """Encode a command."""
    return command_of(
        command.id, command.principal, command.device, command.verb, command.point, command.value,
        command.unit, command.priority, command.deadline_ns, command.epoch, command.first_ns,
    )


cdef bytes command_of(
    bytes identity, str principal, str device, str verb, str point, object value, str unit,
    uint8_t priority, uint64_t deadline_ns, uint64_t epoch, uint64_t first_ns
):
    cdef uint8_t[COMMAND_ROOM] room
    cdef uint8_t *out = put_head(room, COMMAND, 13 if first_ns else 12)
    out = put_id(out, identity)
    out = put_str(out, principal)
    out = put_str(out, device)
    out = put_str(out, verb)
    out = put_str(out, point)
    out = put_value(out, value)
    out = put_str(out, unit)
    out = put_unsigned(out, priority)
    out = put_unsigned(out, deadline_ns)
    out = put_unsigned(out, epoch)
    if first_ns:
        out = put_unsigned(out, first_ns)
    return PyBytes_FromStringAndSize(<const char *> room, out - room)


cpdef Command decode_command(object frame):
    """Decode a command.

    Raises MalformedFrame: any field of wrong type, length or range; the peer's fault. NaN
    passes: it is the receiver's to refuse with a proper outcome.
    """
    cdef bytes data = bytes_of(frame)
    cdef Cursor cursor
    cdef Command command = Command.__new__(Command)
    start_at(&cursor, data)
    cdef bint repeat = open_between(
        &cursor, COMMAND, 12, 1, b"1, a command", b"an array of 12 or 13 items"
    ) > 0
    command.id = take_id(&cursor)
    command.principal = take_name(&cursor)
    command.device = take_name(&cursor)
    command.verb = take_name(&cursor)
    command.point = take_name(&cursor)
    command.value = take_value(&cursor)
    command.unit = take_name(&cursor)
    command.priority = <uint8_t> take_unsigned(&cursor, 1, 16, b"int, 1 to 16")
    command.deadline_ns = take_u64(&cursor)
    command.epoch = take_u64(&cursor)
    if repeat:
        command.first_ns = take_u64(&cursor)
    if close_envelope(&cursor) != 0:
        raise malformed(&cursor, COMMAND)
    return command


def encode_outcome(OutcomeFrame outcome not None):
    """Encode an outcome."""
    return outcome_of(
        outcome.id, outcome.device, outcome.point, outcome.status, outcome.reason, outcome.detail,
        outcome.value, outcome.received_ns, outcome.dispatched_ns, outcome.acknowledged_ns,
        outcome.finished_ns,
    )


cdef bytes outcome_of(
    bytes identity, str device, str point, uint8_t status, str reason, str detail, object value,
    uint64_t received_ns, uint64_t dispatched_ns, uint64_t acknowledged_ns, uint64_t finished_ns
):
    cdef uint8_t[OUTCOME_ROOM] room
    cdef uint8_t *out = put_head(room, OUTCOME, 10)
    out = put_id(out, identity)
    out = put_str(out, device)
    out = put_str(out, point)
    out = put_unsigned(out, status)
    out = put_str(out, reason)
    out = put_str(out, detail)
    out = put_value(out, value)
    out[0] = 0x94
    out = put_unsigned(out + 1, received_ns)
    out = put_unsigned(out, dispatched_ns)
    out = put_unsigned(out, acknowledged_ns)
    out = put_unsigned(out, finished_ns)
    return PyBytes_FromStringAndSize(<const char *> room, out - room)


cpdef OutcomeFrame decode_outcome(object frame):
    """Decode an outcome. Raises MalformedFrame: the peer's fault."""
    cdef bytes data = bytes_of(frame)
    cdef Cursor cursor
    cdef OutcomeFrame outcome = OutcomeFrame.__new__(OutcomeFrame)
    start_at(&cursor, data)
    open_as(&cursor, OUTCOME, 10, b"2, an outcome", b"an array of 10 items")
    outcome.id = take_id(&cursor)
    outcome.device = take_name(&cursor)
    outcome.point = take_name(&cursor)
    outcome.status = <uint8_t> take_unsigned(&cursor, 0, 255, b"int, 0 to 255")
    outcome.reason = take_name(&cursor)
    outcome.detail = take_str(&cursor, TEXT_BYTES, b"str of at most 1,024 bytes")
    outcome.value = take_real(&cursor)
    take_array(&cursor, 4, b"an array of 4 items")
    outcome.received_ns = take_stage(&cursor)
    outcome.dispatched_ns = take_stage(&cursor)
    outcome.acknowledged_ns = take_stage(&cursor)
    outcome.finished_ns = take_stage(&cursor)
    if close_envelope(&cursor) != 0:
        raise malformed(&cursor, OUTCOME)
    return outcome


def encode_heartbeat(Heartbeat beat not None):
    """Encode a heartbeat."""
    cdef uint8_t[BEAT_ROOM] room
    cdef uint8_t *out = put_str(put_head(room, HEARTBEAT, 6), beat.topic)
    out = put_unsigned(put_unsigned(put_unsigned(out, beat.epoch), beat.sequence), beat.sent_ns)
    return PyBytes_FromStringAndSize(<const char *> room, out - room)


def decode_heartbeat(frame):
    """Decode a heartbeat. Raises MalformedFrame: the peer's fault."""
    cdef bytes data = bytes_of(frame)
    cdef Cursor cursor
    cdef Heartbeat beat = Heartbeat.__new__(Heartbeat)
    start_at(&cursor, data)
    open_as(&cursor, HEARTBEAT, 6, b"4, a heartbeat", b"an array of 6 items")
    beat.topic = take_name(&cursor)
    beat.epoch = take_u64(&cursor)
    beat.sequence = take_u64(&cursor)
    beat.sent_ns = take_u64(&cursor)
    if close_envelope(&cursor) != 0:
        raise malformed(&cursor, HEARTBEAT)
    return beat


def encode_batch(topic, epoch, sequence, slots, values, qualities, source_ns, receive_ns):
    """Encode columns of one length: buffers of u32, f64, u8, i64 and i64, or plain bytes.

    Raises TypeError, ValueError or BufferError: the caller's bug.
    """
    return put_batch(
        text_of(topic, "topic", NAME_BYTES), u64_of(epoch, "epoch"), u64_of(sequence, "sequence"),
        (slots, values, qualities, source_ns, receive_ns), SIZE_LIMIT,
    )


def decode_batch(frame):
    """Decode a batch in place. Raises MalformedFrame: the peer's fault."""
    cdef Cursor cursor
    cdef object owner = open_in_place(&cursor, frame)
    if cursor.size > SIZE_LIMIT:
        refuse(&cursor, TOO_BIG, SIZE_LIMIT, NULL)
    open_as(&cursor, BATCH, 11, b"3, a batch", b"an array of 11 items")
    cdef object batch = take_batch(&cursor, owner)
    if close_envelope(&cursor) != 0:
        raise malformed(&cursor, BATCH)
    return batch


def unpack(frame, Py_ssize_t max_size=SIZE_LIMIT):
    """Check, then decode a frame whole; return the list, version and kind included.

    Raises MalformedFrame: as ``check``, or text that is not UTF-8, or a key twice in a map.
    """
    check(frame, max_size)
    cdef bytes data = bytes_of(frame)
    cdef Cursor cursor
    start_at(&cursor, data)
    items = take_any(&cursor, 1)
    if close_envelope(&cursor) != 0:
        raise malformed(&cursor, 0)
    return items


def pack(*fields):
    """Encode a cold frame: ``pack(kind, field, ...)`` puts the version first.

    Raises TypeError, ValueError or OverflowError for what no frame can hold: the caller's bug.
    """
    unsigned_of(fields[0] if fields else None, "kind", BULK, CLAIM)
    cdef bytes frame = msgpack.packb([VERSION, *fields], use_bin_type=True)
    check(frame, len(frame))
    return frame
