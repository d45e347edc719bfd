"""The native fast path; what it promises stands in the stub."""

from sys import intern

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject, PyTypeObject
from libc.math cimport INFINITY, floor, isfinite
from libc.stdint cimport INT64_MAX, UINT64_MAX, uint8_t
from libc.string cimport memcmp, memcpy

from jacquemart.native.bundle cimport MOST, Packer, Piece, is_bundle, open_bundle
from jacquemart.native.cursor cimport SOUND, Cursor, take_unsigned
from jacquemart.native.eager cimport Begun, begin as begin_task
from jacquemart.native.envelope cimport start
from jacquemart.native.fields cimport NAME_BYTES, take_name, take_value
from jacquemart.native.frames cimport Command
from jacquemart.native.lease cimport Gate
from jacquemart.native.names cimport name_of
from jacquemart.native.prototype cimport slots_at
from jacquemart.native.pump cimport boot_clock
from jacquemart.native.slots cimport (
    BUSY, MAILBOX, TROUBLES, free_names, is_free, of_slot, to_slot,
)
from jacquemart.native.window cimport Known
from jacquemart.native.writer cimport put_body, put_nil, put_real, put_unsigned

cdef extern from "Python.h":
    bint PyCoro_CheckExact(object it)
    object PyObject_VectorcallMethod(
        object name, PyObject *const *args, size_t count, PyObject *names
    )

cdef extern from *:
    """
    static const unsigned char JQ_COMMAND_HEAD[] = {0x9C, 1, 1, 0xC4, 16};
    static const unsigned char JQ_OUTCOME_HEAD[] = {0x9A, 1, 2, 0xC4, 16};
    static const unsigned char JQ_APPLIED_OK[] = {0, 0xA2, 'o', 'k', 0xA0};
    """
    const uint8_t *COMMAND_HEAD "JQ_COMMAND_HEAD"  # up to the identity
    const uint8_t *OUTCOME_HEAD "JQ_OUTCOME_HEAD"  # up to the identity
    const uint8_t *APPLIED_OK "JQ_APPLIED_OK"      # status, reason, detail

#: What ``take`` returns for what goes the long way.
LONG_WAY = object()

cdef object long_way = LONG_WAY

cdef enum:
    TOKEN = 64               # bytes of a token, at most
    HEAD = 5                 # bytes before an identity
    ID = 16
    APPLIED_ROOM = HEAD + ID + 2 * (3 + NAME_BYTES) + 5 + 9 + 1 + 4 * 9

#: Names of the slots, in the order of the .pxd.
SLOT_NAMES = (*free_names(), "shard", "_owner", "_last", "_rank", "_sent", "_task", "_mark")


@cython.final
@cython.auto_pickle(False)
cdef class Plan:
    """How a kind does one of its commands with a plain value."""

    def __init__(
        self, method, *, checked, takes, optional, whole, persists, low, high, unit,
    ):
        self.method = intern(method)
        self.checked, self.takes, self.optional = checked, takes, optional
        self.whole, self.persists = whole, persists
        self.low = -INFINITY if low is None else low
        self.high = INFINITY if high is None else high
        self.unit = unit


cpdef tuple content_of(Command command):
    """Return what must be the same when a command comes again, device, verb and point first."""
    return as_content(command.device, command.verb, command.point, command.value, command.unit)


cdef inline tuple as_content(str device, str verb, str point, object value, str unit):
    if type(value) is not float or not isfinite(<double> value):
        if value is True or value is False or value != value:  # no number, and equal to itself
            value = repr(value)
    return device, verb, point, value, unit


# A name in its shortest form; one in another form as well. Raises UnicodeDecodeError.
cdef inline str quick_name(Cursor *cursor):
    cdef Py_ssize_t size, at = cursor.at
    if cursor.fault == SOUND and at < cursor.size and cursor.data[at] & 0xE0 == 0xA0:
        size = cursor.data[at] & 0x1F
        if size < cursor.size - at:
            cursor.at = at + 1 + size
            return "" if size == 0 else name_of(cursor.data + at + 1, size)
    return take_name(cursor)


