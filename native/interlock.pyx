"""The native interlock of traffic signals; what it promises stands in the contract and the stub."""

cimport cython
from libc.string cimport memcpy, memset

cdef object MAKER = object()     # whoever has it may make a Cleared; Python cannot see it
cdef enum:
    LONGEST = 3600000            # ms; no time of a signal is longer
cdef int64_t END_OF_TIME = 0x7FFFFFFFFFFFFFFF


cdef extern from *:
    int __builtin_ctzll(unsigned long long) noexcept nogil


cdef struct Cleaning:
    int64_t[64] full
    int64_t[64] go
    uint64_t full_lately
    uint64_t go_lately
    int32_t[64] surely         # ms for which it has cleared for whoever starts, if that may start


cdef inline bint goes(uint8_t aspect) noexcept nogil:
    return aspect == GREEN or aspect == YIELD


cdef inline bint no_signal(uint8_t aspect) noexcept nogil:
    return aspect == FLASH or aspect == DARK


cdef inline uint64_t groups_of(const Matrices *m) noexcept nogil:
    return ~<uint64_t> 0 >> (MOST - m.count)


cdef inline int64_t elapsed(int64_t now, int64_t then) noexcept nogil:
    cdef uint64_t passed
    if then > now:
        return 0
    passed = <uint64_t> now - <uint64_t> then
    return <int64_t> passed if passed <= <uint64_t> END_OF_TIME else END_OF_TIME


cdef inline int64_t believed(
    const Matrices *m, const Timers *t, int64_t now, uint32_t rules
) noexcept nogil:
    cdef uint64_t passed
    if now < t.last:
        passed = 0 if rules & BY_BACKWARD else <uint64_t> t.last - <uint64_t> now
    else:
        passed = <uint64_t> now - <uint64_t> t.last
    if m.longest_step < 0 or (rules & BY_LONG_STEP and passed > <uint64_t> m.longest_step):
        passed = 0
    if t.own < 0:
        return 0
    if passed > <uint64_t> (END_OF_TIME - t.own):
        return END_OF_TIME
    return t.own + <int64_t> passed


cdef inline int refuse(
    Finding *finding, int why, int group, int other, int64_t needed, int64_t found
) noexcept nogil:
    finding.why = why
    finding.group = group
    finding.other = other
    finding.needed = needed
    finding.found = found
    return why


cdef int step_of(
    const Matrices *m, int i, uint8_t a, uint8_t b, int64_t shown_for, int64_t gone_for,
    uint32_t rules, Finding *finding
) noexcept nogil:
    # Whether the aspect of one group may be followed by another, for itself.
    cdef bint by_sequence = rules & BY_SEQUENCE != 0
    if a == b:
        return ALLOWED
    if no_signal(a):
        if rules & BY_START_SEQUENCE and b != (YELLOW if m.yellow[i] > 0 else RED):
            return refuse(finding, STARTING, i, -1, -1, -1)
        return ALLOWED
    if a == YELLOW and b == RED:
        if rules & BY_YELLOW and shown_for < m.yellow[i]:
            return refuse(finding, SHORT_YELLOW, i, -1, m.yellow[i], shown_for)
        return ALLOWED
    if goes(a) and goes(b):
        return ALLOWED
    if goes(a):
        if rules & BY_MIN_GREEN and gone_for < m.min_green[i]:
            return refuse(finding, MIN_GREEN, i, -1, m.min_green[i], gone_for)
        if by_sequence and b != (YELLOW if m.yellow[i] > 0 else RED):
            return refuse(finding, SEQUENCE, i, -1, -1, -1)
        return ALLOWED
    if a == RED_YELLOW and goes(b):
        if rules & BY_RED_YELLOW and shown_for < m.red_yellow[i]:
            return refuse(finding, SHORT_RED_YELLOW, i, -1, m.red_yellow[i], shown_for)
        return ALLOWED
    if a == RED and (b == RED_YELLOW if m.red_yellow[i] > 0 else goes(b)):
        return ALLOWED
    return refuse(finding, SEQUENCE, i, -1, -1, -1) if by_sequence else ALLOWED


