"""The native desk; what it promises stands in the stub."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport uint8_t
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from jacquemart.native.digests cimport DIGEST_BYTES, Digest
from jacquemart.native.digests cimport begin as digest_begin
from jacquemart.native.digests cimport end as digest_end
from jacquemart.native.digests cimport take as digest_take
from jacquemart.native.frames cimport OutcomeFrame, command_of, decode_command, decode_outcome
from jacquemart.native.pump cimport boot_clock

from jacquemart.native.frames import MalformedFrame

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef enum:
    SHARD = 0                # places in a home
    ZONE = 1
    APPLIED = 0              # statuses
    REJECTED = 1
    SUPERSEDED = 5
    CANCELLED = 6

cdef uint64_t FAR = 1ULL << 62       # no deadline of ours lies there, nor one in wall time


cdef bytes digest_of(Command command):
    cdef str said = repr(
        (command.device, command.verb, command.point, command.value, command.unit)
    )
    cdef Py_ssize_t size
    cdef const char *text = PyUnicode_AsUTF8AndSize(said, &size)
    cdef Digest digest
    cdef uint8_t[DIGEST_BYTES] out
    digest_begin(&digest)
    digest_take(&digest, <const uint8_t *> text, size)
    digest_end(&digest, out)
    return PyBytes_FromStringAndSize(<const char *> out, DIGEST_BYTES)


@cython.final
@cython.auto_pickle(False)
cdef class Route:
    """To the cell that has a shard."""

    def __init__(self, Calls calls not None, uint64_t epoch, address):
        self.calls = calls
        self.epoch = epoch
        self.address = address


@cython.final
@cython.auto_pickle(False)
@cython.freelist(256)
cdef class Reply:
    """Answers who asked."""

    def __call__(self, bytes frame):
        return self.line.answer((self.peer, self.token, frame))


@cython.final
@cython.auto_pickle(False)
cdef class Zone:
    """What is looked at and changed of one zone."""


@cython.final
@cython.auto_pickle(False)
cdef class Sent(Awaited):
    """An entry that is with its cell."""

    cdef int answered(self, bytes frame) except -1:
        return self.desk.end(self, frame)


@cython.final
@cython.auto_pickle(False)
@cython.freelist(256)
cdef class Step:
    """One record of an entry on its way to the disk."""

    def __call__(self, error):
        """Hear that it is there (None), or why not."""
        self.told(error)

    cdef int told(self, object error) except -1:
        cdef Zone zone = self.zone
        if self.ends:
            if error is None and self.entry.state is self.desk.ended \
                    and not self.entry.stands_by_end:
                return self.desk.forget(zone, self.entry)
            zone.shell.end_written(self.entry, error)
        elif error is None:
            return self.desk.send(zone, self.entry)
        else:
            zone.shell.taken(self.entry, error)
        return 0

    cdef int take(self, object number, object epoch, object wall_ns) except -1:
        cdef Zone zone = self.zone
        cdef dict body = self.body, accepted
        cdef object window = zone.window, standing, place, setpoints, ended
        cdef tuple key = self.entry.key
        cdef bint plain
        if not self.ends:
            if key in zone.running or not body["boot_ns"]:
                self.long_way(number, epoch, wall_ns, body)
                return 0
            zone.state.sequence = number
            zone.clock.told(
                body["boot_ns"],
                body["boot_ns"] + body["deadline_wall_ns"] - body["deadline_ns"],
            )
            if body["verb"] == "set":
                body["sequence"] = number
            zone.running[key] = body
            if window.boot_ns < body["boot_ns"]:
                window.boot_ns = body["boot_ns"]
            return 0
        accepted = <dict> zone.running.get(key)
        standing = zone.standing
        plain = accepted is not None and "digest" in accepted
        if plain and accepted["verb"] == "set":
            plain = body["status"] == APPLIED and accepted["device"] not in standing.claims
        if not plain:
            self.long_way(number, epoch, wall_ns, self.desk.body_type(body, self.entry.frame))
            return 0
        zone.state.sequence = number
        del zone.running[key]
        if window.boot_ns < body["stages"][3]:
            window.boot_ns = body["stages"][3]
        ended = window.ended
        ended[key] = self.desk.ended_type(
            accepted["deadline_ns"], accepted["digest"], self.entry.frame
        )
        if len(ended) > window.kept:
            window.trim()
        if accepted["verb"] == "set":
            setpoints = standing.setpoints
            place = (accepted["device"], accepted["point"])
            if place not in setpoints:
                standing.points_changed()
            setpoints[place] = self.desk.setpoint_type(
                accepted["value"], accepted["principal"], accepted["priority"], wall_ns
            )
        return 0

    def long_way(self, number, epoch, wall_ns, body):
        """Have the state take the record as it takes every other."""
        cdef Desk desk = self.desk
        cdef object kind = desk.ended_kind if self.ends else desk.accepted_kind
        self.zone.state.apply(desk.record_type(number, epoch, wall_ns, kind, body))


@cython.final
@cython.auto_pickle(False)
cdef class Written:
    """Appends that go to disk as one."""

    def __init__(self, book, parts, wall_ns, record):
        self.book = book
        self.parts = parts
        self.wall_ns = wall_ns
        self.record = record
        self.last = 0

    def __call__(self, error):
        """Hear that all are on disk, or why none of them is."""
        cdef list told = [], raised = []
        cdef object following
        if error is None:
            following = self.last + 1
            for part in self.parts:
                following -= len(part[0])
            for part in self.parts:
                try:
                    self.apply(part[0], part[1], following)
                except BaseException as bug:  # raised below
                    raised.append(bug)
                else:
                    told.append(part[1])
                following += len(part[0])
            if len(told) > 1:
                told.insert(0, told.pop())
        else:
            told = [part[1] for part in self.parts]
        for done in told:
            try:
                if type(done) is Step:
                    (<Step> done).told(error)
                else:
                    done(error)
            except BaseException as bug:  # raised below
                raised.append(bug)
        if raised:
            raise raised[0]

    cdef int apply(self, object drafts, object done, object first) except -1:
        cdef object epoch = self.book.journal.epoch, state
        if type(done) is Step:
            return (<Step> done).take(first, epoch, self.wall_ns)
        state = self.book.state
        for kind, body in drafts:
            state.apply(self.record(first, epoch, self.wall_ns, kind, body))
            first += 1
        return 0


@cython.final
@cython.auto_pickle(False)
cdef class Desk(Carrier):
    """Takes the commands of a zone cell that nothing stands in the way of."""

    def __init__(
        self, shell not None, *, epoch, clock, claims, in_the_way, watched, refusals, counters,
        types, states, events, kinds, failure, overdue_ns, patience_ns, most_live, most_known,
        most_bytes, overhead,
    ):
        self.shell = shell
        self.epoch = epoch
        self.clock = clock
        self.claims = frozenset(claims)
        self.in_the_way, self.watched = tuple(in_the_way), tuple(watched)
        self.refusals, self.counters = refusals, counters
        self.entry_type, self.draft_type = types["entry"], types["draft"]
        self.record_type, self.setpoint_type = types["record"], types["setpoint"]
        self.ended_type, self.body_type = types["ended"], types["body"]
        self.received, self.dispatched, self.ended, self.gone = states
        self.durable, self.unsent = events
        self.accepted_kind, self.ended_kind = kinds
        self.failure = failure
        self.overdue_ns, self.patience_ns = overdue_ns, patience_ns
        self.most_live, self.most_known = most_live, most_known
        self.most_bytes, self.overhead = most_bytes, overhead
        self.homes, self.zones, self.routes = {}, {}, {}
        self.open = True
        if not issubclass(self.entry_type, Entry):
            raise TypeError("the entry type is no Entry")

    def have(self, zones not None, dict homes not None):
        """Have just these zones and devices; forget all routes."""
        cdef dict made = {}
        cdef Zone zone, known
        for name, shell in zones.items():
            known = <Zone> self.zones.get(name)
            if known is not None and known.shell is shell:
                made[name] = known
                continue
            zone = made[name] = Zone.__new__(Zone)
            zone.shell = shell
            zone.book, zone.state = shell.book, shell.book.state
            zone.window, zone.standing = zone.state.commands, zone.state.standing
            zone.clock = zone.state.clock
            zone.admissions = shell.admissions
            zone.live, zone.running = zone.admissions.live, zone.window.running
            zone.unasked = shell.unasked
            zone.admissions.behind = self.behind
        self.zones, self.homes = made, homes
        self.routes.clear()

    def forget_routes(self):
        """Ask the shell again for every route."""
        self.routes.clear()

    cdef int64_t now(self) except -1:
        return boot_clock() if self.clock is None else self.clock.boot_ns()

    cdef object wall(self):
        cdef timespec now
        if self.clock is not None:
            return self.clock.wall_ns()
        clock_gettime(CLOCK_REALTIME, &now)
        return <int64_t> now.tv_sec * 1000000000 + now.tv_nsec

    cdef Route route_to(self, object shard):
        cdef object found = self.routes.get(shard, self)
        if found is self:
            found = self.routes[shard] = self.shell.route_to(shard)
        return <Route?> found if found is not None else None

    cdef int carry(self, Line line, tuple message) except -1:
        cdef bytes frame = message[2]
        cdef const uint8_t *data = <const uint8_t *> PyBytes_AS_STRING(frame)
        cdef Command command
        cdef Zone zone
        cdef Reply reply
        cdef object home
        # A repeat that says so has an item more. Whatever is written in another way is rare.
        if PyBytes_GET_SIZE(frame) < 3 or data[0] != 0x9C or data[1] != 1 or data[2] != 1:
            return 0
        try:
            command = decode_command(frame)
        except MalformedFrame:
            return 0
        if command.epoch != 0 and command.epoch != self.epoch:
            return 0
        if isinstance(command.value, str) or command.verb in self.claims:
            return 0
        home = self.homes.get(command.device)
        if home is None:
            return 0
        zone = <Zone> self.zones.get(home[ZONE])
        if zone is None:
            return 0
        self.line = line
        reply = Reply.__new__(Reply)
        reply.line, reply.peer, reply.token = line, message[0], message[1]
        return self.accept(zone, command, reply)

    cdef int accept(self, Zone zone, Command command, Reply reply) except -1:
        cdef int64_t now = self.now(), size = self.overhead + len(command.device)
        cdef object admissions = zone.admissions, known = zone.window.ended
        cdef tuple key = (command.principal, command.id)
        cdef object deadline_ns = command.deadline_ns
        cdef Entry entry
        cdef dict body
        cdef bytes digest
        if command.deadline_ns <= <uint64_t> now or command.deadline_ns > FAR:
            return 0
        if zone.book.fault is not None or key in zone.live or key in known:
            return 0
        if self.line.behind or self.behind_ns:
            self.look_behind(now)
        if self.behind or admissions.crowded:
            return 0
        if (
            len(zone.live) >= self.most_live
            or admissions.bytes + size > self.most_bytes
            or len(zone.running) + len(known) >= self.most_known
        ):
            return 0
        digest = digest_of(command)
        body = {
            "id": command.id, "principal": command.principal, "device": command.device,
            "verb": command.verb, "point": command.point, "value": command.value,
            "unit": command.unit, "priority": command.priority, "deadline_ns": deadline_ns,
            "deadline_wall_ns": deadline_ns - now + self.wall(), "boot_ns": now,
            "digest": digest,
        }
        entry = <Entry> (<PyTypeObject *> self.entry_type).tp_new(
            self.entry_type, <PyObject *> (), NULL
        )
        entry.key, entry.digest, entry.payload = key, digest, command
        entry.deadline_ns, entry.received_ns = deadline_ns, now
        entry.size = size
        entry.state = self.received
        entry.waiters.append(reply)
        zone.live[key] = entry
        admissions.bytes += size
        admissions.entered += 1
        entry.number = admissions.entered
        if self.refusals:
            self.refusals.pop(key, None)  # this time it was not refused
        self.taken += 1
        self.counters["commands"] += 1
        self.write(zone, entry, body, False, True)
        return 1

    def look(self):
        """Find out whether messages wait too long; see the stub."""
        if self.behind_ns:
            self.look_behind(self.now())

    cdef int look_behind(self, int64_t now) except -1:
        cdef bint behind
        if not self.line.behind:
            self.behind_ns = 0
        elif not self.behind_ns:
            self.behind_ns = now
        behind = self.behind_ns and now - self.behind_ns >= self.patience_ns
        if behind != self.behind:
            self.behind = behind
            for zone in self.zones.values():
                (<Zone> zone).admissions.behind = behind
        return 0

    cdef int write(self, Zone zone, Entry entry, dict body, bint ends, bint hurry) except -1:
        cdef Step step = Step.__new__(Step)
        step.desk, step.zone, step.entry, step.body, step.ends = self, zone, entry, body, ends
        kind = self.ended_kind if ends else self.accepted_kind
        self.shell.append(zone.shell, self.draft_type(kind, body), step, hurry=hurry)
        return 0

    cdef int reached(self, Entry entry) except -1:
        for waiting in self.watched:
            if waiting:
                self.shell.reached(entry.key)
                return 0
        return 0

    cdef int send(self, Zone zone, Entry entry) except -1:
        cdef Command command
        cdef Route route = None
        cdef Sent sent
        cdef object home
        cdef bint plain = (
            entry.state is self.received and not entry.cancelled and not zone.unasked
            and entry.deadline_ns > self.now()
        )
        for container in self.in_the_way:
            if container:
                plain = False
        if plain:
            command = <Command?> entry.payload
            home = self.homes.get(command.device)
            if home is not None:
                route = self.route_to(home[SHARD])
        if route is None:
            zone.shell.happen(entry, self.durable)
            return 0
        entry.state = self.dispatched
        self.reached(entry)
        sent = Sent.__new__(Sent)
        sent.desk, sent.zone, sent.entry, sent.address = self, zone, entry, route.address
        frame = command_of(
            command.id, command.principal, command.device, command.verb, command.point,
            command.value, command.unit, command.priority, command.deadline_ns, route.epoch, 0,
        )
        try:
            if route.calls.request(frame, <int64_t> command.deadline_ns + self.overdue_ns, sent):
                return 0
        except self.failure:  # the directory has changed under our hands
            pass
        zone.shell.happen(entry, self.unsent)
        return 0

    cdef int end(self, Sent sent, bytes frame) except -1:
        cdef Entry entry = sent.entry
        cdef Zone zone = sent.zone
        cdef OutcomeFrame found = None
        cdef list waiters
        cdef dict body
        if frame is not None and entry.state is self.dispatched and not zone.shell.refused:
            try:
                found = decode_outcome(frame)
            except MalformedFrame:
                pass
        for container in self.in_the_way:
            if container:
                found = None
        if found is None or found.status == REJECTED:
            self.shell.answered(zone.shell, entry, sent.address, frame)
            return 0
        entry.frame = frame
        entry.state = self.ended
        if not entry.stands_by_end:
            waiters, entry.waiters = entry.waiters, []
            for waiter in waiters:
                if type(waiter) is Reply:
                    (<Reply> waiter).line.answer(
                        ((<Reply> waiter).peer, (<Reply> waiter).token, frame)
                    )
                else:
                    waiter(frame)
            self.reached(entry)
        body = {
            "id": entry.key[1], "principal": entry.key[0], "status": found.status,
            "reason": found.reason, "detail": found.detail, "value": found.value,
            "stages": [
                found.received_ns, found.dispatched_ns, found.acknowledged_ns, found.finished_ns,
            ],
        }
        # A successor should soon know of what was not sent, or it sends it after all.
        self.write(zone, entry, body, True, (
            entry.stands_by_end or found.status == SUPERSEDED or found.status == CANCELLED
        ))
        return 0

    cdef int forget(self, Zone zone, Entry entry) except -1:
        cdef object admissions = zone.admissions, at
        cdef int64_t now = self.now()
        cdef double each_ms
        entry.state = self.gone
        if zone.live.pop(entry.key, None) is not None:
            admissions.bytes -= entry.size
            admissions.ends += 1  # or a zone that keeps pace seems not to, and refuses
            at = admissions.ended_at
            if at:
                each_ms = min(1_000.0, (now - <int64_t> at) / 1e6)
                admissions.each_ms += (each_ms - <double> admissions.each_ms) / 64
            admissions.ended_at = now
        if entry.key in zone.standing.unresolved:
            self.shell.ended(zone.shell, entry)
        return 0
