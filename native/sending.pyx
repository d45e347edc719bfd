"""The native way of actors' commands; what it promises stands in the stub."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t

from jacquemart.native.fields cimport (
    NAME_BYTES, TEXT_BYTES, id_of, put_id, put_str, put_value, text_of, value_of,
)
from jacquemart.native.frames cimport COMMAND, VERSION, OutcomeFrame, decode_command, decode_outcome
from jacquemart.native.lease cimport Gate
from jacquemart.native.prototype cimport slots_at
from jacquemart.native.pump cimport boot_clock
from jacquemart.native.slots cimport of_slot
from jacquemart.native.ticket cimport Ticket
from jacquemart.native.writer cimport put_body, put_unsigned
from jacquemart.native.wording cimport check_row, new_identity, outcome_row

from jacquemart.native.frames import MalformedFrame

cdef extern from "Python.h":
    bint PyCoro_CheckExact(object it)

cdef enum:
    NOBODY_CAUSES = 0
    OWNER_CAUSES = 1
    ACTOR_KNOWS = 2
    COMMAND_ROOM = 3 + 18 + 5 * (3 + NAME_BYTES) + 3 + TEXT_BYTES + 4 * 9

#: Names of the slots, in the order of the .pxd.
SLOT_NAMES = ("_stopped", "_parked", "id", "shard", "_owner")


cdef bytes text_item(str text):
    cdef uint8_t[3 + NAME_BYTES] room
    return PyBytes_FromStringAndSize(<const char *> room, put_str(room, text) - room)


@cython.final
@cython.auto_pickle(False)
cdef class Route:
    """A place that commands to a device go to."""

    def __init__(self, where, Calls calls not None, epoch, patience_ns):
        self.where = where
        self.calls = calls
        self.epoch = epoch
        self.patience_ns = patience_ns


@cython.final
@cython.auto_pickle(False)
cdef class Issuer:
    """How a type of actors commands."""

    def __init__(self, kind, *, by_id, causes):
        slots_at(kind, SLOT_NAMES, self.at)
        self.by_id = by_id
        self.causes = {"nobody": NOBODY_CAUSES, "owner": OWNER_CAUSES, "ask": ACTOR_KNOWS}[causes]
        # Whoever has made something else of a slot is asked the long way.
        self.known = (
            min(self.at[STOPPED], self.at[PARKED], self.at[NAME]) >= 0
            and (self.at[SHARD] >= 0 or not hasattr(kind, "shard"))
            and (self.at[OWNER] >= 0 or self.causes != OWNER_CAUSES)
        )


@cython.final
@cython.auto_pickle(False)
cdef class Sent(Awaited):
    """One command that left natively."""

    @property
    def command(self):
        """The command, as it left."""
        return decode_command(self.frame)

    cdef int answered(self, bytes frame) except -1:
        cdef object outcome
        if self.over or self.taken_by is not None or self.way is None:
            return 0
        outcome = self.way.end_in(frame) if frame is not None else None
        if outcome is None:
            self.way.shell.take_over(self, frame)
            return 0
        return self.way.finish(self, outcome)

    cdef bytes leaving(self):
        cdef object gate
        if self.permit is None:
            return self.frame
        gate = self.permit.gate
        if (
            ((<Gate> gate).is_open() if type(gate) is Gate else gate.open())
            and self.permit.losses == self.losses and not self.permit.unrestored
        ):
            return self.frame
        return None

    cdef int not_sent(self) except -1:
        if not self.over and self.taken_by is None:
            self.way.shell.not_sent(self)
        return 0

    def leave_now(self):
        """Leave now, if it is held for the end of this turn."""
        self.route.calls.leave_now()


@cython.final
@cython.auto_pickle(False)
cdef class Sending:
    """Sends the commands of a cell's actors that nothing stands in the way of."""

    def __init__(
        self, *, most_routes, UnderWay under_way not None, dict waiting not None, clock, new_id,
        shell, least_ns, outcome_type, stages_type, statuses, rejected, unknown, raised,
    ):
        check_row(outcome_type, 8)
        check_row(stages_type, 4)
        self.routes = {}
        self.issuers = {}
        self.most_routes = most_routes
        self.under_way = under_way
        self.waiting = waiting
        self.clock, self.new_id = clock, new_id
        self.shell = shell
        self.least_ns = least_ns
        self.outcome_type, self.stages_type = outcome_type, stages_type
        self.statuses = dict(statuses)
        self.rejected, self.unknown = rejected, unknown
        self.raised = tuple(raised)
        self.open = True

    cdef int64_t now(self) except -1:
        return boot_clock() if self.clock is None else self.clock.boot_ns()

    def learn(self, device, verb, point, Route route not None):
        """Know where a command goes; see the stub."""
        if len(self.routes) >= self.most_routes:
            self.routes.clear()
        route.texts = (
            text_item(text_of(device, "device", NAME_BYTES))
            + text_item(text_of(verb, "verb", NAME_BYTES))
            + text_item(text_of(point, "point", NAME_BYTES))
        )
        self.routes[device, verb, point] = route

    def knows(self, device, verb, point):
        """Return whether it is known where a command goes."""
        return (device, verb, point) in self.routes

    def forget(self):
        """Know no way any more."""
        self.routes.clear()

    def command(self, actor, device, verb, value, point, unit, within_s, priority, then):
        """Send a command within a time; see the stub."""
        cdef int64_t now = self.now()
        cdef double within
        if type(within_s) is not float and type(within_s) is not int:
            return False
        within = within_s
        return self.go(
            actor, device, verb, value, point, unit, priority, now, now + <int64_t> (within * 1e9),
            then, True,
        )

    def command_by(
        self, actor, device, verb, value, point, unit, int64_t deadline_ns, priority, told
    ):
        """Send a command by a deadline; see the stub."""
        return self.go(
            actor, device, verb, value, point, unit, priority, self.now(), deadline_ns, told, False
        )

    cdef bint go(
        self, object actor, object device, object verb, object value, object point, object unit,
        object priority, int64_t now, int64_t deadline_ns, object told, bint guarded
    ) except -1:
        cdef Route route
        cdef Issuer issuer
        cdef Sent sent
        cdef object permit = None, cause = None
        cdef bytes frame, identity
        cdef int64_t losses = 0
        cdef int rank
        if not self.open or self.waiting or deadline_ns <= now:
            return False
        issuer = <Issuer> self.issuers.get(type(actor))
        if issuer is None:
            issuer = <Issuer?> self.shell.issuer_of(type(actor))
            self.issuers[type(actor)] = issuer
        if not issuer.known:
            return False
        if of_slot(actor, issuer.at[STOPPED]) or of_slot(actor, issuer.at[PARKED]):
            return False
        try:
            route = <Route> self.routes.get((device, verb, point))
        except TypeError:  # no text, and not even a key: the long way says so
            return False
        if route is None or type(priority) is not int:
            return False
        if not 1 <= priority <= 16:
            return False
        rank = priority
        if issuer.at[SHARD] >= 0:
            permit = of_slot(actor, issuer.at[SHARD]).permit
            if permit is not None:
                if not self.has_lease(permit, now) or permit.unrestored:
                    return False
                losses = permit.losses
        if not self.under_way.has_room(actor, rank):
            return False
        if issuer.causes == OWNER_CAUSES:
            cause = of_slot(actor, issuer.at[OWNER])
            # A row of a bulk command that is in columns is a set, and no cause of anything.
            if (
                not isinstance(cause, Ticket) or (<Ticket> cause).ended
                or (<Ticket> cause).verb == "set"
            ):
                cause = None
        elif issuer.causes == ACTOR_KNOWS:
            cause = actor._cause()
        identity = new_identity() if self.new_id is None else self.new_id()
        try:
            frame = self.frame_of(
                identity, of_slot(actor, issuer.at[NAME]) if issuer.by_id else actor.principal,
                route, value, unit, rank, deadline_ns,
            )
        except (TypeError, ValueError, OverflowError):  # the long way says what is wrong with it
            return False
        sent = Sent.__new__(Sent)
        sent.way, sent.actor, sent.told, sent.guarded = self, actor, told, guarded
        sent.cause, sent.frame, sent.route = cause, frame, route
        sent.received_ns, sent.losses, sent.permit = now, losses, permit
        if cause is not None:
            (<Ticket?> cause).acted = True
            if cause is not self.noted:
                self.shell.note_cause(cause)
        # Before it leaves: who is asked for what is under way while it does shall find it.
        self.under_way.put(actor, sent)
        try:
            if route.calls.hold(
                frame, max(deadline_ns + route.patience_ns, now + self.least_ns), sent
            ):
                self.taken += 1
                return True
        except BaseException:
            self.under_way.take_out(actor, sent)
            raise
        self.under_way.take_out(actor, sent)
        return False

    cdef bint has_lease(self, object permit, int64_t now) except -1:
        if permit is not self.permit:  # its gate stays with it
            self.permit, self.gate = permit, permit.gate
        if type(self.gate) is Gate and self.clock is None:
            return now < (<Gate> self.gate).until
        return self.gate.open()

    cdef bytes frame_of(
        self, bytes identity, object principal, Route route, object value, object unit, int rank,
        int64_t deadline_ns
    ):
        cdef uint8_t[COMMAND_ROOM] room
        cdef uint8_t *out = put_id(room + 3, id_of(identity))
        room[0], room[1], room[2] = 0x9C, VERSION, COMMAND
        out = put_str(out, text_of(principal, "principal", NAME_BYTES))
        out = put_body(out, PyBytes_AS_STRING(route.texts), PyBytes_GET_SIZE(route.texts))
        out = put_value(out, value_of(value))
        out = put_str(out, text_of(unit, "unit", NAME_BYTES))
        out = put_unsigned(out, <uint64_t> rank)
        out = put_unsigned(out, <uint64_t> deadline_ns)
        out = put_unsigned(out, route.epoch)
        return PyBytes_FromStringAndSize(<const char *> room, out - room)

    cdef object end_in(self, bytes frame):
        cdef OutcomeFrame got
        cdef object status
        try:
            got = decode_outcome(frame)
        except MalformedFrame:  # or another kind of answer
            return None
        status = self.statuses.get(got.status, self.unknown)
        if status is self.rejected:
            return None
        return outcome_row(self.outcome_type, self.stages_type, status, got)

    cdef int finish(self, Sent sent, object outcome) except -1:
        cdef object told = sent.told, result
        sent.over = True
        if not self.under_way.take_out(sent.actor, sent) or told is None:
            return 0
        if not sent.guarded:
            told(outcome)
            return 0
        try:
            result = told(outcome)
            if result is not None and PyCoro_CheckExact(result):
                self.shell.is_async(sent.actor, result)
        except self.raised as error:
            sent.actor.host.failed(sent.actor, error)
        return 0
