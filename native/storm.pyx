"""Storms of random commands against the interlock of traffic signals; for benches and tests."""

from libc.stdint cimport uint32_t
from libc.string cimport memcmp, memcpy, memset

from jacquemart.native.interlock cimport (
    ALL,
    ALLOWED,
    Finding,
    Interlock,
    Matrices,
    Timers,
    commit,
    digest,
    forget,
    judge,
)

cdef extern from "<time.h>" nogil:
    ctypedef long clock_t
    clock_t clock()
    enum: CLOCKS_PER_SEC

cdef enum:                     # what lamps show; said again, as the judge trusts nobody's words
    OFF = 0
    HALT = 1
    PREPARE = 2
    FREE = 3
    CEDE = 4
    AMBER = 5
    BLINK = 6

cdef struct Tally:
    int64_t unsafe
    int64_t greens
    int64_t refused
    int64_t fallbacks
    int64_t steps
    int64_t first


# Chance ---------------------------------------------------------------------------------------

cdef inline uint64_t draw(Street *street, uint64_t below) noexcept nogil:
    street.seed ^= street.seed >> 12
    street.seed ^= street.seed << 25
    street.seed ^= street.seed >> 27
    return (street.seed * <uint64_t> 0x2545F4914F6CDD1D >> 33) % below


cdef inline int32_t some_time(Street *street) noexcept nogil:
    return <int32_t> (draw(street, 7) * 250)


cdef void draw_street(Street *s, Matrices *m) noexcept nogil:
    # A random intersection, twice: as the judge sees it, and as the interlock is told.
    cdef int i, j
    memset(m, 0, sizeof(Matrices))
    s.count = 1 + <int32_t> draw(s, CROWD if draw(s, 4) == 0 else 5)
    s.entries = 0
    s.calm = some_time(s)
    s.longest = 500 + 500 * <int32_t> draw(s, 3)
    m.count = s.count
    m.start_red = s.calm
    m.longest_step = s.longest
    for i in range(s.count):
        s.shortest[i] = m.min_green[i] = some_time(s)
        s.amber[i] = m.yellow[i] = some_time(s)
        s.ready[i] = m.red_yellow[i] = some_time(s) if draw(s, 2) else 0
        s.idle[i] = m.in_flash[i] = OFF if draw(s, 3) == 0 else BLINK
        for j in range(s.count):
            s.gap[i][j] = m.intergreen[i][j] = -1
            s.cedes[i][j] = 0
    for i in range(s.count):
        for j in range(i):
            if draw(s, 3) == 0:
                continue
            s.gap[i][j] = m.intergreen[j][i] = some_time(s)
            s.gap[j][i] = m.intergreen[i][j] = some_time(s)
            m.foes[i] |= <uint64_t> 1 << j
            m.foes[j] |= <uint64_t> 1 << i
            if draw(s, 3) == 0:
                s.cedes[i][j] = 1
                m.yields[i] |= <uint64_t> 1 << j
            if draw(s, 5) == 0:              # both of a pair may have to look out
                s.cedes[j][i] = 1
                m.yields[j] |= <uint64_t> 1 << i


# The judge ------------------------------------------------------------------------------------

cdef inline const Entry *entry(const Street *s, int back) noexcept nogil:
    # The log, from its last entry (0) back; NULL: there is none, or none any more.
    if back >= s.entries or back >= KEPT:
        return NULL
    return &s.log[(s.entries - 1 - back) % KEPT]


cdef int64_t gone_since(
    const Street *s, int j, bint ceding_too, bint blind_too, int64_t now
) noexcept nogil:
    # How long ago a group last moved traffic that counts; very long: never, as far as is known.
    cdef int64_t until = now
    cdef const Entry *e
    cdef int back
    for back in range(KEPT):
        e = entry(s, back)
        if e == NULL:
            break
        if e.lamps[j] == FREE or (ceding_too and e.lamps[j] == CEDE):
            return now - until
        if blind_too and (e.lamps[j] == OFF or e.lamps[j] == BLINK):
            return now - until
        until = e.at
    return 1 << 40


cdef int64_t same_for(
    const Street *s, int j, uint8_t one, uint8_t other, int64_t now
) noexcept nogil:
    # For how long a group has shown one of two things, up to now.
    cdef int64_t since = now
    cdef const Entry *e
    cdef int back
    for back in range(KEPT):
        e = entry(s, back)
        if e == NULL or (e.lamps[j] != one and e.lamps[j] != other):
            break
        since = e.at
    return now - since


cdef inline bint moves(uint8_t lamp) noexcept nogil:
    return lamp == FREE or lamp == CEDE


