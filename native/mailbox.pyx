# cython: language_level=3
"""The native mailbox; what it promises stands in the stub, its fields in the .pxd.

*Rule.* Some versions of Cython drop the old value of an object field before the new one stands
there, and a finalizer may look: so a local holds the old value wherever it could be the last.
"""

cimport cython
from cpython.number cimport PyNumber_AsSsize_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum Bound:
    LARGEST = 0x7FFFFFFF  # messages a lane
    FIRST_RING = 4        # messages that a new ring holds
    LARGE_RING = 32       # an emptied ring from this size on is given back
    SHARE = 16            # one take in so many serves a lower lane


@cython.auto_pickle(False)
@cython.freelist(256)
cdef class _Keyed:
    def __cinit__(self, message, key):
        self.message = message
        self.key = key


@cython.auto_pickle(False)
cdef class _Lane:
    cdef int reserve(self, uint32_t capacity) except -1:
        cdef list old, new
        cdef uint32_t size, index, place
        while True:
            old = self.ring
            if old is None:
                self.head = self.count = 0
            size = 0 if old is None else <uint32_t>len(old)
            if self.count < size or size >= capacity:
                return 0
            new = [None] * min(<Py_ssize_t>capacity, max(2 * <Py_ssize_t>size, FIRST_RING))
            # The allocation may have run a finalizer that came back here; then look again.
            if self.ring is old and self.count == size:
                break
        place = self.head
        for index in range(size):
            new[index] = old[place]
            place += 1
            if place == size:
                place = 0
        self.ring = new
        self.head = 0
        return 0

    cdef void push(self, object item) noexcept:
        cdef list ring = self.ring
        cdef uint32_t place = self.head + self.count
        if place >= <uint32_t>len(ring):
            place -= <uint32_t>len(ring)
        ring[place] = item
        self.count += 1

    cdef object pop(self):
        cdef list ring = self.ring
        cdef object item
        if ring is None:  # also after the collector has cleared the lane
            self.head = self.count = 0
        if self.count == 0:
            return None
        item = ring[self.head]
        ring[self.head] = None
        self.head += 1
        self.count -= 1
        if self.count == 0 or self.head == <uint32_t>len(ring):
            self.head = 0
        if self.count == 0 and len(ring) >= LARGE_RING:
            self.ring = None
        return item

    cdef object open(self, object item):
        cdef _Keyed keyed
        if type(item) is not _Keyed:
            return item
        keyed = item
        item = keyed.message
        keyed.message = None
        try:
            if self.waiting is not None and self.waiting.get(keyed.key) is keyed:
                del self.waiting[keyed.key]
        except Exception:
            # A key that suddenly cannot be hashed or compared must not cost a message. What
            # stays behind is a taken entry, which put() knows by its None.
            pass
        return item