# The OUTCOME of a command that was done: what says who it is stands in its own frame.
cdef bytes applied_frame(Ticket ticket, const Said *said):
    cdef uint8_t[APPLIED_ROOM] room
    cdef uint8_t *out = room
    memcpy(out, OUTCOME_HEAD, HEAD)
    memcpy(out + HEAD, said.data + HEAD, ID)
    out += HEAD + ID
    out = put_body(out, <const char *> said.data + said.device, said.verb - said.device)
    out = put_body(out, <const char *> said.data + said.point, said.value - said.point)
    memcpy(out, APPLIED_OK, 5)  # its status, its reason, and no detail
    out += 5
    out = put_nil(out) if ticket.result is None else put_real(out, <double> ticket.result)
    out[0] = 0x94
    out = put_unsigned(out + 1, <uint64_t> ticket.received_ns)
    out = put_unsigned(out, <uint64_t> ticket.dispatched_ns)
    out = put_unsigned(out, <uint64_t> ticket.acknowledged_ns)
    out = put_unsigned(out, <uint64_t> ticket.finished_ns)
    return PyBytes_FromStringAndSize(<const char *> room, out - room)


@cython.final
@cython.auto_pickle(False)
@cython.freelist(64)
cdef class Ending:
    """Tells the shell of an end."""

    def __call__(self, ticket):
        cdef const char *data = PyBytes_AS_STRING(self.whole)
        cdef bytes token = self.token, frame = self.whole
        if token is None:
            token = PyBytes_FromStringAndSize(data + self.token_at, self.token_size)
        if self.size != PyBytes_GET_SIZE(frame):
            frame = PyBytes_FromStringAndSize(data + self.at, self.size)
        self.shell.ended(self.key, ticket, self.server, self.peer, token, frame)


