# What is done to the rows of a point table: one row, then loops over columns and the table.
#
# Plain nogil functions that cannot fail and touch no Python object; whoever calls them has
# checked slots, groups and lengths, and keeps rows and columns alive.

from libc.math cimport INFINITY, NAN, isfinite, isnan
from libc.stdint cimport INT64_MIN, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from jacquemart.native.columns cimport Column, quality_at, slot_at, time_at, value_at
from jacquemart.native.rows cimport (
    BAD, BAD_NEVER_READ, BAD_REMOVED, BAD_VALUE, CHANGED, DIRTY, KEEP_EVERY, LOG_ENTRIES,
    OLD_TOTALS, RETIRED, STALE_AGE, UNCERTAIN, UNCERTAIN_CLOCK, UNCERTAIN_RANGE, URGENT, Kept,
    Limits, Rows, Totals)

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void* place) noexcept nogil

cdef enum Distance:
    AHEAD = 8  # rows between asking for a slot's memory and using it


cdef inline bint same_bits(double left, double right) noexcept nogil:
    """Compare what would be stored: NaN equals itself, and -0.0 is not 0.0."""
    cdef uint64_t left_bits, right_bits
    memcpy(&left_bits, &left, 8)
    memcpy(&right_bits, &right, 8)
    return left_bits == right_bits


cdef inline bint store(
    Rows* rows, uint32_t slot, double value, uint8_t quality, int64_t source_ns,
    int64_t receive_ns, bint reading
) noexcept nogil:
    """Store a state as it is; return whether value or quality changed.

    A ``reading`` of a keep-every slot is an entry of its own even if it equals the one before.
    """
    cdef uint8_t flags = rows.flags[slot]
    cdef uint8_t old_quality = rows.qualities[slot]
    cdef bint moved = not same_bits(value, rows.values[slot])
    cdef bint changed = moved or quality != old_quality
    cdef uint32_t* counts
    cdef Kept* entry
    # One test for what is seldom, so that all others do not pay for it.
    if flags & (KEEP_EVERY | RETIRED) and (reading or changed or flags & RETIRED):
        if flags & RETIRED:
            return False
        if flags & DIRTY:
            if rows.kept_count < LOG_ENTRIES:
                entry = &rows.kept[rows.kept_count]
                rows.kept_count += 1
                entry.value = rows.values[slot]
                entry.source_ns = rows.source_ns[slot]
                entry.receive_ns = rows.receive_ns[slot]
                entry.slot = slot
                entry.quality = old_quality
            else:
                rows.lost_every += 1
                if quality < UNCERTAIN:
                    quality = UNCERTAIN
                changed = moved or quality != old_quality
    elif (
        not changed and source_ns == rows.source_ns[slot]
        and receive_ns == rows.receive_ns[slot]
    ):
        return False
    if changed:
        rows.marks[rows.group_of[slot]] = CHANGED | OLD_TOTALS
        if (quality ^ old_quality) >> 6:
            counts = rows.by_severity + 4 * <size_t>rows.group_of[slot]
            counts[old_quality >> 6] -= 1
            counts[quality >> 6] += 1
            rows.urgent = True
        elif moved and flags & URGENT:
            rows.urgent = True
    rows.values[slot] = value
    rows.qualities[slot] = quality
    rows.source_ns[slot] = source_ns
    rows.receive_ns[slot] = receive_ns
    if not flags & DIRTY:
        rows.flags[slot] = flags | DIRTY
        rows.dirty[rows.dirty_count] = slot
        rows.dirty_count += 1
    elif reading and not flags & KEEP_EVERY:
        rows.conflated += 1
    return changed


cdef inline bint accept(
    Rows* rows, uint32_t slot, double value, uint8_t quality, int64_t source_ns,
    int64_t receive_ns
) noexcept nogil:
    """Judge a reading (future, not finite, out of range), then store it."""
    cdef bint good = quality < UNCERTAIN
    cdef const Limits* limits
    if source_ns == 0:
        source_ns = receive_ns
    elif source_ns > receive_ns:
        source_ns = receive_ns
        if good:
            quality = UNCERTAIN_CLOCK
    if not isfinite(value):
        value = rows.values[slot]
        if quality < BAD:
            quality = BAD_VALUE
    elif good and rows.ranged:
        limits = &rows.limits[rows.limits_of[slot]]
        if not limits.low <= value <= limits.high:
            quality = UNCERTAIN_RANGE
    return store(rows, slot, value, quality, source_ns, receive_ns, True)


cdef inline bint requalify(
    Rows* rows, uint32_t slot, uint8_t quality, int64_t receive_ns
) noexcept nogil:
    """Give a slot a quality, keeping value and source time; return whether it changed."""
    # What was never read cannot be made better than BAD by a word from above.
    if quality < BAD and isnan(rows.values[slot]):
        quality = rows.qualities[slot]
    return store(
        rows, slot, rows.values[slot], quality, rows.source_ns[slot], receive_ns, False)


