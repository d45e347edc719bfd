"""The native asking; what it promises stands in the stub."""

cimport cython

from jacquemart.native.pump cimport boot_clock


@cython.final
@cython.auto_pickle(False)
cdef class Asked(Awaited):
    """A request that may be sent twice, and has no answer yet."""

    cdef int answered(self, bytes frame) except -1:
        cdef object told = None
        if frame is not None and self.repeated and self.asking.is_blind(frame):
            self.again_ns = boot_clock()
            return 0
        self.asking.asked.discard(self)
        if self.future.done():
            return 0
        if self.read and frame is not None:
            told = self.asking.wording.outcome_in(frame)
        if told is None:
            told = (self.frame, frame) if self.read else frame
        self.future.set_result(told)
        return 0

    def take(self, bytes frame):
        """Take an answer to what was sent again."""
        self.answered(frame)

    @property
    def over(self):
        """Whether nobody waits for it any more."""
        return self.future.done()

    def is_due(self, int64_t now_ns):
        """Return whether it is to be sent again, to the same gateway; each time later."""
        if now_ns < self.again_ns:
            return False
        self.pause_ns *= 2
        self.again_ns = now_ns + self.pause_ns
        return True


@cython.final
@cython.auto_pickle(False)
cdef class Asking:
    """Sends the requests of one client that may be sent twice."""

    def __init__(self, Calls calls not None, create_future, is_blind, over_s, pause_s):
        self.calls = calls
        self.create_future = create_future
        self.is_blind = is_blind
        self.over_ns = <int64_t> (over_s * 1e9)
        self.pause_ns = <int64_t> (pause_s * 1e9)
        self.asked = set()

    def speak(self, Wording wording):
        """Say commands in these words from now on."""
        self.wording = wording

    @property
    def waiting(self):
        """Those without an answer that somebody waits for."""
        return {one for one in self.asked if not one.over}

    def ask(self, bytes frame not None, expires_ns):
        """Send a request; see the stub."""
        return self.send(frame, expires_ns, False)

    def command(self, principal, subject, verb, value, within_s, unit, priority):
        """Say a command; see the stub."""
        cdef bytes frame
        if self.wording is None:
            return None
        frame = self.wording.command(principal, subject, verb, value, within_s, unit, priority)
        if frame is None:
            return None
        return self.send(frame, boot_clock() + <int64_t> (within_s * 1e9) + self.over_ns, True)

    cdef object send(self, bytes frame, int64_t expires_ns, bint read):
        cdef Asked asked = Asked.__new__(Asked)
        asked.asking, asked.frame, asked.read = self, frame, read
        asked.future = self.create_future()
        asked.first_ns = boot_clock()
        asked.until_ns = expires_ns
        asked.pause_ns = self.pause_ns
        asked.again_ns = asked.first_ns + self.pause_ns
        if not self.calls.request(frame, expires_ns, asked):
            return None
        self.asked.add(asked)
        return asked.future