@cython.final
@cython.auto_pickle(False)
cdef class FastPath:
    """Takes the commands of a device cell that nothing stands in the way of."""

    def __init__(
        self, *, epoch, devices, window, marks, clock, shell, ticket_type, plan_for, empty,
        inherits, applied, raised,
    ):
        self.epoch = epoch
        self.devices = devices
        self.window = window
        self.marks = marks
        self.clock = clock
        self.shell = shell
        self.ticket_type = ticket_type
        self.plan_for = plan_for
        self.empty = tuple(empty)
        self.applied = applied
        self.raised = tuple(raised)
        self.kinds = {}
        self.packer = Packer.__new__(Packer)
        self.open = True
        self.inherits = inherits
        if not issubclass(ticket_type, Ticket):
            raise TypeError("ticket_type is no Ticket")

    cdef int64_t now(self) except -1:
        return boot_clock() if self.clock is None else self.clock.boot_ns()

    cdef Kind kind_of(self, object actor):
        cdef Kind kind = <Kind> self.kinds.get(type(actor))
        if kind is None:
            kind = self.kinds[type(actor)] = Kind.__new__(Kind)
            kind.plans = dict(self.plan_for(type(actor)))
            if not slots_at(type(actor), SLOT_NAMES, kind.at):  # it has made something else of one
                kind.plans = {}
        return kind

    def serve(self, server):
        """Have ``server`` answer what comes later."""
        self.server = server

    def take(self, bytes frame not None, server, bytes peer not None, bytes token not None):
        """Do a command; see the stub."""
        self.moment = 0
        return self.do(frame, 0, len(frame), server, peer, token, 0, 0)

    cdef int offer(self, Line line, tuple message) except -1:
        cdef object answer
        cdef bytes frame
        if len(message) != 3 or len(<bytes> message[1]) > TOKEN:
            return 0
        frame = <bytes> message[2]
        if PyBytes_GET_SIZE(frame) and PyBytes_AS_STRING(frame)[0] != <char> 0x9C and is_bundle(
            <const uint8_t *> PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame)
        ):
            return self.take_bundle(line, message)
        try:
            self.moment = 0
            answer = self.do(
                frame, 0, PyBytes_GET_SIZE(frame), self.server, <bytes> message[0],
                <bytes> message[1], 0, 0,
            )
        except Exception as error:  # our bug: said to the asker, and to nobody else's harm
            self.shell.failed(error, self.server, message[0], message[1], message[2])
            return 1
        if answer is long_way:
            return 0
        if answer is not None:
            line.answer((message[0], message[1], answer))
        return 1

    cdef int hand_on(self, Line line, tuple message) except -1:
        try:
            line.on_message(message)
        except Exception as error:  # one bad message never stops the others
            line.on_error(error)
        return 0

    cdef int take_bundle(self, Line line, tuple message) except -1:
        cdef bytes peer = message[0], whole = message[2], token, frame, answer
        cdef const uint8_t *data = <const uint8_t *> PyBytes_AS_STRING(whole)
        cdef object found, fault
        cdef Piece[MOST] pieces
        cdef Cursor cursor
        cdef Py_ssize_t n, count = open_bundle(
            &cursor, data, PyBytes_GET_SIZE(whole), pieces
        )
        if count < 0:
            return 0
        line.more += count
        self.packer.clear()
        self.moment = 0
        line.inside = True
        try:
            for n in range(count):
                found, fault = long_way, None
                try:
                    found = self.do(
                        whole, pieces[n].frame - data, pieces[n].size, self.server, peer, None,
                        pieces[n].token - data, pieces[n].token_size,
                    )
                except Exception as error:  # our bug: said to the asker, and to nobody else's harm
                    fault = error
                if found is long_way:
                    self.moment = 0
                    token = PyBytes_FromStringAndSize(
                        <const char *> pieces[n].token, pieces[n].token_size
                    )
                    frame = PyBytes_FromStringAndSize(
                        <const char *> pieces[n].frame, pieces[n].size
                    )
                    if fault is None:
                        self.hand_on(line, (peer, token, frame))
                    else:
                        self.shell.failed(fault, self.server, peer, token, frame)
                elif found is not None:
                    answer = <bytes> found
                    self.packer.add(
                        pieces[n].token, pieces[n].token_size,
                        <const uint8_t *> PyBytes_AS_STRING(answer), PyBytes_GET_SIZE(answer),
                    )
        finally:
            line.inside = False
        line.answer((peer, message[1], self.packer.taken()))
        return 1

    cdef object do(
        self, bytes whole, Py_ssize_t at, Py_ssize_t size, object server, bytes peer,
        bytes token, Py_ssize_t token_at, Py_ssize_t token_size
    ):
        cdef Said said
        cdef Cursor cursor
        cdef Kind kind
        cdef Plan plan
        cdef Ticket ticket
        cdef Known known
        cdef Ending ending
        cdef tuple key, content
        cdef str principal, device, verb, point, unit
        cdef bytes identity
        cdef object actor, value
        cdef int64_t now
        if not self.open:
            return long_way
        for container in self.empty:
            if container:
                return long_way
        said.data = <const uint8_t *> PyBytes_AS_STRING(whole) + at
        if size < HEAD or memcmp(said.data, COMMAND_HEAD, HEAD) != 0:
            return long_way
        start(&cursor, said.data, size)
        cursor.at = HEAD + ID
        try:
            principal = quick_name(&cursor)
            said.device = cursor.at
            device = quick_name(&cursor)
            said.verb = cursor.at
            verb = quick_name(&cursor)
            said.point = cursor.at
            point = quick_name(&cursor)
            said.value = cursor.at
            value = take_value(&cursor)
            unit = quick_name(&cursor)
        except UnicodeDecodeError:  # the long way says so
            return long_way
        said.priority = <int> take_unsigned(&cursor, 1, 16, b"")
        said.end = cursor.at
        said.deadline_ns = <int64_t> take_unsigned(&cursor, 0, INT64_MAX, b"")
        said.epoch = take_unsigned(&cursor, 0, UINT64_MAX, b"")
        if cursor.fault != SOUND or cursor.at != size:
            return long_way
        if said.epoch != 0 and said.epoch != self.epoch:
            return long_way
        actor = self.devices.get(device)
        if actor is None:
            return long_way
        kind = self.kind_of(actor)
        plan = <Plan> kind.plans.get(verb)
        if plan is None:
            return long_way
        now = self.moment if self.moment else self.now()
        self.moment = 0
        if now >= said.deadline_ns:
            return long_way
        identity = PyBytes_FromStringAndSize(<const char *> said.data + HEAD, ID)
        key = (principal, identity)
        content = as_content(device, verb, point, value, unit)
        known = self.window.of(key)
        if known is not None:
            if known.running or known.content != content:
                return long_way
            self.taken += 1
            return known.result
        if not is_free(actor, kind.at) or not self.may_act(of_slot(actor, kind.at[SHARD])):
            return long_way
        if not plan_takes(plan, value, unit):
            return long_way
        if self.inherits and self.shell.stands_in_the_way(principal, identity):
            return long_way
        ending = Ending.__new__(Ending)
        ending.shell, ending.key, ending.server, ending.peer = self.shell, key, server, peer
        ending.whole, ending.at, ending.size = whole, at, size
        ending.token, ending.token_at, ending.token_size = token, token_at, token_size
        ticket = <Ticket> (<PyTypeObject *> self.ticket_type).tp_new(
            self.ticket_type, <PyObject *> (), NULL
        )
        ticket.id, ticket.principal, ticket.device = identity, principal, device
        ticket.verb, ticket.point, ticket.unit = verb, point, unit
        ticket.value = ticket.said = value
        ticket.priority = said.priority
        ticket.deadline_ns = said.deadline_ns
        ticket.received_ns = now
        ticket.end = ending
        known = self.window.enter(key, content)
        self.taken += 1
        return self.begin(actor, kind, plan, ticket, key, known, &said)

    cdef bint may_act(self, object shard) except -1:
        cdef object permit = shard.permit
        if permit is None:
            return True
        if permit is not self.permit:  # its gate stays with it
            self.permit = permit
            self.gate = permit.gate
        if type(self.gate) is Gate:
            if (<Gate> self.gate).until <= 0:
                return False
        elif not self.gate.until_ns:
            return False
        return not permit.unrestored

    cdef object begin(
        self, object actor, Kind kind, Plan plan, Ticket ticket, tuple key, Known known,
        const Said *said
    ):
        cdef PyObject* arguments[2]
        cdef object result, answer = None
        cdef str device = ticket.device, point = ticket.point
        cdef bytes identity = ticket.id
        cdef object later = False
        cdef bint done = False
        cdef int64_t mark
        to_slot(actor, kind.at[OWNER], ticket)
        to_slot(actor, kind.at[BUSY], True)
        mark = self.marks.begin_with(said.data + 3, said.end - 3, ticket)
        to_slot(actor, kind.at[LAST], ticket)
        to_slot(actor, kind.at[RANK], ticket.priority)
        if plan.checked and ticket.value is not None:
            ticket.value = <double> ticket.value
        try:
            arguments[0], arguments[1] = <PyObject *> actor, <PyObject *> ticket
            result = PyObject_VectorcallMethod(plan.method, arguments, 2, NULL)
            if PyCoro_CheckExact(result):
                result = begin_task(actor.host.loop, result)
            if type(result) is Begun:
                later = actor._goes_on(ticket, result)
            elif ticket.ended or of_slot(actor, kind.at[SENT]) is ticket:
                later = actor._returned(ticket, result)
            else:
                if type(result) is not float:
                    result = float(result) if isinstance(result, (int, float)) else None
                ticket.put_end(self.applied, "ok", "", result, self.now())
                done = True
            if (
                of_slot(actor, kind.at[TROUBLES]) is not None
                and of_slot(actor, kind.at[TASK]) is None
            ):
                actor._troubles.handled(ticket)
        except self.raised as error:
            later = actor._fail(ticket, error)
        if done:
            if ticket.device is device and ticket.point is point and ticket.id is identity:
                answer = applied_frame(ticket, said)
            else:  # its handler has made something else of it
                answer = ticket.encoded()
            self.moment = ticket.finished_ns  # the next one of this drain comes now
            for waiter in self.window.close(known, key, answer, ticket.finished_ns) or ():
                waiter(answer)
            ticket.end = None
        if plan.persists:
            actor.persist()
        if later is False:
            self.marks.over(mark)
        else:
            mark = self.marks.returned(mark, later=of_slot(actor, kind.at[TASK]) is not None)
            to_slot(actor, kind.at[MARK], mark)
        to_slot(actor, kind.at[BUSY], later)
        if not later and of_slot(actor, kind.at[MAILBOX]):
            actor.next_message()
        return answer


# Whether a value is one that a plan takes as it is.
cdef bint plan_takes(Plan plan, object value, str unit) except -1:
    cdef double number
    if not plan.checked:
        return True
    if value is None:
        return plan.optional or not plan.takes
    if not plan.takes or (type(value) is not float and type(value) is not int):
        return False
    number = <double> value
    if not isfinite(number) or number < plan.low or number > plan.high:
        return False
    if plan.whole and number != floor(number):
        return False
    return not unit or unit == plan.unit
