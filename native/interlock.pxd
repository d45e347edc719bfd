"""Contract of the interlock of traffic signals: may these lamps follow those, now?

``judge`` is total: for any bytes and numbers in what it is given it returns, without the GIL,
memory of its own, or a clock, and what it does not understand it does not allow. It changes
nothing. ``commit`` notes what is shown from now on. Times are ms; a time between two looks that
is negative, or longer than ``longest_step``, counts as none at all: a clock that jumps makes
signals wait longer, never shorter.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    MOST = 64                  # signal groups of one intersection
    NONE = -1                  # in ``intergreen``: the two do not conflict

cpdef enum Aspect:
    DARK = 0
    RED = 1
    RED_YELLOW = 2
    GREEN = 3                  # nobody crosses its way
    YIELD = 4                  # green that gives way to some others
    YELLOW = 5
    FLASH = 6                  # flashing yellow: no signal, drive with care

cpdef enum Why:
    ALLOWED = 0
    MEANINGLESS = 1            # no vector of aspects, no time, or matrices that contradict
    NOT_KNOWN = 2              # nobody knows what is shown
    MIXED = 3                  # flashing or dark, but not the whole intersection
    STARTING = 4               # the start-up sequence is not over
    SEQUENCE = 5               # no such step from this aspect to that
    CONFLICT = 6               # two that conflict would go at once
    INTERGREEN = 7             # what ended has not cleared
    MIN_GREEN = 8
    SHORT_YELLOW = 9
    SHORT_RED_YELLOW = 10

# What ``judge`` looks at; for the tests that show that each is needed. Everything else passes ALL.
cpdef enum Rule:
    BY_SEQUENCE = 1
    BY_CONFLICT = 2
    BY_RED_YELLOW_CONFLICT = 4
    BY_INTERGREEN = 8
    BY_YIELD_END = 16          # full green of one that now gives way has ended, too
    BY_MIN_GREEN = 32
    BY_YELLOW = 64
    BY_RED_YELLOW = 128
    BY_START_SEQUENCE = 256
    BY_START_RED = 512
    BY_WHOLE = 1024            # flashing is for all or for none
    BY_KNOWN = 2048            # what is shown must be known
    BY_SHOWN = 4096            # what the lamps show goes before what was written
    BY_BACKWARD = 8192         # a clock that went back tells no time
    BY_LONG_STEP = 16384       # nor one that jumped ahead
    BY_RED_YELLOW_CLEAR = 32768  # red-yellow may not begin long before green may
    BY_RAISED = 65536          # yielding green that becomes green starts anew for the others
    BY_YIELD_START = 131072    # who starts giving way waits for what has ended, as who does not
    BY_YIELDED = 262144        # a green that gave way must clear, too, once it has ended
    ALL = 524287

cdef struct Matrices:
    int32_t count
    int32_t[64][64] intergreen  # ms to the start of the row's green from the end of the column's
    uint64_t[64] foes           # bit j: conflicts with j
    uint64_t[64] yields         # bit j: may show YIELD while j goes
    int32_t[64] min_green
    int32_t[64] yellow          # 0: it has none
    int32_t[64] red_yellow      # 0: it has none
    uint8_t[64] in_flash        # FLASH or DARK: what it shows in the safe fallback
    int32_t start_red           # all red for so long before the first green
    int32_t longest_step
    uint64_t[64] yielded        # by ``digest``: bit j: j may show YIELD while this one goes
    int32_t longest_gap         # by ``digest``: the longest intergreen

cdef struct Timers:
    int64_t last                # the caller's clock at the last commit
    int64_t own                 # ms that were believed since the beginning
    int32_t known               # 0: nobody knows what is shown
    int32_t starting
    int64_t red_since           # all are red since then; -1: they are not
    uint8_t[64] shown
    int64_t[64] since           # of the aspect shown
    int64_t[64] go_since
    int64_t[64] full_end        # GREEN, or no signal at all, ended last
    int64_t[64] go_end          # GREEN or YIELD, or no signal at all, ended last

cdef struct Finding:
    int32_t why
    int32_t group
    int32_t other               # -1: no other group
    int64_t needed              # ms; -1: it is not a matter of time
    int64_t found


# Whether ``proposed`` may follow ``shown`` (each ``m.count`` aspects) at ``now``; why not: finding.
cdef int judge(
    const Matrices *m, const Timers *t, const uint8_t *shown, const uint8_t *proposed,
    int64_t now, uint32_t rules, Finding *finding
) noexcept nogil

# Note that ``proposed`` is shown from ``now`` on, after ``shown``.
cdef void commit(
    const Matrices *m, Timers *t, const uint8_t *shown, const uint8_t *proposed, int64_t now,
    uint32_t rules
) noexcept nogil

# Fill in what follows from the rest of the matrices.
cdef void digest(Matrices *m) noexcept nogil

# The timers of a controller that has just started and knows nothing.
cdef void forget(Timers *t) noexcept nogil


cdef class Cleared:
    cdef readonly bytes aspects
    cdef readonly int64_t at_ms
    cdef readonly int64_t number
    cdef readonly bint fallback


cdef class Interlock:
    cdef Matrices m
    cdef Timers t
    cdef Finding last
    cdef int64_t number
    cdef readonly bytes fallback

    # Judge what Python asks, which may be anything; read what is shown and the clock.
    cdef int asked(
        self, object proposed, object now, object seen, uint8_t *shown, int64_t *clock
    ) noexcept
