"""The native commands under way; what it promises stands in the stub."""

cimport cython


@cython.auto_pickle(False)
cdef class UnderWay:
    """The commands of one cell's actors that have no end yet."""

    def __init__(self, most, most_of_one, common, life_safety):
        self.of_actor = {}
        self.count = self.refused = 0
        self.most, self.most_of_one = most, most_of_one
        self.common, self.life_safety = common, life_safety

    def __class_getitem__(cls, _):
        return cls

    def __len__(self):
        return self.count

    cdef bint has_room(self, object actor, int priority) except -1:
        cdef double share = 1.0 if priority <= self.life_safety else self.common
        cdef object own = self.of_actor.get(actor)
        if own is not None and len(<dict> own) >= self.most_of_one * share:
            return False
        return self.count < self.most * share

    cdef int put(self, object actor, object item) except -1:
        cdef object own = self.of_actor.get(actor)
        if own is None:
            own, self.spare = {} if self.spare is None else self.spare, None
            self.of_actor[actor] = own
        (<dict> own)[item] = None
        self.count += 1
        return 0

    cdef bint take_out(self, object actor, object item) except -1:
        cdef object own = self.of_actor.get(actor)
        if own is None or item not in <dict> own:
            return False
        del (<dict> own)[item]
        self.count -= 1
        if not own:
            del self.of_actor[actor]
            self.spare = <dict> own
        return True

    def enter(self, actor, item, int priority):
        """Have a command under way; see the stub."""
        if self.has_room(actor, priority):
            self.put(actor, item)
            return ""
        self.refused += 1
        own = self.of_actor.get(actor, ())
        if len(own) >= self.most_of_one * (1.0 if priority <= self.life_safety else self.common):
            return f"{len(own)} commands of it are under way already"
        return f"{self.count} commands of its cell's actors are under way already"

    def leave(self, actor, item):
        """Take note of a command's end; False: it has had one, and this is none."""
        return self.take_out(actor, item)

    def of(self, actor):
        """Return the commands of an actor that have no end, in the order of their coming."""
        return list(self.of_actor.get(actor, ()))