cdef void cleared_for(
    const Matrices *m, const Timers *t, const uint8_t *shown, uint64_t moved, uint64_t going,
    int64_t own, Cleaning *c
) noexcept nogil:
    # How long ago full green, and any green, of each group ended; and which ended so lately that
    # some intergreen may still run.
    cdef int64_t last
    cdef int j
    c.full_lately = c.go_lately = 0
    for j in range(m.count):
        c.full[j] = c.go[j] = 0
        if not moved >> j & 1:
            if shown[j] != GREEN:
                c.full[j] = elapsed(own, t.full_end[j])
            if not goes(shown[j]):
                c.go[j] = elapsed(own, t.go_end[j])
        c.full_lately |= <uint64_t> (c.full[j] < m.longest_gap) << j
        c.go_lately |= <uint64_t> (c.go[j] < m.longest_gap) << j
        last = c.full[j] if going >> j & 1 else c.go[j]
        c.surely[j] = <int32_t> (last if last < LONGEST else LONGEST)


cdef int clear_for(
    const Matrices *m, uint8_t b, int i, uint64_t going, const Cleaning *c, uint32_t rules,
    Finding *finding
) noexcept nogil:
    # Whether all that conflict with a group that starts have cleared. Of two that go on at once,
    # one gives way: who starts giving way does not wait for who goes, and who starts waits for
    # the full green alone of who goes on giving way.
    cdef uint64_t foes = groups_of(m) & m.foes[i]
    cdef uint64_t ceding = m.yielded[i] & going if rules & BY_YIELDED else m.yielded[i]
    cdef uint64_t full
    cdef int32_t sooner = m.red_yellow[i] if b == RED_YELLOW else 0
    cdef int32_t lacks = 0
    cdef int j
    if b != GREEN:
        foes &= ~(m.yields[i] & going) if rules & BY_YIELD_START else ~m.yields[i]
    if not foes & (c.go_lately | c.full_lately):
        return ALLOWED
    # Without a branch, so that it is done for several at once: mostly, all have cleared. Of who
    # goes on it holds for those that give way; who does not conflict never lacks anything.
    for j in range(m.count):
        lacks |= m.intergreen[i][j] - sooner > c.surely[j]
    if not lacks:
        foes &= going & ~ceding
        ceding = 0
    full = foes & ceding & c.full_lately
    foes &= ~ceding & c.go_lately
    while foes:
        j = __builtin_ctzll(foes)
        foes &= foes - 1
        if c.go[j] < m.intergreen[i][j] - sooner:
            return refuse(finding, INTERGREEN, i, j, m.intergreen[i][j], c.go[j])
    while full and rules & BY_YIELD_END:
        j = __builtin_ctzll(full)
        full &= full - 1
        if c.full[j] < m.intergreen[i][j] - sooner:
            return refuse(finding, INTERGREEN, i, j, m.intergreen[i][j], c.full[j])
    return ALLOWED


cdef int whole_of(const Matrices *m, const uint8_t *proposed, uint32_t rules) noexcept nogil:
    # ALLOWED: the fallback, or all dark. STARTING: aspects of normal control. Else what is wrong.
    cdef int i
    cdef bint flash = True, dark = True, some = False, sound = True
    for i in range(m.count):
        flash = flash and proposed[i] == m.in_flash[i]
        dark = dark and proposed[i] == DARK
        some = some or no_signal(proposed[i])
        sound = sound and proposed[i] <= FLASH
    if not sound:
        return MEANINGLESS
    if flash or dark:
        return ALLOWED
    return MIXED if some and rules & BY_WHOLE else STARTING