cdef inline void foresee(const Rows* rows, uint32_t slot) noexcept nogil:
    """Ask for the memory of a slot that will be stored soon (a third less time a random slot).

    The callers skip runs, which the processor foresees by itself. The condition stands with
    them because gcc drops calls of a conditional function that does nothing but prefetch.
    """
    prefetch(&rows.values[slot])
    prefetch(&rows.qualities[slot])
    prefetch(&rows.flags[slot])
    prefetch(&rows.group_of[slot])
    prefetch(&rows.source_ns[slot])
    prefetch(&rows.receive_ns[slot])


cdef inline Py_ssize_t accept_rows(
    Rows* rows, const Column* slots, const Column* values, const Column* qualities,
    const Column* source_ns, int64_t receive_ns
) noexcept nogil:
    """Accept checked columns. qualities NULL: all GOOD; source_ns NULL: receive_ns."""
    cdef Py_ssize_t row, changed = 0
    cdef uint32_t slot
    for row in range(slots.count):
        slot = slot_at(slots, row)
        if row + AHEAD < slots.count and slot_at(slots, row + AHEAD) != slot + AHEAD:
            foresee(rows, slot_at(slots, row + AHEAD))
            if rows.ranged:
                prefetch(&rows.limits_of[slot_at(slots, row + AHEAD)])
        # Checked before, but a writable buffer may change while the GIL is released.
        if slot < <size_t>rows.capacity:
            changed += accept(
                rows, slot, value_at(values, row),
                0 if qualities == NULL else quality_at(qualities, row),
                receive_ns if source_ns == NULL else time_at(source_ns, row), receive_ns)
    return changed


cdef inline Py_ssize_t store_rows(
    Rows* rows, const Column* slots, const Column* values, const Column* qualities,
    const Column* source_ns, const Column* receive_ns
) noexcept nogil:
    """Store checked columns as they are."""
    cdef Py_ssize_t row, changed = 0
    cdef uint32_t slot
    for row in range(slots.count):
        slot = slot_at(slots, row)
        if row + AHEAD < slots.count and slot_at(slots, row + AHEAD) != slot + AHEAD:
            foresee(rows, slot_at(slots, row + AHEAD))
        if slot < <size_t>rows.capacity:  # as in accept_rows
            changed += store(
                rows, slot, value_at(values, row), quality_at(qualities, row),
                time_at(source_ns, row), time_at(receive_ns, row), True)
    return changed


cdef inline void compute_totals(Rows* rows, Py_ssize_t group) noexcept nogil:
    """Compute sum, minimum, maximum and worst of a group in the order of its slots."""
    cdef Totals* totals = &rows.totals[group]
    cdef uint32_t place, slot
    cdef uint8_t worst = 0
    cdef double value, total = 0.0, minimum = INFINITY, maximum = -INFINITY
    for place in range(rows.first_member[group], rows.first_member[group + 1]):
        slot = rows.members[place]
        worst = max(worst, rows.qualities[slot])
        if rows.qualities[slot] < STALE_AGE:
            value = rows.values[slot]
            total += value
            minimum = min(minimum, value)
            maximum = max(maximum, value)
    totals.worst = worst
    if minimum <= maximum:
        totals.sum, totals.minimum, totals.maximum = total, minimum, maximum
    else:  # nobody is online
        totals.sum = totals.minimum = totals.maximum = NAN


cdef inline void list_members(Rows* rows, Py_ssize_t groups) noexcept nogil:
    """List the slots of every group; both arrays are allocated."""
    cdef Py_ssize_t group, slot
    cdef uint32_t total = 0
    cdef const uint32_t* counts
    # first_member[g + 1] serves as the place of g's next member, and so becomes g's end.
    for group in range(groups + 1):
        rows.first_member[group + 1] = total
        counts = rows.by_severity + 4 * group
        total += counts[0] + counts[1] + counts[2] + counts[3]
    for slot in range(rows.capacity):
        group = rows.group_of[slot]
        rows.members[rows.first_member[group + 1]] = <uint32_t>slot
        rows.first_member[group + 1] += 1