cdef bint all_halted_for_calm(const Street *s, int64_t now) noexcept nogil:
    # Whether, since there was last no signal, all were red for long enough before anybody moved.
    cdef int64_t until = now
    cdef const Entry *e
    cdef int back, j
    cdef bint red, dark, active
    for back in range(KEPT):
        e = entry(s, back)
        if e == NULL:
            return True
        red = True
        dark = active = False
        for j in range(s.count):
            red = red and e.lamps[j] == HALT
            dark = dark or e.lamps[j] == OFF or e.lamps[j] == BLINK
            active = active or moves(e.lamps[j]) or e.lamps[j] == PREPARE
        if active:
            return True                     # it was judged when that one moved
        if dark:
            return False
        if red and until - e.at >= s.calm:
            return True
        if not red:
            until = e.at
    return True


cdef int unsafe(const Street *s, const uint8_t *lamps, int64_t now) noexcept nogil:
    cdef const Entry *last = entry(s, 0)
    cdef bint idle = True, off = True, some_off = False, both
    cdef int i, j
    cdef int64_t need
    cdef uint8_t a, b
    for i in range(s.count):
        idle = idle and lamps[i] == s.idle[i]
        off = off and lamps[i] == OFF
        some_off = some_off or lamps[i] == OFF or lamps[i] == BLINK
        if lamps[i] > BLINK:
            return 1
    if idle or off:
        return 0
    if some_off or last == NULL:
        return 2
    for i in range(s.count):
        a = last.lamps[i]
        b = lamps[i]
        if a != b:
            if (a == OFF or a == BLINK) and b != (AMBER if s.amber[i] else HALT):
                return 3
            if a == AMBER and (b != HALT or same_for(s, i, AMBER, AMBER, now) < s.amber[i]):
                return 4
            if moves(a) and not moves(b):
                if b != (AMBER if s.amber[i] else HALT):
                    return 5
                if same_for(s, i, FREE, CEDE, now) < s.shortest[i]:
                    return 6
            if a == HALT and b != (PREPARE if s.ready[i] else b):
                return 7
            if a == HALT and (b == AMBER or (b == PREPARE and not s.ready[i])):
                return 7
            if a == PREPARE:
                if not moves(b) or same_for(s, i, PREPARE, PREPARE, now) < s.ready[i]:
                    return 8
            if (moves(b) or b == PREPARE) and not all_halted_for_calm(s, now):
                return 9
        if not (moves(b) or b == PREPARE):
            continue
        for j in range(s.count):
            if s.gap[i][j] < 0:
                continue
            if moves(lamps[j]) and moves(b):
                if not (b == CEDE and s.cedes[i][j]) and not (lamps[j] == CEDE and s.cedes[j][i]):
                    return 10
            elif (moves(lamps[j]) or lamps[j] == PREPARE) and not s.cedes[i][j]:
                if not (s.cedes[j][i] and lamps[j] != FREE):
                    return 11
            elif lamps[j] == FREE and b != PREPARE and not s.cedes[i][j]:
                return 11
            if a == b or (moves(a) and b == CEDE):
                continue
            if s.cedes[i][j] and b != FREE and moves(lamps[j]):
                continue                    # it may join who moves, looking out for him
            # Whoever stopped must be off the place; of who moves on looking out, what he was
            # before he had to.
            both = s.cedes[j][i] and lamps[j] == CEDE
            need = s.gap[j][i] - (s.ready[i] if b == PREPARE else 0)
            if gone_since(s, j, not both, True, now) < need:
                return 13 if s.cedes[i][j] or s.cedes[j][i] else 12
    return 0


cdef void note(Street *s, const uint8_t *lamps, int64_t now) noexcept nogil:
    cdef Entry *e
    if s.entries and memcmp(s.log[(s.entries - 1) % KEPT].lamps, lamps, s.count) == 0:
        return
    e = &s.log[s.entries % KEPT]
    e.at = now
    memcpy(e.lamps, lamps, s.count)
    s.entries += 1


# The storm ------------------------------------------------------------------------------------

cdef uint8_t likely(Street *s, int i, uint8_t shown) noexcept nogil:
    # What may come after, most of the time; and sometimes anything at all.
    cdef uint8_t go = FREE if draw(s, 2) else CEDE
    if draw(s, 40) == 0:
        return <uint8_t> draw(s, 9)
    if shown == HALT:
        return PREPARE if s.ready[i] else go
    if shown == PREPARE:
        return go
    if moves(shown):
        if draw(s, 4) == 0:
            return go
        return AMBER if s.amber[i] else HALT
    if shown == AMBER:
        return HALT
    return AMBER if s.amber[i] else HALT


