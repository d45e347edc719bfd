"""Contract of the storm: random commands against the interlock, and a judge of what was shown.

For benches and tests only. The judge shares nothing with the interlock: it has true time, which
no interlock has, keeps a log of what the lamps showed, and searches that log for each pair.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cdef enum:
    CROWD = 12                 # signal groups of a drawn intersection, at most
    KEPT = 64                  # entries of the log; older ones are longer ago than any time here

cdef struct Entry:
    int64_t at                 # true ms
    uint8_t[12] lamps

cdef struct Street:            # a drawn intersection, as it was drawn
    int32_t count
    int32_t[12][12] gap        # ms; -1: they do not conflict
    uint8_t[12][12] cedes      # the row may show yielding green while the column goes
    int32_t[12] shortest
    int32_t[12] amber
    int32_t[12] ready
    uint8_t[12] idle
    int32_t calm
    int32_t longest
    int32_t entries            # of the log, all that ever were
    Entry[64] log
    uint64_t seed

# What is unsafe about these lamps after all that the log has, at this true time; 0: nothing.
cdef int unsafe(const Street *street, const uint8_t *lamps, int64_t now) noexcept nogil
