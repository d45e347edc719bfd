"""Contract of what is under way: the commands of a cell's actors that have no end yet.

One thread. Each is counted for its actor and for the cell; there is room for a bounded number.
"""


cdef class UnderWay:
    cdef dict of_actor       # actor -> {command: None}, in the order of their coming
    cdef dict spare          # an empty one for the next actor; None: there is none
    cdef readonly Py_ssize_t count
    cdef double most, most_of_one
    cdef double common       # of either, so much is for everybody; the rest for life safety
    cdef int life_safety     # priorities up to this one
    cdef readonly Py_ssize_t refused

    # Whether one more of an actor has room.
    cdef bint has_room(self, object actor, int priority) except -1

    # Have a command under way that has room.
    cdef int put(self, object actor, object item) except -1

    # Take note of an end; 0: it has had one.
    cdef bint take_out(self, object actor, object item) except -1