cdef class Mailbox:
    """An actor's inbox: four bounded priority lanes, FIFO inside a lane."""

    def __cinit__(self, safety=64, commands=256, events=256, telemetry=256):
        cdef Py_ssize_t lane, capacity
        for lane, given in enumerate((safety, commands, events, telemetry)):
            capacity = PyNumber_AsSsize_t(given, ValueError)
            if not 0 <= capacity <= LARGEST:
                raise ValueError(f"capacity {capacity} of lane {lane}: allowed 0 to {LARGEST}")
            self.capacities[lane] = <uint32_t>capacity

    cdef _Lane lane_at(self, Py_ssize_t lane):
        if lane == COMMANDS:
            return self.commands
        if lane == EVENTS:
            return self.events
        if lane == TELEMETRY:
            return self.telemetry
        return self.safety

    cdef _Lane lane_made(self, Py_ssize_t lane):
        cdef _Lane made = self.lane_at(lane)
        if made is not None:
            return made
        made = _Lane.__new__(_Lane)
        if self.lane_at(lane) is not None:  # the allocation ran a finalizer that posted here
            return self.lane_at(lane)
        if lane == COMMANDS:
            self.commands = made
        elif lane == EVENTS:
            self.events = made
        elif lane == TELEMETRY:
            self.telemetry = made
        else:
            self.safety = made
        return made

    cdef bint put(self, Py_ssize_t lane, object message, object key) except -1:
        cdef _Lane made = self.lane_made(lane)
        cdef uint32_t capacity = self.capacities[lane]
        cdef object item = message
        cdef object old  # held to the end: its finalizer then finds all in order
        cdef bint waited = made.count > 0
        cdef _Keyed keyed
        if capacity == 0:
            made.refused += 1
            return False
        if lane == TELEMETRY and key is not None:
            if made.waiting is None:
                made.waiting = {}
            keyed = made.waiting.get(key)
            if keyed is not None and keyed.message is not None:
                old = keyed.message
                keyed.message = message
                self.conflated += 1
                return True
            item = _Keyed.__new__(_Keyed, message, key)
            made.waiting[key] = item
        while True:
            if made.count >= capacity:
                if lane != TELEMETRY:
                    made.refused += 1
                    return False
                old = made.open(self.remove(lane, made))
                self.dropped += 1
                continue
            made.reserve(capacity)
            if made.ring is not None and made.count < <uint32_t>len(made.ring):
                break  # there is room, and nothing foreign runs before it is used
        made.push(item)
        self.filled |= <uint8_t>(1 << lane)
        if not waited:
            made.since = self.takes
        return True

    cdef object remove(self, Py_ssize_t lane, _Lane made):
        cdef object item = made.pop()
        if made.count == 0:
            self.filled &= <uint8_t>~(1 << lane)
        return item

    cdef object next_message(self):
        cdef Py_ssize_t lane, first = -1, longest = -1
        cdef uint32_t age, oldest = 0
        cdef _Lane made
        for lane in range(LANES):
            if not self.filled & (1 << lane):
                continue
            if first < 0:
                first = lane
                if self.filled == 1 << lane:  # nobody waits behind it
                    self.passed = 0
                    break
                self.passed += 1
                if self.passed < SHARE:
                    break
                self.passed = 0
            else:
                age = self.takes - self.lane_at(lane).since
                if longest < 0 or age > oldest:
                    longest = lane
                    oldest = age
        if longest >= 0:
            first = longest
        elif first < 0:
            self.passed = 0
            return None
        self.takes += 1
        made = self.lane_at(first)
        if made is None:
            return None
        made.since = self.takes
        return made.open(self.remove(first, made))

    def post(self, lane, message, key=None):
        """Take a message in; False, and counted, if its lane refuses it."""
        cdef Py_ssize_t index = PyNumber_AsSsize_t(lane, ValueError)
        if not 0 <= index < LANES:
            raise ValueError(f"lane {index}: allowed 0 to {LANES - 1}")
        if message is None:
            raise ValueError("None is what take() gives when nothing waits, not a message")
        return self.put(index, message, key)

    def take(self):
        """Return the message whose turn it is; None if nothing waits."""
        return self.next_message()

    def depth(self, lane):
        """Return how many messages wait in a lane."""
        cdef Py_ssize_t index = PyNumber_AsSsize_t(lane, ValueError)
        if not 0 <= index < LANES:
            raise ValueError(f"lane {index}: allowed 0 to {LANES - 1}")
        cdef _Lane made = self.lane_at(index)
        return 0 if made is None else made.count

    def clear(self):
        """Empty the mailbox and return what waited, lane by lane."""
        cdef list waited = []
        cdef Py_ssize_t lane
        cdef _Lane made
        for lane in range(LANES):
            made = self.lane_at(lane)
            while made is not None and made.count:
                item = self.remove(lane, made)
                if item is not None:
                    waited.append(made.open(item))
        self.passed = 0
        return waited

    @property
    def refused(self):
        """Messages that a lane refused, since creation."""
        cdef uint64_t refused = 0
        cdef Py_ssize_t lane
        for lane in range(LANES):
            if self.lane_at(lane) is not None:
                refused += self.lane_at(lane).refused
        return refused

    def __len__(self):
        cdef Py_ssize_t lane, count = 0
        for lane in range(LANES):
            if self.lane_at(lane) is not None:
                count += self.lane_at(lane).count
        return count

    def __bool__(self):
        return self.filled != 0
