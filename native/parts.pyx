"""The native parts; what they promise stands in the stub."""

cimport cython
from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from libc.math cimport NAN, fabs, fmax
from libc.string cimport memset

from jacquemart.native.prototype cimport Prototype, slot_at, slots_at
from jacquemart.native.results cimport NameWriter
from jacquemart.native.rows cimport STALE_AGE
from jacquemart.native.slots cimport BUSY, CLAIMS, free_names, is_free, of_slot, to_slot
from jacquemart.native.ticket cimport Ticket

cdef extern from "Python.h":
    # What is in no cycle need not be looked at by the collector: of 100,000 devices it is the half
    # of what making it costs. Whoever frees an object does not mind.
    void PyObject_GC_UnTrack(object it)

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void *place) noexcept nogil

cdef enum:
    AHEAD = 8                # actors between asking for one's memory and using it
    LINE = 64                # bytes that memory comes in
    LINES = 4                # of an actor


# Have the memory of an actor come.
cdef inline void ask_for(PyObject *actor) noexcept nogil:
    cdef int line
    for line in range(LINES):
        prefetch(<char *> actor + LINE * line)


#: Slots of an actor that are looked at, in the order of the fields.
FIELDS = (
    *free_names(), "_aside", "_beside", "_owner", "_last", "_rank", "base", "shard", "spec",
    "template", "id",
)


#: What differs between the bound points of devices of one template.
BOUND = ("slot", "device", "address")


@cython.final
@cython.auto_pickle(False)
cdef class Shape:
    """Where the actors of a class have what is looked at."""

    def __init__(self, kind):
        cdef Py_ssize_t field
        if not slots_at(kind, FIELDS, self.at):
            field = next(field for field in range(FIELD_COUNT) if self.at[field] < 0)
            raise TypeError(f"{kind.__name__}.{FIELDS[field]} is no slot")

    cdef object of_spec(self, object spec, Py_ssize_t at, str name):
        if type(spec) is not self.spec_kind:
            if self.spec_kind is not None:
                return getattr(spec, name)
            self.spec_kind = type(spec)
            self.link_at = slot_at(self.spec_kind, "link")
            self.parameters_at = slot_at(self.spec_kind, "parameters")
            return getattr(spec, name)
        return of_slot(spec, at) if at >= 0 else getattr(spec, name)

    cdef bint is_plain(self, object actor) except -1:
        return (
            is_free(actor, self.at)
            and not of_slot(actor, self.at[ASIDE])
            and not of_slot(actor, self.at[BESIDE])
        )


@cython.final
@cython.auto_pickle(False)
cdef class Outcomes:
    """The result of a bulk command in a cell."""

    def __cinit__(self, Py_ssize_t count):
        cdef Py_ssize_t at
        if count < 0:
            raise ValueError(f"count is {count}, allowed: 0 or more")
        self.count = count
        self.statuses = <uint8_t *> PyMem_Malloc(count + 1)
        self.values = <double *> PyMem_Malloc(8 * count + 1)
        self.dispatched = <uint64_t *> PyMem_Malloc(8 * count + 1)
        self.finished = <uint64_t *> PyMem_Malloc(8 * count + 1)
        if (
            self.statuses == NULL or self.values == NULL or self.dispatched == NULL
            or self.finished == NULL
        ):
            raise MemoryError
        memset(self.statuses, 0, count)
        memset(self.dispatched, 0, 8 * count)
        memset(self.finished, 0, 8 * count)
        for at in range(count):
            self.values[at] = NAN
        self.named = NameWriter.__new__(NameWriter)

    def __dealloc__(self):
        PyMem_Free(self.statuses)
        PyMem_Free(self.values)
        PyMem_Free(self.dispatched)
        PyMem_Free(self.finished)

    def put(self, Py_ssize_t at, int status, value, uint64_t dispatched, uint64_t finished):
        """Put in how one device ended."""
        if not 0 <= at < self.count:
            raise IndexError(f"device {at} of {self.count}")
        if not 0 <= status <= 255:
            raise ValueError(f"status {status} is no byte")
        self.values[at] = NAN if value is None else <double> value
        self.statuses[at] = <uint8_t> status
        self.dispatched[at], self.finished[at] = dispatched, finished

    def names(self, list actors not None):
        """Return the ids of all devices."""
        cdef Py_ssize_t at
        if len(actors) != self.count:
            raise ValueError(f"{len(actors)} devices of {self.count}")
        for at in range(self.named.count, self.count):
            self.named.put(actors[at].id)
        return self.named.names()

    def columns(self):
        """Return statuses, values, times of dispatch and of ends."""
        return (
            PyBytes_FromStringAndSize(<char *> self.statuses, self.count),
            PyBytes_FromStringAndSize(<char *> self.values, 8 * self.count),
            PyBytes_FromStringAndSize(<char *> self.dispatched, 8 * self.count),
            PyBytes_FromStringAndSize(<char *> self.finished, 8 * self.count),
        )