cdef void propose(Street *s, const uint8_t *shown, uint8_t *wish) noexcept nogil:
    cdef int i, changes = 1 + <int> (draw(s, 3) == 0)
    cdef bint blind = True, amber = False
    for i in range(s.count):
        wish[i] = shown[i]
        blind = blind and (shown[i] == OFF or shown[i] == BLINK)
        amber = amber or shown[i] == AMBER
    if blind or (amber and draw(s, 2)) or draw(s, 30) == 0:
        for i in range(s.count):
            if blind or shown[i] == AMBER:
                wish[i] = likely(s, i, shown[i])
        return
    while changes:
        changes -= 1
        i = <int> draw(s, s.count)
        wish[i] = likely(s, i, shown[i])


cdef void one_sequence(
    Street *s, bint faults, uint32_t rules, int steps, Tally *tally
) noexcept nogil:
    cdef Matrices m
    cdef Timers t
    cdef Finding finding
    cdef uint8_t[64] wish, seen, lamps, before
    cdef int64_t true_ms = <int64_t> draw(s, 1000000), clock = true_ms
    cdef int64_t passed
    cdef int _step, i, found
    cdef bint lost, reads = faults and draw(s, 2)
    draw_street(s, &m)
    digest(&m)
    forget(&t)
    memset(lamps, OFF, 64)
    memset(before, OFF, 64)
    note(s, lamps, true_ms)                  # without power until then
    for _step in range(steps):
        passed = <int64_t> draw(s, <uint64_t> s.longest // 50 + 1) * 50
        true_ms += passed
        clock += passed
        if faults and draw(s, 16) == 0:      # a clock that jumps, any way, as far as it likes
            if draw(s, 2):
                clock -= <int64_t> draw(s, 5000)
            else:
                clock += s.longest + 1 + <int64_t> draw(s, 1 << draw(s, 40))
        if faults and draw(s, 40) == 0:
            forget(&t)                       # a restart; the lamps stay as they are
        memcpy(seen, t.shown, 64)
        if reads:
            memcpy(seen, lamps, 64)
            if draw(s, 8) == 0:
                memcpy(seen, before, 64)     # an answer that is late
            if draw(s, 50) == 0 and memcmp(lamps, t.shown, s.count) == 0:
                # A wrong one; but never one that says of a lost output that it came: that is a
                # lie which nobody can find out who has no other eyes.
                seen[draw(s, s.count)] = <uint8_t> draw(s, 256)
        if draw(s, 4):
            propose(s, seen, wish)
        else:
            propose(s, lamps, wish)
        if judge(&m, &t, seen, wish, clock, rules, &finding) != ALLOWED:
            tally.refused += 1
            if draw(s, 25):
                memcpy(wish, seen, 64)       # it was refused when it was asked for
            if judge(&m, &t, seen, wish, clock, rules, &finding) != ALLOWED:
                memcpy(wish, m.in_flash, 64)
                tally.fallbacks += 1
        commit(&m, &t, seen, wish, clock, rules)
        lost = reads and draw(s, 12) == 0    # what was written does not come to the lamps
        memcpy(before, lamps, 64)
        if lost:
            continue
        found = unsafe(s, wish, true_ms)
        if found:
            tally.unsafe += 1
            tally.first = tally.first or found
            return
        for i in range(s.count):
            tally.greens += moves(wish[i]) and not moves(lamps[i])
        memcpy(lamps, wish, 64)
        note(s, lamps, true_ms)
        tally.steps += 1


def storm(uint64_t seed, int64_t sequences, *, bint faults=False, uint32_t without=0,
          int steps=48, bint until_unsafe=False):
    """Run random sequences of commands, and have a judge look at all that was shown."""
    cdef Street street
    cdef Tally tally
    cdef int64_t done = 0
    memset(&street, 0, sizeof(Street))
    memset(&tally, 0, sizeof(Tally))
    street.seed = seed * 2 + 1
    with nogil:
        while done < sequences:
            one_sequence(&street, faults, <uint32_t> ALL & ~without, steps, &tally)
            done += 1
            if until_unsafe and tally.unsafe:
                break
    return {
        "sequences": done, "unsafe": tally.unsafe, "first": tally.first, "greens": tally.greens,
        "refused": tally.refused, "fallbacks": tally.fallbacks, "steps": tally.steps,
    }


def check_ns(Interlock interlock not None, bytes proposed not None, int64_t now, int64_t rounds):
    """Return ns of processor time that one look takes, without Python around it."""
    cdef Finding finding
    cdef int64_t done = 0, begin
    cdef int allowed = 0
    cdef const uint8_t *wish = <const uint8_t *> <char *> proposed
    if len(proposed) != interlock.m.count or rounds < 1:
        raise ValueError("one byte a signal group, and at least one round")
    with nogil:
        begin = clock()
        while done < rounds:
            allowed += judge(
                &interlock.m, &interlock.t, interlock.t.shown, wish, now, ALL, &finding
            ) == ALLOWED
            done += 1
        begin = clock() - begin
    return begin * (1e9 / CLOCKS_PER_SEC) / rounds, allowed == rounds