cdef int judge(
    const Matrices *m, const Timers *t, const uint8_t *shown, const uint8_t *proposed,
    int64_t now, uint32_t rules, Finding *finding
) noexcept nogil:
    cdef int64_t own
    cdef Cleaning cleaning
    cdef uint64_t moved = 0, going = 0, ceding = 0, about = 0, meets
    cdef bint starting, all_red = True, reckoned = False
    cdef uint8_t a, b
    cdef int i, why
    cleaning.full_lately = cleaning.go_lately = 0
    refuse(finding, MEANINGLESS, -1, -1, -1, -1)
    if m.count < 1 or m.count > MOST:
        return MEANINGLESS
    why = whole_of(m, proposed, rules)
    if why != STARTING:
        return refuse(finding, why, -1, -1, -1, -1)
    starting = t.starting != 0
    if rules & BY_KNOWN and not t.known:
        return refuse(finding, NOT_KNOWN, -1, -1, -1, -1)
    own = believed(m, t, now, rules)
    for i in range(m.count):
        if shown[i] > FLASH:
            if rules & BY_KNOWN:
                return refuse(finding, NOT_KNOWN, i, -1, -1, -1)
            continue
        starting = starting or no_signal(shown[i])
        all_red = all_red and shown[i] == RED
        if rules & BY_SHOWN and shown[i] != t.shown[i]:
            moved |= <uint64_t> 1 << i
            all_red = False
        if goes(proposed[i]):
            going |= <uint64_t> 1 << i
            ceding |= <uint64_t> (proposed[i] == YIELD) << i
        elif proposed[i] == RED_YELLOW:
            about |= <uint64_t> 1 << i
    if starting and going | about:
        if rules & BY_START_SEQUENCE and not all_red:
            return refuse(finding, STARTING, -1, -1, -1, -1)
        if rules & BY_START_RED and elapsed(own, t.red_since) < m.start_red:
            return refuse(finding, STARTING, -1, -1, m.start_red, elapsed(own, t.red_since))
    for i in range(m.count):
        a = shown[i]
        b = proposed[i]
        if moved >> i & 1:
            # The lamps may be late to tell: what was written must allow the step, too.
            why = step_of(m, i, t.shown[i], b, 0, 0, rules, finding)
            if why == ALLOWED:
                why = step_of(m, i, a, b, 0, 0, rules, finding)
        else:
            why = step_of(
                m, i, a, b, elapsed(own, t.since[i]), elapsed(own, t.go_since[i]), rules, finding
            )
        if why != ALLOWED:
            return why
        if not (going | about) >> i & 1:
            continue
        # Of two foes one gives way, or may still do so where it is about to go (RED_YELLOW).
        if goes(b) and rules & BY_CONFLICT:
            meets = m.foes[i] & going & ~(m.yielded[i] & ceding)
            if b == YIELD:
                meets &= ~m.yields[i]
            if meets:
                return refuse(finding, CONFLICT, i, __builtin_ctzll(meets), -1, -1)
        if rules & BY_RED_YELLOW_CONFLICT:
            meets = m.foes[i] & (about if goes(b) else going | about)
            meets &= ~(m.yielded[i] & (ceding | about))
            if b != GREEN:
                meets &= ~m.yields[i]
            if meets:
                return refuse(finding, CONFLICT, i, __builtin_ctzll(meets), -1, -1)
        if not rules & BY_INTERGREEN:
            continue
        # It begins nothing, if that is certain: by the lamps and by what was written.
        if not moved >> i & 1 and (a == b or (b == YIELD and goes(a))):
            continue
        if b == GREEN and a == YIELD and not rules & BY_RAISED:
            continue
        if b == RED_YELLOW and not rules & BY_RED_YELLOW_CLEAR:
            continue
        if not reckoned:
            cleared_for(m, t, shown, moved, going, own, &cleaning)
            reckoned = True
        why = clear_for(m, b, i, going, &cleaning, rules, finding)
        if why != ALLOWED:
            return why
    return refuse(finding, ALLOWED, -1, -1, -1, -1)