cdef inline bint define_row(
    Rows* rows, uint32_t slot, uint32_t group, uint32_t limits, bint keep_every, bint urgent
) noexcept nogil:
    """Give a slot that is not retired its definition; return whether it changed groups."""
    cdef uint32_t old = rows.group_of[slot]
    cdef uint8_t severity = rows.qualities[slot] >> 6
    rows.limits_of[slot] = limits
    rows.flags[slot] &= DIRTY
    if keep_every:
        rows.flags[slot] |= KEEP_EVERY
    if urgent:
        rows.flags[slot] |= URGENT
    if group == old:
        return False
    rows.group_of[slot] = group
    rows.by_severity[4 * <size_t>old + severity] -= 1
    rows.by_severity[4 * <size_t>group + severity] += 1
    rows.marks[old] = CHANGED | OLD_TOTALS
    rows.marks[group] = CHANGED | OLD_TOTALS
    return True


cdef inline void clear_row(Rows* rows, uint32_t slot, Py_ssize_t nowhere) noexcept nogil:
    """Make a slot as it is before its first reading, in no group (``nowhere``), not dirty."""
    rows.values[slot] = NAN
    rows.source_ns[slot] = rows.receive_ns[slot] = 0
    rows.limits_of[slot] = 0
    rows.qualities[slot] = BAD_NEVER_READ
    rows.flags[slot] = 0
    rows.group_of[slot] = <uint32_t>nowhere
    rows.by_severity[4 * nowhere + 3] += 1


cdef inline Py_ssize_t retire_rows(
    Rows* rows, Py_ssize_t first, Py_ssize_t many, Py_ssize_t nowhere
) noexcept nogil:
    """Take a range of slots out of everything, for good; return how many were still in it."""
    cdef Py_ssize_t slot, index, left, retired = 0
    cdef uint32_t group
    for slot in range(first, first + many):
        if rows.flags[slot] & RETIRED:
            continue
        retired += 1
        group = rows.group_of[slot]
        rows.marks[group] = CHANGED | OLD_TOTALS
        rows.by_severity[4 * <size_t>group + (rows.qualities[slot] >> 6)] -= 1
        clear_row(rows, <uint32_t>slot, nowhere)
        rows.qualities[slot] = BAD_REMOVED
        rows.flags[slot] = RETIRED
    if retired == 0:
        return 0
    left = 0
    for index in range(rows.dirty_count):
        if rows.flags[rows.dirty[index]] & DIRTY:
            rows.dirty[left] = rows.dirty[index]
            left += 1
    rows.dirty_count = left
    left = 0
    for index in range(rows.kept_count):
        if not rows.flags[rows.kept[index].slot] & RETIRED:
            rows.kept[left] = rows.kept[index]
            left += 1
    rows.kept_count = left
    if rows.dirty_count == 0:
        rows.urgent = False
    return retired


cdef inline Py_ssize_t sweep_rows(Rows* rows, int64_t now_ns) noexcept nogil:
    """Turn slots that were not heard of within their limit STALE; return how many."""
    cdef Py_ssize_t slot, changed = 0
    cdef int64_t limit_ns
    for slot in range(rows.capacity):
        limit_ns = rows.limits[rows.limits_of[slot]].stale_after_ns
        if limit_ns == 0 or rows.qualities[slot] >= STALE_AGE:
            continue
        if now_ns < 0 and limit_ns > now_ns - INT64_MIN:
            continue  # no time that fits 64 bits is that old
        if rows.receive_ns[slot] < now_ns - limit_ns:
            changed += requalify(rows, <uint32_t>slot, STALE_AGE, rows.receive_ns[slot])
    return changed


cdef inline void drain_rows(
    Rows* rows, uint32_t* slots, double* values, uint8_t* qualities, int64_t* source_ns,
    int64_t* receive_ns
) noexcept nogil:
    """Write kept and dirty rows, kept_count + dirty_count in all, and clear them."""
    cdef Py_ssize_t row, index
    cdef uint32_t slot
    cdef const Kept* entry
    for row in range(rows.kept_count):
        entry = &rows.kept[row]
        slots[row] = entry.slot
        values[row] = entry.value
        qualities[row] = entry.quality
        source_ns[row] = entry.source_ns
        receive_ns[row] = entry.receive_ns
    for index in range(rows.dirty_count):
        row = rows.kept_count + index
        slot = rows.dirty[index]
        slots[row] = slot
        values[row] = rows.values[slot]
        qualities[row] = rows.qualities[slot]
        source_ns[row] = rows.source_ns[slot]
        receive_ns[row] = rows.receive_ns[slot]
        rows.flags[slot] &= ~DIRTY
    rows.kept_count = rows.dirty_count = 0
    rows.urgent = False


cdef inline Py_ssize_t unfit_row(
    const Column* values, const Column* qualities
) noexcept nogil:
    """Return the first row that no table could have sent, or -1: infinite, or NaN yet not BAD."""
    cdef Py_ssize_t row
    cdef double value
    for row in range(values.count):
        value = value_at(values, row)
        if not isfinite(value) and not (isnan(value) and quality_at(qualities, row) >= BAD):
            return row
    return -1