@cython.final
@cython.auto_pickle(False)
cdef class Gatherer:
    """Sorts the devices of a bulk command into parts and others."""

    def __init__(self, may_be_plain):
        self.shape_for = may_be_plain
        self.shapes = {}

    cdef Shape shape_of(self, object kind):
        cdef Shape found = None
        if kind in self.shapes:
            return <Shape> self.shapes[kind]
        if self.shape_for(kind):
            try:
                found = Shape(kind)
            except TypeError:  # one that keeps something elsewhere
                found = None
        self.shapes[kind] = found
        return found

    def gather(
        self, list actors not None, Py_ssize_t begin, Py_ssize_t end, parts_for,
        Outcomes outcomes not None,
    ):
        """Take the plain ones of ``actors[begin:end]`` into parts; return where the others are."""
        cdef bint naming = outcomes.named.count == begin
        cdef Shape shape = None
        cdef Parts parts = None
        cdef object actor, kind, shard, template, link
        cdef object last_kind = None, last_shard = None, last_template = None, last_link = None
        cdef Py_ssize_t at, base
        cdef list others = []
        if not 0 <= begin <= end <= len(actors) or len(actors) != outcomes.count:
            raise IndexError(f"devices {begin} to {end} of {len(actors)}, {outcomes.count} ends")
        for at in range(begin, end):
            if at + AHEAD < end:
                ask_for(<PyObject *> actors[at + AHEAD])
            actor = actors[at]
            kind = type(actor)
            if kind is not last_kind:
                shape, last_kind, last_link = self.shape_of(kind), kind, None
            if naming:  # while it is at hand: it is in the result, however it ends
                outcomes.named.put(
                    actor.id if shape is None else of_slot(actor, shape.at[NAME])
                )
            if shape is None or not shape.is_plain(actor):
                others.append(at)
                continue
            shard, template = of_slot(actor, shape.at[SHARD]), of_slot(actor, shape.at[TEMPLATE])
            link = shape.of_spec(of_slot(actor, shape.at[SPEC]), shape.link_at, "link")
            if (
                last_link is None or shard is not last_shard or template is not last_template
                or (link is not last_link and link != last_link)
                or (parts is not None and parts.count >= parts.room)
            ):
                parts = parts_for(actor)
                last_shard, last_template, last_link = shard, template, link
                if parts is not None:
                    if parts.count >= parts.room:
                        raise ValueError("these parts are full")
                    parts.shape = shape
            base = of_slot(actor, shape.at[BASE])
            if (
                parts is None
                or (parts.taken is not None and actor in parts.taken)
                or not parts.reaches(base)
            ):
                others.append(at)
            else:
                parts.add(actor, base, at)
        return others


