# Objects made by copying one, for classes that keep what they have in slots.
#
# Thread: the interpreter lock is held throughout. Foreign code (a finalizer that the collector
# runs on an allocation) can only come between two objects, and each is whole by then.
# Owner: a Prototype keeps its instance, and every copy has references of its own.

cdef enum Bound:
    MOST_SLOTS = 64  # of a class, with those of its bases

# Where the slot of ``__slots__`` that ``name`` means lies in an instance, in bytes; -1: it is none.
cdef Py_ssize_t slot_at(type kind, str name) except -2

# The same for many names, into ``at``, which has room for them; whether all are slots.
cdef bint slots_at(type kind, tuple names, Py_ssize_t *at) except -1

cdef class Prototype:
    cdef object instance                 # what copies are like; its slots are read at each make()
    cdef type kind                       # its class, whose instances begin empty (object.__new__)
    cdef readonly tuple names            # of the slots that differ, in the order of the columns
    cdef Py_ssize_t varying[MOST_SLOTS]  # their offsets in an instance, bytes
    cdef Py_ssize_t fixed[MOST_SLOTS]    # offsets of the slots that all copies share
    cdef Py_ssize_t shared               # how many those are

    # One copy, its varying slots unset; they must be filled before anybody sees it.
    cdef object begun(self)
