# cython: language_level=3
"""The native prototype; what it promises stands in the stub, its fields in the .pxd."""

from types import MemberDescriptorType

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF

cdef extern from "structmember.h":
    ctypedef struct PyMemberDef:
        int type
        Py_ssize_t offset
    enum:
        T_OBJECT_EX  # a slot of __slots__: a reference, NULL while it is unset

cdef extern from *:
    ctypedef struct PyMemberDescrObject:
        PyMemberDef* d_member


cdef inline PyObject** place(object instance, Py_ssize_t offset) noexcept:
    return <PyObject**>(<char*><PyObject*>instance + offset)


cdef inline void put(object instance, Py_ssize_t offset, PyObject* value) noexcept:
    """Fill an empty slot."""
    cdef PyObject** where = place(instance, offset)
    if value != NULL:
        Py_INCREF(<object>value)
        where[0] = value


cdef dict slots_of(type kind):
    """Return the offsets of a class's slots by their names; those of a base may be hidden."""
    cdef dict found = {}
    cdef PyMemberDef* member
    for above in reversed(kind.__mro__):
        for name, attribute in vars(above).items():
            if type(attribute) is not MemberDescriptorType:
                continue
            member = (<PyMemberDescrObject*><PyObject*>attribute).d_member
            if member.type != T_OBJECT_EX:
                raise TypeError(f"{kind.__name__}.{name} is no slot of a Python class")
            found[f"{above.__qualname__}.{name}" if name in found else name] = member.offset
    return found


cdef Py_ssize_t slot_at(type kind, str name) except -2:
    cdef PyMemberDef* member
    found = getattr(kind, name, None)
    if type(found) is not MemberDescriptorType:
        return -1
    member = (<PyMemberDescrObject*><PyObject*>found).d_member
    return member.offset if member.type == T_OBJECT_EX else -1


cdef bint slots_at(type kind, tuple names, Py_ssize_t *at) except -1:
    cdef Py_ssize_t place
    cdef bint whole = True
    for place in range(len(names)):
        at[place] = slot_at(kind, names[place])
        whole = whole and at[place] >= 0
    return whole


cdef class Prototype:
    """Makes many objects that are alike but for a few of their slots."""

    def __init__(self, instance, varying):
        cdef dict slots
        cdef Py_ssize_t at, offset
        self.kind = type(instance)
        if self.kind.__new__ is not object.__new__:
            raise TypeError(f"{self.kind.__name__} has a __new__ of its own")
        if getattr(instance, "__dict__", None):
            raise TypeError(f"this {self.kind.__name__} has things outside of its slots")
        slots = slots_of(self.kind)
        if len(slots) > MOST_SLOTS:
            raise TypeError(f"{self.kind.__name__} has {len(slots)} slots, allowed {MOST_SLOTS}")
        self.names = tuple(varying)
        if len(set(self.names)) < len(self.names) or not slots.keys() >= set(self.names):
            raise ValueError(f"{', '.join(self.names)}: allowed {', '.join(slots)}, each once")
        for at in range(len(self.names)):
            self.varying[at] = slots.pop(self.names[at])
        self.shared = len(slots)
        for at, offset in enumerate(slots.values()):
            self.fixed[at] = offset
        self.instance = instance

    cdef object begun(self):
        cdef Py_ssize_t at
        cdef object one = (<PyTypeObject*>self.kind).tp_new(self.kind, <PyObject*>(), NULL)
        for at in range(self.shared):
            put(one, self.fixed[at], place(self.instance, self.fixed[at])[0])
        return one

    def make(self, *columns):
        """Return one object a row."""
        cdef tuple rows = tuple([tuple(column) for column in columns])
        cdef Py_ssize_t count, row, at, own = len(self.names)
        cdef list made = []
        cdef object one
        if len(rows) != own or not own:
            raise ValueError(f"{len(rows)} columns for the slots {', '.join(self.names)}")
        count = len(<tuple>rows[0])
        for at in range(own):
            if len(<tuple>rows[at]) != count:
                raise ValueError(f"{self.names[at]}: {len(<tuple>rows[at])} rows of {count}")
        for row in range(count):
            one = self.begun()
            for at in range(own):
                put(one, self.varying[at], <PyObject*>(<tuple>rows[at])[row])
            made.append(one)
        return made
