"""Claims on their way through a device's mailbox, and the writes that they bring about."""

from __future__ import annotations

from collections.abc import Callable

from jacquemart.runtime.actor.ticket import Step, Ticket, Value
from jacquemart.runtime.model.claim import NEVER_PREEMPTED, RELEASE, Claim


def _nothing() -> str | None:
    """Lack nothing, as a device alone does, to which nobody grants leases."""
    return None


class ClaimTicket(Ticket):
    """A hold, release, reservation or lock-out."""

    __slots__ = ("grace_ms", "lacks", "lease_ms", "until_wall_ns", "why")

    def __init__(
        self, id: bytes, principal: str, device: str, verb: str, point: str, value: Value,
        unit: str, priority: int, deadline_ns: int, received_ns: int,
        end: Callable[[Ticket], None], *, lease_ms: int = 0, grace_ms: int = NEVER_PREEMPTED,
        why: str = "", until_wall_ns: int = 0, lacks: Callable[[], str | None] = _nothing,
    ) -> None:  # fmt: skip
        """Describe it; see :class:`Ticket` and :class:`jacquemart.runtime.model.claim.Claim`.

        Args:
            lease_ms: how long it stands; 0: until it is released.
            until_wall_ns: when that is over; 0: never.
            lacks: returns what its cell lacks to do it now, such as the lease; None: nothing.
        """
        super().__init__(
            id, principal, device, verb, point, value, unit, priority, deadline_ns, received_ns,
            end,
        )  # fmt: skip
        self.lease_ms = lease_ms
        self.grace_ms = grace_ms
        self.lacks = lacks
        self.why = why
        self.until_wall_ns = until_wall_ns

    @property
    def slot(self) -> int:
        """The slot that it means; a release may name another one than its priority."""
        if self.verb == RELEASE and isinstance(self.value, (int, float)):
            return int(self.value)
        return self.priority

    def claim(self, value: float | None, wall_ns: int) -> Claim:
        """Return the claim that it makes."""
        return Claim(
            self.verb, self.device, self.point, self.priority, value, self.principal, self.why,
            self.until_wall_ns, self.grace_ms, self.id, wall_ns,
        )  # fmt: skip


class ClaimStep(Step):
    """A write of what is effective: for a claim, or because one has ended.

    It is not asked who may move the point, since it is the answer to that.
    """

    __slots__ = ()
