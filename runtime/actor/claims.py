"""The claims of one device at work: claims come, are asked about, and are written.

A device without claims has no such object.
"""

from __future__ import annotations

from jacquemart.runtime.actor.claim_ticket import ClaimStep, ClaimTicket
from jacquemart.runtime.actor.effective import Effective
from jacquemart.runtime.actor.substitution import kept_real
from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.actor.values import Refusal as ValueRefusal
from jacquemart.runtime.actor.values import check_reading, check_value
from jacquemart.runtime.kernel.standing import Live, Refusal
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.claim import HOLD, LOCKOUT_SLOT, MINIMUM_SLOT, RELEASE, Claim
from jacquemart.runtime.model.outcome import Outcome, Reason, Status

_UNREACHABLE = frozenset((Reason.UNREACHABLE, Reason.UNREACHABLE_BY))


class DeviceClaims(Effective):
    """Who may move one device: what its actor and the writer of its link ask."""

    __slots__ = ()

    # What the actor and the writer ask -------------------------------------------------------

    def command_refusal(self, ticket: Ticket) -> str | None:
        """Return why a command of the device's kind may not be done now."""
        now = self._now()
        found = self.kernel.admits("", ticket.principal, ticket.priority, now)
        return found.text if found is not None else None

    def refusal(self, ticket: Ticket, point: str, value: float) -> str | None:
        """Return why a write may not leave now; asked when it comes, and right before the field."""
        now = self._now()
        found: Refusal | None
        if isinstance(ticket, ClaimStep):
            found = self.kernel.confirms(point, value, now)
        else:
            found = self.kernel.admits(
                point, ticket.principal, ticket.priority, now, value, fail_safe=ticket.fail_safe
            )
        return found.text if found is not None else None

    def sent(self, ticket: Ticket, spec: PointSpec, value: float) -> None:
        """Take note that a write leaves for the field now."""
        self.kernel.sent(spec.name, value, ticket, self._switch(spec, value))
        self._sent_ns[spec.name] = self._now()

    def landed(self, ticket: Ticket, status: Status, reason: str, value: float) -> bool:
        """Take the end of a write; return whether it changed the value of a hold."""
        point = ticket.point
        definite = status is Status.FAILED and reason in (Reason.REFUSED, Reason.BUSY)
        unsent = status in (Status.REJECTED, Status.EXPIRED)
        known = self.kernel.landed(point, ticket, took=not definite and not unsent)
        held = False
        reached = status in (Status.APPLIED, Status.INDETERMINATE)
        if known and reached and not isinstance(ticket, ClaimStep):
            held = self.kernel.was_set(point, value, ticket.principal, ticket.priority)
        self._soon(0.0)
        return held

    # Claims ----------------------------------------------------------------------------------

    def take(self, ticket: ClaimTicket) -> bool:
        """Do a claim; return whether it ends later.

        Without the lease nothing is done: another cell may have the device by now, with claims of
        its own, and what is acknowledged here would be news to that one.
        """
        lacks = ticket.lacks()
        if lacks is not None:
            self._end(ticket, Status.REJECTED, Reason.NO_LEASE, lacks)
            return False
        self._tell(self.kernel.expire(self._now()))
        if ticket.verb == RELEASE:
            return self._release(ticket)
        value, wrong = self._wanted(ticket)
        if wrong is not None:
            self._end(ticket, Status.REJECTED, *wrong)
            return False
        now, clock = self._now(), self._actor.host.clock
        until_ns = now + ticket.lease_ms * 1_000_000 if ticket.lease_ms else 0
        claim = ticket.claim(value, clock.wall_ns())
        found = self.kernel.claim(claim, until_ns, now, ticket.received_ns)
        if isinstance(found, Refusal):
            self._end(ticket, Status.REJECTED, Reason.HELD, found.text)
            return False
        self._tell(found.ended)
        if self.shows(ticket.point):
            self._substitute()
            self._placed(claim)
            if self.kernel.effective(ticket.point, now) == value:  # it moves nothing
                self._end(ticket, Status.APPLIED, value=value)
                return False
        if found.asked is not None:
            self._emit("reservation_asked", found.asked, by=claim.owner, asked_why=claim.why)
        if claim.verb != HOLD or found.behind is not None:
            if not self.shows(ticket.point):
                self._placed(claim)
            if found.behind is not None:
                self._end(ticket, Status.SUPERSEDED, Reason.OUTRANKED, found.behind.text)
            else:
                self._end(ticket, Status.APPLIED)
            return False
        return self._write_for(ticket, claim.value or 0.0, claim, found.before)

    def _wanted(self, ticket: ClaimTicket) -> tuple[float | None, ValueRefusal | None]:
        """Return the value that a claim holds a point at, and what is wrong with the claim."""
        if ticket.verb != HOLD:
            point = (
                Reason.UNKNOWN_POINT,
                f"a {ticket.verb} is for a whole device, without a point",
            )
            return None, point if ticket.point else None
        spec = self._actor.point(ticket.point)
        if spec is None:
            return None, (Reason.UNKNOWN_POINT, f"{self._actor.id} has no point {ticket.point!r}")
        if ticket.priority in (LOCKOUT_SLOT, MINIMUM_SLOT):
            whose = "lock-outs" if ticket.priority == LOCKOUT_SLOT else "minimum on and off times"
            return None, (Reason.RULE, f"slot {ticket.priority} is that of {whose}")
        if spec.pulse:
            why = (
                f"{spec.name} acts anew with each write, so nobody can hold it; reserve the device"
            )
            return None, (Reason.RULE, why)
        if spec.writable:
            return check_value(spec, ticket.value, ticket.unit)
        real = kept_real(type(self._actor), self._actor.template, spec)
        if real is not None:
            said = f"{spec.name} cannot be written, nor its reading substituted: {real}"
            return None, (Reason.NOT_WRITABLE, said)
        return check_reading(spec, ticket.value, ticket.unit)

    def _release(self, ticket: ClaimTicket) -> bool:
        found = self.kernel.release(
            ticket.point, ticket.slot, ticket.principal, ticket.priority, ticket.received_ns
        )
        if isinstance(found, Refusal):
            self._end(ticket, Status.REJECTED, Reason.HELD, found.text)
            return False
        self._tell(found)
        self._substitute()
        for due in self.kernel.due(self._now()):
            if due.point == ticket.point and due.point not in self._trying:
                if self._shown_already(due.point, due.value):
                    break
                return self._write_for(ticket, due.value, None, None)
        said = "" if found else f"nothing of that kind stood in slot {ticket.slot}"
        self._end(ticket, Status.APPLIED, Reason.OK, said)
        return False

    def _write_for(
        self, ticket: ClaimTicket, value: float, claim: Claim | None, before: Live | None
    ) -> bool:
        """Write what a claim has made effective, and end it with what became of that."""
        actor, later = self._actor, False
        self._trying.add(ticket.point)

        def ended(step: Ticket) -> None:
            self._trying.discard(ticket.point)
            ticket.dispatched_ns = step.dispatched_ns
            ticket.acknowledged_ns = step.acknowledged_ns
            assert step.outcome is not None
            if claim is None:
                self._released(ticket, step.outcome)
            else:
                self._held(ticket, step.outcome, claim, before)
            if later:
                actor.ended(ticket)

        actor.write_effective(ClaimStep(ticket.id, ticket, ticket.point, value, ended))
        later = ticket.outcome is None
        return later

    def _held(self, ticket: ClaimTicket, got: Outcome, claim: Claim, before: Live | None) -> None:
        """End a hold; it stands unless nothing was sent for a reason that is no outage."""
        status, reason = got.status, got.reason
        if status is Status.REJECTED and reason in _UNREACHABLE:
            status = Status.FAILED  # it stands, and is written when the device can be reached
        elif status is Status.REJECTED and reason == Reason.HELD:
            status, reason = Status.SUPERSEDED, Reason.OUTRANKED
        elif status in (Status.REJECTED, Status.EXPIRED):
            self.kernel.withdraw(claim, before)
            self._end(ticket, status, reason, got.detail)
            return
        if status in (Status.FAILED, Status.INDETERMINATE):
            self._pause(ticket.point, anew=True)
        self._placed(claim)
        self._end(ticket, status, reason, got.detail, got.value)

    def _released(self, ticket: ClaimTicket, got: Outcome) -> None:
        """End a release: it is done; its status says whether the next value is there."""
        status, detail = got.status, got.detail
        if status is not Status.APPLIED:
            detail = f"released; then: {detail or got.reason}"
            self._pause(ticket.point, anew=True)
        if status in (Status.REJECTED, Status.EXPIRED):
            status = Status.FAILED
        self._end(ticket, status, got.reason, detail, got.value)

    def _end(
        self, ticket: Ticket, status: Status, reason: str = Reason.OK, detail: str = "",
        value: float | None = None,
    ) -> None:  # fmt: skip
        ticket.finish(status, reason, detail, value, now_ns=self._now())
        self._soon(0.0)