@cython.final
@cython.auto_pickle(False)
cdef class Parts:
    """Plain parts of a bulk command at one point of one template, on one link."""

    verb = "set"
    """Of the command, as of a ticket."""

    def __cinit__(self, Py_ssize_t room, *_, **__):
        if room < 1:
            raise ValueError(f"room is {room}, allowed: 1 or more")
        self.room = room
        self.actors = []
        self.rows = <uint8_t *> PyMem_Malloc(room)
        self.bases = <uint32_t *> PyMem_Malloc(4 * room)
        self.positions = <uint32_t *> PyMem_Malloc(4 * room)
        self.values = <double *> PyMem_Malloc(8 * room)
        self.finished = <int64_t *> PyMem_Malloc(8 * room)
        if (
            self.rows == NULL or self.bases == NULL or self.positions == NULL
            or self.values == NULL or self.finished == NULL
        ):
            raise MemoryError

    def __dealloc__(self):
        PyMem_Free(self.rows)
        PyMem_Free(self.bases)
        PyMem_Free(self.positions)
        PyMem_Free(self.values)
        PyMem_Free(self.finished)

    def __init__(
        self, room, *, writer, run, shard, spec, PointTable table not None,
        Outcomes outcomes not None, taken, point_at, feedback_at, value, priority,
        bytes unreachable not None, deadline_ns, received_ns,
    ):
        self.writer, self.run, self.shard, self.spec = writer, run, shard, spec
        self.table, self.outcomes, self.taken = table, outcomes, taken
        self.point_at, self.feedback_at = point_at, feedback_at
        if self.point_at < 0 or self.feedback_at < 0:
            raise ValueError("a point is behind the first slot of its device")
        self.value, self.priority, self.rank = value, priority, priority
        self.unreachable = unreachable
        self.deadline_ns, self.received_ns = deadline_ns, received_ns

    # Coming in -------------------------------------------------------------------------------

    cdef bint reaches(self, Py_ssize_t base) except -1:
        cdef Py_ssize_t at = base + self.feedback_at, code
        cdef uint8_t quality
        if base < 0 or at >= self.table.rows.capacity:  # which are less than 2**31
            raise IndexError(f"slot {at} is not in the table")
        quality = self.table.rows.qualities[at]
        for code in range(len(self.unreachable)):
            if quality == <uint8_t> PyBytes_AS_STRING(self.unreachable)[code]:
                return False
        return True

    cdef int add(self, object actor, Py_ssize_t base, Py_ssize_t position) except -1:
        cdef Py_ssize_t row = self.count
        cdef object last
        self.actors.append(actor)
        self.rows[row] = IN
        self.bases[row] = <uint32_t> base
        self.positions[row] = <uint32_t> position
        self.values[row] = NAN
        self.finished[row] = 0
        self.count += 1
        self.live += 1
        to_slot(actor, self.shape.at[BUSY], True)
        to_slot(actor, self.shape.at[OWNER], self)
        last = of_slot(actor, self.shape.at[LAST])
        if type(last) is Parts:
            (<Parts> last).referring -= 1
        to_slot(actor, self.shape.at[LAST], self)
        self.referring += 1
        to_slot(actor, self.shape.at[RANK], self.rank)
        return 0

    # What is in the columns ------------------------------------------------------------------

    def row_numbers(self):
        """Return the rows that are in the columns, in order."""
        cdef Py_ssize_t row
        return [row for row in range(self.count) if self.rows[row] == IN]

    def ids(self):
        """Return the ids of the devices of those rows, in order."""
        cdef Py_ssize_t row
        return [
            of_slot(self.actors[row], self.shape.at[NAME])
            for row in range(self.count) if self.rows[row] == IN
        ]

    def first(self):
        """Return the actor of the first of those rows; None: there is none."""
        cdef Py_ssize_t row
        for row in range(self.count):
            if self.rows[row] == IN:
                return self.actors[row]
        return None

    def in_columns(self):
        """Return the actors of those rows, in order."""
        cdef Py_ssize_t row
        if self.live == self.count:
            return self.actors[:]
        return [self.actors[row] for row in range(self.count) if self.rows[row] == IN]

    def slots(self, Py_ssize_t at):
        """Return the slots ``at`` places behind the first ones of those devices, as u32."""
        cdef Py_ssize_t row, count = 0
        cdef bytes found = PyBytes_FromStringAndSize(NULL, 4 * self.live)
        cdef uint32_t *slots = <uint32_t *> PyBytes_AS_STRING(found)
        for row in range(self.count):
            if self.rows[row] == IN:
                slots[count] = self.bases[row] + <uint32_t> at
                count += 1
        return found

    def bound(self, Prototype like not None, point, address_of, Py_ssize_t at):
        """Return one point of each of those devices; None: one has parameters of its own."""
        cdef Py_ssize_t row
        cdef object actor, device, one
        cdef object address = point.address if address_of is None else None
        cdef list found = []
        if like.names != BOUND:
            raise ValueError(f"slots {', '.join(like.names)}: allowed {', '.join(BOUND)}")
        for row in range(self.count):
            if self.rows[row] != IN:
                continue
            actor = self.actors[row]
            device = of_slot(actor, self.shape.at[SPEC])
            if self.shape.of_spec(device, self.shape.parameters_at, "parameters"):
                return None
            if address_of is not None:
                address = address_of(point, device)
            one = like.begun()
            to_slot(one, like.varying[0], <Py_ssize_t> self.bases[row] + at)
            to_slot(one, like.varying[1], device)
            to_slot(one, like.varying[2], address)
            PyObject_GC_UnTrack(one)
            found.append(one)
        PyObject_GC_UnTrack(found)
        return found

    def pairs(self, list points not None):
        """Return each of some points with the value."""
        cdef Py_ssize_t at
        cdef object value = self.value
        cdef tuple pair
        cdef list found = []
        for at in range(len(points)):
            pair = (points[at], value)
            PyObject_GC_UnTrack(pair)
            found.append(pair)
        PyObject_GC_UnTrack(found)
        return found

    def position(self, Py_ssize_t row):
        """Return where the device of a row stands in the bulk command."""
        if not 0 <= row < self.count:
            raise IndexError(f"row {row} of {self.count}")
        return self.positions[row]

    @property
    def is_in_hand(self):
        """Whether it was handed to the driver, which has not said yet what became of it."""
        return self.dispatched_ns != 0 and self.acknowledged_ns == 0

    # On the way ------------------------------------------------------------------------------

    def leave_claimed(self):
        """Have those leave whose devices somebody claims now."""
        cdef Py_ssize_t row
        for row in range(self.count):
            if self.rows[row] == IN and of_slot(
                self.actors[row], self.shape.at[CLAIMS]
            ) is not None:
                self.leave_row(row)

    def dispatched(self, int64_t now_ns):
        """Take that they are handed to the driver now."""
        self.dispatched_ns = now_ns

    def acknowledged(self, int64_t now_ns, int64_t settled_ns, int64_t until_ns):
        """Take that the driver has acknowledged all that are in the columns."""
        self.acknowledged_ns = now_ns
        self.settled_ns, self.until_ns = settled_ns, until_ns

    def judge(self, double tolerance, asked_ns, int64_t now_ns, setpoints, int status):
        """End those whose feedback shows the value; return how many did."""
        cdef Py_ssize_t row, ended = 0, at, most = 0
        cdef double seen, near = tolerance + 1e-9 * fmax(1.0, fabs(self.value))
        cdef bint settled = asked_ns >= self.settled_ns, there
        cdef Py_buffer stand
        cdef list leaving = []
        if self.acknowledged_ns == 0:
            raise ValueError("they were not acknowledged")
        if self.live == 0:
            return 0
        for row in range(self.count):
            most = max(most, <Py_ssize_t> self.bases[row] + self.point_at)
        PyObject_GetBuffer(setpoints.column(most), &stand, PyBUF_WRITABLE)
        try:
            if stand.len // 8 <= most:
                raise IndexError(f"slot {most} has no setpoint")
            for row in range(self.count):
                if self.rows[row] != IN:
                    continue
                at = <Py_ssize_t> self.bases[row] + self.feedback_at
                if at >= self.table.rows.capacity:
                    raise IndexError(f"slot {at} is not in the table")
                seen = self.table.rows.values[at]
                there = (
                    self.table.rows.qualities[at] < STALE_AGE and fabs(seen - self.value) <= near
                )
                if there and of_slot(self.actors[row], self.shape.at[CLAIMS]) is None:
                    at = <Py_ssize_t> self.bases[row] + self.point_at
                    (<double *> stand.buf)[at] = self.value
                    self.outcomes.statuses[self.positions[row]] = <uint8_t> status
                    self.end_row(row, seen, now_ns)
                    ended += 1
                elif there or settled:
                    leaving.append(row)
        finally:
            PyBuffer_Release(&stand)
        for row in leaving:
            if self.rows[row] == IN:
                self.leave_row(row)
        self.done()
        if ended:
            self.run.ended_some(ended)
        return ended

    cdef int end_row(self, Py_ssize_t row, double seen, int64_t now_ns) except -1:
        cdef object actor = self.actors[row]
        cdef Py_ssize_t position = self.positions[row]
        self.rows[row] = ENDED
        self.live -= 1
        self.values[row], self.finished[row] = seen, now_ns
        self.outcomes.values[position] = seen
        self.outcomes.dispatched[position] = <uint64_t> self.dispatched_ns
        self.outcomes.finished[position] = <uint64_t> now_ns
        if of_slot(actor, self.shape.at[OWNER]) is self:
            to_slot(actor, self.shape.at[OWNER], None)
            to_slot(actor, self.shape.at[BUSY], False)
        return 0

    # Leaving ---------------------------------------------------------------------------------

    cdef Py_ssize_t row_of(self, object actor):
        cdef Py_ssize_t row
        for row in range(self.count):
            if self.rows[row] == IN and self.actors[row] is actor:
                return row
        return -1

    cdef int leave_row(self, Py_ssize_t row) except -1:
        cdef object actor = self.actors[row]
        cdef object ticket
        self.rows[row] = LEFT
        self.live -= 1
        ticket = self.writer.left(self, row, actor)
        if of_slot(actor, self.shape.at[OWNER]) is self:
            to_slot(actor, self.shape.at[OWNER], ticket)
        if of_slot(actor, self.shape.at[LAST]) is self:
            to_slot(actor, self.shape.at[LAST], ticket)
        return 0

    def leave(self, actor):
        """Have a device leave; return whether it was in the columns."""
        cdef Py_ssize_t row = self.row_of(actor)
        if row < 0:
            return False
        self.leave_row(row)
        self.done()
        return True

    def leave_all(self):
        """Have all leave that are in the columns."""
        cdef Py_ssize_t row
        for row in range(self.count):
            if self.rows[row] == IN:
                self.leave_row(row)
        self.done()

    cdef int done(self) except -1:
        """Let go of what nobody needs when all rows have left or ended."""
        if self.live == 0:
            self.outcomes = None
            self.points = self.taken = None
        return 0

    # Afterwards ------------------------------------------------------------------------------

    def ticket_of(self, actor):
        """Return the ticket of a device, which it leaves for or had instead; None: it has none."""
        cdef Py_ssize_t row
        cdef object last
        self.leave(actor)
        for row in range(self.count):
            if self.actors[row] is actor and self.rows[row] == ENDED:
                self.settle_row(row)
                break
        last = of_slot(actor, self.shape.at[LAST])
        return None if last is self else last

    cdef int settle_row(self, Py_ssize_t row) except -1:
        cdef object actor = self.actors[row]
        cdef Ticket ticket
        if of_slot(actor, self.shape.at[LAST]) is not self:
            return 0
        ticket = <Ticket?> self.run.ticket_for(actor)
        ticket.dispatched_ns, ticket.acknowledged_ns = self.dispatched_ns, self.acknowledged_ns
        ticket.put_end(self.run.applied, "ok", "", self.values[row], self.finished[row])
        ticket.end = None
        to_slot(actor, self.shape.at[LAST], ticket)
        return 0

    def settle(self):
        """Give each device that still refers to them a ticket of its own, with its end."""
        cdef Py_ssize_t row
        for row in range(self.count if self.referring else 0):
            if self.rows[row] == ENDED:
                self.settle_row(row)
