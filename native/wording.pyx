"""The native wording; what it promises stands in the stub."""

import os

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM
from libc.string cimport memset

from jacquemart.native.fields cimport NAME_BYTES, text_of, value_of
from jacquemart.native.frames cimport command_of, decode_outcome
from jacquemart.native.pump cimport boot_clock

from jacquemart.native.frames import MalformedFrame

cdef extern from "Python.h":
    object PyType_GenericAlloc(PyTypeObject *kind, Py_ssize_t items)

cdef extern from "<sys/random.h>" nogil:
    ssize_t getrandom(void *out, size_t size, unsigned int flags)

cdef enum:
    ID = 16                  # bytes
    POOL = 256               # the most that the kernel gives in one piece, whatever happens

cdef uint8_t[POOL] pool
cdef Py_ssize_t drawn = POOL


def _forget_drawn():
    """Forget what was drawn: a child must not give the identities that its parent gives."""
    global drawn
    drawn = POOL
    memset(pool, 0, POOL)


os.register_at_fork(after_in_child=_forget_drawn)


cdef bytes new_identity():
    global drawn
    cdef bytes identity
    if drawn == POOL:
        if getrandom(pool, POOL, 0) != POOL:
            return os.urandom(ID)
        drawn = 0
    identity = PyBytes_FromStringAndSize(<const char *> pool + drawn, ID)
    memset(pool + drawn, 0, ID)
    drawn += ID
    return identity


cdef int check_row(object kind, Py_ssize_t fields) except -1:
    if not issubclass(kind, tuple) or kind.__dictoffset__ or len(kind._fields) != fields:
        raise TypeError(f"{kind!r} is no named tuple of {fields} fields without a dictionary")
    return 0


cdef inline void put(object made, Py_ssize_t at, object item) noexcept:
    Py_INCREF(item)  # PyTuple_SET_ITEM takes a reference over
    PyTuple_SET_ITEM(made, at, item)


cdef object outcome_row(
    object outcome_type, object stages_type, object status, OutcomeFrame got
):
    cdef object outcome, stages = PyType_GenericAlloc(<PyTypeObject *> stages_type, 4)
    put(stages, 0, got.received_ns)
    put(stages, 1, got.dispatched_ns)
    put(stages, 2, got.acknowledged_ns)
    put(stages, 3, got.finished_ns)
    outcome = PyType_GenericAlloc(<PyTypeObject *> outcome_type, 8)
    put(outcome, 0, got.id)
    put(outcome, 1, got.device)
    put(outcome, 2, got.point)
    put(outcome, 3, status)
    put(outcome, 4, got.reason)
    put(outcome, 5, got.detail)
    put(outcome, 6, got.value)
    put(outcome, 7, stages)
    return outcome


@cython.final
@cython.auto_pickle(False)
cdef class Wording:
    """Says commands, and reads outcomes, for one client of a gateway."""

    def __init__(self, *, outcome_type, stages_type, statuses, unknown, early_ns, longest_s):
        check_row(outcome_type, 8)
        check_row(stages_type, 4)
        self.outcome_type, self.stages_type = outcome_type, stages_type
        self.statuses = dict(statuses)
        self.unknown = unknown
        self.early_ns = early_ns
        self.longest_s = longest_s

    def command(self, principal, subject, verb, value, within_s, unit, priority):
        """Return a COMMAND, or None; see the stub."""
        if (
            type(principal) is not str or type(subject) is not str or type(verb) is not str
            or type(unit) is not str or type(priority) is not int or not 1 <= priority <= 16
            or (type(within_s) is not float and type(within_s) is not int)
        ):
            return None
        try:
            return self.command_in(principal, subject, verb, value, within_s, unit, priority)
        except (TypeError, ValueError, OverflowError):  # whoever is asked next says what is wrong
            return None

    def outcome(self, bytes frame not None):
        """Return the outcome in a frame, or None; see the stub."""
        return self.outcome_in(frame)

    cdef bytes command_in(
        self, str principal, str subject, str verb, object value, double within_s, str unit,
        uint8_t priority
    ):
        cdef str device = subject, point = ""
        cdef Py_ssize_t slash = subject.find("/")
        cdef int64_t deadline
        if slash >= 0:
            device, point = subject[:slash], subject[slash + 1:]
            if not device or not point or "/" in point:
                return None
        elif verb == "set":
            return None
        if not 0.0 < within_s <= self.longest_s:
            return None
        deadline = boot_clock() + self.early_ns + <int64_t> (within_s * 1e9)
        if deadline < 0:
            return None
        return command_of(
            new_identity(), text_of(principal, "principal", NAME_BYTES),
            text_of(device, "device", NAME_BYTES), text_of(verb, "verb", NAME_BYTES),
            text_of(point, "point", NAME_BYTES), value_of(value),
            text_of(unit, "unit", NAME_BYTES), priority, deadline, 0, 0,
        )

    cdef object outcome_in(self, bytes frame):
        cdef OutcomeFrame got
        try:
            got = decode_outcome(frame)
        except MalformedFrame:  # or another kind of answer
            return None
        return outcome_row(
            self.outcome_type, self.stages_type, self.statuses.get(got.status, self.unknown), got
        )