cdef void commit(
    const Matrices *m, Timers *t, const uint8_t *shown, const uint8_t *proposed, int64_t now,
    uint32_t rules
) noexcept nogil:
    cdef int64_t own
    cdef bint all_red = True, signals = True
    cdef uint8_t a, b
    cdef int i
    if m.count < 1 or m.count > MOST:
        return
    own = believed(m, t, now, rules)
    for i in range(m.count):
        a = shown[i]
        b = proposed[i]
        if not t.known or a > FLASH or (rules & BY_SHOWN and a != t.shown[i]):
            # Nobody saw what it did: whatever it may have shown has ended only now.
            t.since[i] = t.go_since[i] = t.full_end[i] = t.go_end[i] = own
            t.red_since = -1
        if no_signal(a) or no_signal(b):
            t.starting = 1
            t.full_end[i] = t.go_end[i] = own
        if a == GREEN or b == GREEN:
            t.full_end[i] = own
        if goes(a) or goes(b):
            t.go_end[i] = own
        if goes(b) and not goes(a):
            t.go_since[i] = own
        if a != b:
            t.since[i] = own
        signals = signals and not no_signal(b)
        all_red = all_red and b == RED
        t.shown[i] = b
    if not all_red:
        t.red_since = -1
    elif t.red_since < 0:
        t.red_since = own
    if t.starting and signals and not all_red:
        for i in range(m.count):
            if goes(proposed[i]) or proposed[i] == RED_YELLOW:
                t.starting = 0               # it was allowed to begin
    t.known = 1
    t.own = own
    t.last = now


cdef void digest(Matrices *m) noexcept nogil:
    cdef int i, j
    m.longest_gap = 0
    for i in range(MOST):
        m.yielded[i] = 0
    for i in range(m.count if 0 <= m.count <= MOST else 0):
        for j in range(m.count):
            if m.intergreen[i][j] > m.longest_gap:
                m.longest_gap = m.intergreen[i][j]
            m.yielded[j] |= (m.yields[i] >> j & 1) << i


cdef void forget(Timers *t) noexcept nogil:
    memset(t, 0, sizeof(Timers))
    t.starting = 1
    t.red_since = -1


@cython.final
@cython.auto_pickle(False)
cdef class Cleared:
    """What the interlock lets out."""

    def __cinit__(self, object maker=None):
        if maker is not MAKER:
            raise TypeError("only the interlock makes one: ask Interlock.write")

    def __repr__(self):
        return f"Cleared({self.aspects!r}, at_ms={self.at_ms}, fallback={self.fallback})"


cdef int32_t a_time(object value, str what) except? -2:
    if type(value) is not int or not 0 <= value <= LONGEST:
        raise ValueError(f"{what} is {value!r}, allowed: 0 to {LONGEST} ms")
    return value


