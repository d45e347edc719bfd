"""The native window of commands; what it promises stands in the stub."""

cimport cython


@cython.final
@cython.auto_pickle(False)
@cython.freelist(256)
cdef class Known:
    """What is known of one key."""


@cython.auto_pickle(False)
cdef class Window:
    """Bounded memory of commands and their results."""

    def __cinit__(self, capacity=100_000, **_):
        self.known = {}
        self.ended = []
        self.capacity = capacity
        if self.capacity < 0:
            raise ValueError(f"capacity is {capacity}, allowed: 0 or more")

    @classmethod
    def __class_getitem__(cls, item):
        return cls

    def __len__(self):
        return len(self.known)

    cdef Known of(self, object key):
        return <Known> self.known.get(key)

    cdef Known enter(self, object key, object content):
        cdef Known made = Known.__new__(Known)
        made.content = content
        made.running = True
        self.known[key] = made
        self.running += 1
        return made

    cdef list close(self, Known known, object key, object result, int64_t now_ns):
        cdef list waiters
        cdef object oldest
        if known is None or not known.running:
            return None
        waiters, known.waiters = known.waiters, None
        known.result = result
        known.finished_ns = now_ns
        known.running = False
        self.running -= 1
        if len(self.ended) < self.capacity:
            self.ended.append(key)
            return waiters
        if self.capacity == 0:
            self.drop(key)
            return waiters
        oldest = self.ended[self.oldest]
        self.ended[self.oldest] = key
        self.oldest += 1
        if self.oldest == self.capacity:
            self.oldest = 0
        self.drop(oldest)
        return waiters

    cdef int drop(self, object key) except -1:
        cdef Known gone = <Known> self.known.pop(key)
        if gone.finished_ns > self.forgotten_ns:
            self.forgotten_ns = gone.finished_ns
        return 0

    @property
    def most(self):
        """How many finished commands are remembered."""
        return self.capacity

    @most.setter
    def most(self, Py_ssize_t capacity):
        if capacity < 0:
            raise ValueError(f"capacity is {capacity}, allowed: 0 or more")
        cdef list ended = self.ended[self.oldest:] + self.ended[:self.oldest]
        cdef Py_ssize_t over = max(0, len(ended) - capacity)
        for key in ended[:over]:
            self.drop(key)
        self.ended, self.oldest, self.capacity = ended[over:], 0, capacity

    def keys(self):
        """Return what is known."""
        return list(self.known)

    def look(self, key, content):
        """Look a key up and, if it is new, have it run; return what was found and the result."""
        cdef Known known = self.of(key)
        if known is None:
            self.enter(key, content)
            return NEW, None
        if known.content != content:
            return CONFLICT, None
        return (RUNNING, None) if known.running else (FINISHED, known.result)

    def peek_at(self, key):
        """Look a key up, whatever its content, and remember nothing."""
        cdef Known known = self.of(key)
        if known is None:
            return NEW, None
        return (RUNNING, None) if known.running else (FINISHED, known.result)

    def content_of(self, key):
        """Return the content of a command that runs or has ended; None: it is not known."""
        cdef Known known = self.of(key)
        return None if known is None else known.content

    def wait(self, key, waiter):
        """Have a repeated command answered when the running one ends."""
        cdef Known known = self.of(key)
        if known is None or not known.running:
            raise KeyError(key)
        if known.waiters is None:
            known.waiters = []
        known.waiters.append(waiter)

    def finish(self, key, result, now_ns=0):
        """Store the result, which came at ``now_ns``; return who waits for it."""
        cdef list waiters = self.close(self.of(key), key, result, now_ns)
        return [] if waiters is None else waiters

    def shorten(self, key, result):
        """Put a smaller result in place of the one that a finished command has."""
        cdef Known known = self.of(key)
        if known is not None and not known.running:
            known.result = result

    def forget(self, key):
        """Forget a command that was refused before anything could happen; return who waits."""
        cdef Known known = self.of(key)
        if known is None or not known.running:
            return []
        del self.known[key]
        known.running = False
        self.running -= 1
        return [] if known.waiters is None else known.waiters
