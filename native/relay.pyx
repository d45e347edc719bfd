"""The native relay; what it promises stands in the stub."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t
from libc.string cimport memcmp

from jacquemart.native.cursor cimport BLOB, TEXT, Cursor, take_bytes, take_unsigned
from jacquemart.native.envelope cimport open_envelope, start
from jacquemart.native.frames cimport Command, command_of, decode_command
from jacquemart.native.pump cimport boot_clock

from jacquemart.native.frames import MalformedFrame

cdef enum:
    OUTCOME = 2              # the kind of the frame
    REJECTED = 1             # the status
    SHARD = 0                # places in a home
    ZONE = 1
    VERBS = 3
    POINTS = 4


@cython.final
@cython.auto_pickle(False)
cdef class Way:
    """To the cell that has to have the commands of a place."""

    def __init__(self, Calls calls not None, uint64_t epoch):
        self.calls = calls
        self.epoch = epoch


@cython.final
@cython.auto_pickle(False)
cdef class Relayed:
    """A command that was sent on, and waits for its answer."""

    cdef int answered(self, bytes answer) except -1:
        cdef Relay relay = self.relay
        relay.in_hand -= 1
        try:
            if answer is None or may_be_sent_back(answer):
                relay.shell.carry_on(*self.message, self.home, self.received_ns, answer)
            else:
                self.line.answer((self.message[0], self.message[1], answer))
        finally:
            if relay.in_hand == 0 and relay.on_idle is not None:
                relay.on_idle()
        return 0

    cdef bytes leaving(self):
        return self.routed

    cdef int not_sent(self) except -1:
        cdef Relay relay = self.relay
        relay.in_hand -= 1
        relay.taken -= 1
        try:
            self.line.on_message(self.message)  # as if it had never been taken
        finally:
            if relay.in_hand == 0 and relay.on_idle is not None:
                relay.on_idle()
        return 0


@cython.final
@cython.auto_pickle(False)
cdef class Relay(Carrier):
    """Takes the commands of clients that nothing stands in the way of."""

    def __init__(
        self, shell not None, *, homes, waiting, clock, anonymous, furthest_ns, journalled_ns,
        volatile_ns, at_least_ns,
    ):
        self.shell = shell
        self.homes = homes
        self.ways = {}
        self.waiting = waiting
        self.clock = clock
        self.anonymous = anonymous
        self.furthest = furthest_ns
        self.journalled_ns, self.volatile_ns = journalled_ns, volatile_ns
        self.at_least_ns = at_least_ns
        self.open = True

    def forget_ways(self):
        """Ask the shell again for every way."""
        self.ways.clear()

    cdef int64_t now(self) except -1:
        return boot_clock() if self.clock is None else self.clock.boot_ns()

    cdef Way way_to(self, str place, bint volatile):
        cdef object found = self.ways.get(place, self)
        if found is self:
            found = self.ways[place] = self.shell.way_to(place, volatile)
        return <Way?> found if found is not None else None

    cdef int carry(self, Line line, tuple message) except -1:
        cdef bytes frame = message[2]
        cdef const uint8_t *data = <const uint8_t *> PyBytes_AS_STRING(frame)
        cdef Command command
        cdef Relayed relayed
        cdef Way way
        cdef object found
        cdef tuple home
        cdef str place
        cdef bint volatile
        cdef int64_t now, expires
        # A repeat that says so has an item more. Whatever is written in another way is rare.
        if PyBytes_GET_SIZE(frame) < 3 or data[0] != 0x9C or data[1] != 1 or data[2] != 1:
            return 0
        try:
            command = decode_command(frame)
        except MalformedFrame:
            return 0
        found = self.homes.get(command.device)
        if found is None:
            return 0
        if not isinstance(found, tuple) or len(<tuple> found) <= POINTS:
            raise TypeError(f"the home of {command.device} is {found!r}")
        home = <tuple> found  # with names for its fields, perhaps
        volatile = (
            command.point in home[POINTS] if command.verb == "set" else command.verb in home[VERBS]
        )
        place = home[SHARD] if volatile else home[ZONE]
        if place in self.waiting:
            return 0
        way = self.way_to(place, volatile)
        now = self.now()
        if way is None or command.deadline_ns <= <uint64_t> now \
                or command.deadline_ns - <uint64_t> now > <uint64_t> self.furthest:
            return 0
        relayed = Relayed.__new__(Relayed)
        relayed.relay, relayed.line, relayed.message = self, line, message
        relayed.home, relayed.received_ns = found, now
        expires = <int64_t> command.deadline_ns
        expires += self.volatile_ns if volatile else self.journalled_ns
        relayed.routed = command_of(
            command.id, command.principal or self.anonymous, command.device, command.verb,
            command.point, command.value, command.unit, command.priority, command.deadline_ns,
            way.epoch, 0,
        )
        if not way.calls.hold(relayed.routed, max(expires, now + self.at_least_ns), relayed):
            return 0
        self.in_hand += 1
        self.taken += 1
        return 1


cdef bint may_be_sent_back(bytes frame) noexcept:
    cdef Cursor cursor
    cdef uint64_t items
    cdef Py_ssize_t size
    cdef const uint8_t *reason
    start(&cursor, <const uint8_t *> PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame))
    if open_envelope(&cursor, &items) != OUTCOME:
        return False
    take_bytes(&cursor, BLOB, 0, cursor.size, b"", &size)
    take_bytes(&cursor, TEXT, 0, cursor.size, b"", &size)
    take_bytes(&cursor, TEXT, 0, cursor.size, b"", &size)
    if take_unsigned(&cursor, 0, 255, b"") != REJECTED:
        return False
    reason = take_bytes(&cursor, TEXT, 5, 5, b"", &size)
    return reason != NULL and (memcmp(reason, b"moved", 5) == 0 or memcmp(reason, b"clock", 5) == 0)
