"""The native ticket; what it promises stands in the stub."""

cimport cython
from libc.stdint cimport uint8_t, uint64_t

from jacquemart.native.fields cimport (
    NAME_BYTES, TEXT_BYTES, id_of, real_of, shortened_of, text_of,
)
from jacquemart.native.frames cimport outcome_of


@cython.auto_pickle(False)
cdef class Ticket:
    """One command to one actor."""

    def __init__(
        self, id, principal, device, verb, point, value, unit, priority, deadline_ns, received_ns,
        end,
    ):
        self.id = id
        self.principal = principal
        self.device = device
        self.verb = verb
        self.point = point
        self.value = self.said = value
        self.unit = unit
        self.priority = priority
        self.deadline_ns = deadline_ns
        self.received_ns = received_ns
        self.end = end

    cdef int put_end(
        self, object status, str reason, str detail, object result, int64_t now_ns
    ) except -1:
        self.status = status
        self.reason = reason
        self.detail = detail
        self.result = result
        self.finished_ns = now_ns
        self.ended = True
        return 0

    def conclude(self, status, reason, detail, result, now_ns):
        """Set the end and tell it."""
        self.put_end(status, reason, detail, result, now_ns)
        # A device keeps its last ticket, and must not keep with it who asked, and with what frame.
        end, self.end = self.end, None
        end(self)

    def end_frame(self):
        """Return the end as an OUTCOME frame."""
        if not self.ended:
            raise ValueError("it has no end yet")
        return self.encoded()

    cdef bytes encoded(self):
        cdef str detail = self.detail
        if detail:
            detail = shortened_of(detail, "detail", TEXT_BYTES)
        return outcome_of(
            id_of(self.id), text_of(self.device, "device", NAME_BYTES),
            text_of(self.point, "point", NAME_BYTES), <uint8_t> self.status,
            text_of(self.reason, "reason", NAME_BYTES), detail, real_of(self.result),
            <uint64_t> self.received_ns, <uint64_t> self.dispatched_ns,
            <uint64_t> self.acknowledged_ns, <uint64_t> self.finished_ns,
        )