@cython.auto_pickle(False)
cdef class Interlock:
    """The matrices of one intersection, and what it has shown for how long."""

    def __cinit__(
        self, *, intergreen, yields, min_green, yellow, red_yellow, in_flash, start_red,
        longest_step,
    ):
        cdef Py_ssize_t count = len(intergreen), i, j
        memset(&self.m, 0, sizeof(Matrices))
        forget(&self.t)
        if not 1 <= count <= MOST:
            raise ValueError(f"{count} signal groups, allowed: 1 to {MOST}")
        if {len(min_green), len(yellow), len(red_yellow), len(in_flash), len(yields)} != {count}:
            raise ValueError(f"not everything is said for {count} signal groups")
        self.m.count = <int32_t> count
        self.m.start_red = a_time(start_red, "start_red")
        self.m.longest_step = a_time(longest_step, "longest_step")
        for i in range(count):
            if len(intergreen[i]) != count:
                raise ValueError(f"row {i} of the intergreens has {len(intergreen[i])} of {count}")
            self.m.min_green[i] = a_time(min_green[i], "min_green")
            self.m.yellow[i] = a_time(yellow[i], "yellow")
            self.m.red_yellow[i] = a_time(red_yellow[i], "red_yellow")
            if in_flash[i] not in (FLASH, DARK):
                raise ValueError(f"group {i} shows {in_flash[i]!r} in the fallback, "
                                 "allowed: FLASH or DARK")
            self.m.in_flash[i] = in_flash[i]
            for j in range(count):
                self.m.intergreen[j][i] = NONE
                if intergreen[i][j] is None:
                    if i != j and intergreen[j][i] is not None:
                        raise ValueError(f"{j} conflicts with {i}, but {i} not with {j}")
                    continue
                if i == j:
                    raise ValueError(f"group {i} conflicts with itself")
                self.m.intergreen[j][i] = a_time(intergreen[i][j], f"intergreen {i} to {j}")
                self.m.foes[i] |= <uint64_t> 1 << j
            for j in yields[i]:
                if not 0 <= j < count or intergreen[i][j] is None:
                    raise ValueError(f"{i} gives way to {j}, with which it has no conflict")
                self.m.yields[i] |= <uint64_t> 1 << j
        digest(&self.m)
        self.fallback = bytes([self.m.in_flash[i] for i in range(count)])
        refuse(&self.last, ALLOWED, -1, -1, -1, -1)

    @property
    def count(self):
        return self.m.count

    @property
    def longest_step(self):
        return self.m.longest_step

    @property
    def shown(self):
        return (<char *> self.t.shown)[:self.m.count] if self.t.known else None

    @property
    def starting(self):
        return self.t.starting != 0

    @property
    def finding(self):
        return (self.last.why, self.last.group, self.last.other, self.last.needed, self.last.found)

    cdef int asked(
        self, object proposed, object now, object seen, uint8_t *shown, int64_t *clock
    ) noexcept:
        # Read the questions of Python, which may be anything; judge what can be read.
        cdef Py_ssize_t count = self.m.count
        refuse(&self.last, MEANINGLESS, -1, -1, -1, -1)
        memcpy(shown, self.t.shown, MOST)
        if seen is not None:
            if type(seen) is not bytes or len(<bytes> seen) != count:
                memset(shown, 255, MOST)
            else:
                memcpy(shown, <char *> (<bytes> seen), count)
        if type(now) is not int:
            return MEANINGLESS
        try:
            clock[0] = now
        except OverflowError:
            return MEANINGLESS
        if type(proposed) is not bytes or len(<bytes> proposed) != count:
            return MEANINGLESS
        return judge(
            &self.m, &self.t, shown, <const uint8_t *> <char *> (<bytes> proposed), clock[0], ALL,
            &self.last,
        )

    def look(self, proposed, now, seen=None):
        """Return whether these aspects may be shown now."""
        cdef uint8_t[MOST] shown
        cdef int64_t clock = self.t.last
        return self.asked(proposed, now, seen, shown, &clock) == ALLOWED

    def write(self, proposed, now, seen=None):
        """Look for the last time, and return what may go out: that, or the fallback."""
        cdef uint8_t[MOST] shown
        cdef int64_t clock = self.t.last
        cdef bint allowed = self.asked(proposed, now, seen, shown, &clock) == ALLOWED
        cdef bytes out = proposed if allowed else self.fallback
        cdef Cleared cleared = Cleared.__new__(Cleared, MAKER)
        commit(&self.m, &self.t, shown, <const uint8_t *> <char *> out, clock, ALL)
        self.number += 1
        cleared.aspects = out
        cleared.at_ms = clock
        cleared.number = self.number
        cleared.fallback = not allowed
        return cleared

    def forget(self):
        """Know nothing any more of what is shown, as after a restart."""
        forget(&self.t)
