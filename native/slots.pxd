# Slots of instances of Python classes (``__slots__``), read and written in place.
#
# Only inline functions, so that any module may cimport it without an extension of its own. Where a
# slot lies: ``prototype.slot_at``; that belongs to the class it was taken from, and to those below.
# Owner: an instance holds a reference to what stands in a slot; NULL: the slot is unset.

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF

cdef enum:               # whoever asks whether an actor is free has these first, in this order
    BUSY
    STOPPED
    PARKED
    TROUBLES
    CLAIMS
    MAILBOX
    FREE_SLOTS


cdef inline PyObject **place(object instance, Py_ssize_t at) noexcept:
    return <PyObject **> (<char *> <PyObject *> instance + at)


# What a slot has; None, too, while it has nothing.
cdef inline object of_slot(object instance, Py_ssize_t at):
    cdef PyObject *found = place(instance, at)[0]
    return None if found == NULL else <object> found


# Replace what a slot has. What stood there may run foreign code when it goes.
cdef inline int to_slot(object instance, Py_ssize_t at, object value) except -1:
    cdef PyObject **where = place(instance, at)
    cdef PyObject *old = where[0]
    Py_INCREF(value)
    where[0] = <PyObject *> value
    Py_XDECREF(old)
    return 0


# The names of the slots that say whether an actor is free.
cdef inline tuple free_names():
    return "_busy", "_stopped", "_parked", "_troubles", "claims", "_mailbox"


# Whether an actor is free, well and unclaimed, and nothing waits for it; ``at``: of its slots.
cdef inline bint is_free(object actor, const Py_ssize_t *at) except -1:
    return (
        of_slot(actor, at[BUSY]) is False
        and not of_slot(actor, at[STOPPED])
        and not of_slot(actor, at[PARKED])
        and of_slot(actor, at[TROUBLES]) is None
        and of_slot(actor, at[CLAIMS]) is None
        and not of_slot(actor, at[MAILBOX])
    )
