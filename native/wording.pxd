"""Contract of the wording: what a client says as a COMMAND, and what an OUTCOME says to it.

Any thread, with the GIL. It refuses nothing: what is not plain it leaves to who can say why.
"""

from libc.stdint cimport int64_t, uint8_t

from jacquemart.native.frames cimport OutcomeFrame


# An identity that nobody has given. Raises OSError.
cdef bytes new_identity()


# Refuse what no named tuple of so many fields is, and so would be filled wrongly. Raises TypeError.
cdef int check_row(object kind, Py_ssize_t fields) except -1


# An outcome as a named tuple: ``outcome_type`` of 8 fields, the last of them ``stages_type`` of 4;
# both were checked.
cdef object outcome_row(
    object outcome_type, object stages_type, object status, OutcomeFrame got
)


cdef class Wording:
    cdef object outcome_type, stages_type
    cdef dict statuses       # code -> status
    cdef object unknown      # the status of codes of a later version
    cdef int64_t early_ns    # a moment of ours on the gateway's clock, never later: so much more
    cdef double longest_s    # the furthest deadline

    # A COMMAND that is plain, or None.
    cdef bytes command_in(
        self, str principal, str subject, str verb, object value, double within_s, str unit,
        uint8_t priority
    )

    # The outcome in an OUTCOME, or None: it is none.
    cdef object outcome_in(self, bytes frame)
