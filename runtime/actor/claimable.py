"""What claims can be laid on: the part of a device actor that deals with them.

It keeps nothing for a device without claims but one empty slot.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jacquemart.native.parts import Parts
from jacquemart.runtime.actor.base import Actor, Host
from jacquemart.runtime.actor.claim_ticket import ClaimStep, ClaimTicket
from jacquemart.runtime.actor.claims import DeviceClaims
from jacquemart.runtime.actor.superseding import take_older
from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.actor.values import check_value
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.model.city import PointSpec, TemplateSpec
from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.model.outcome import Reason, Status

if TYPE_CHECKING:
    from jacquemart.runtime.actor.device import DeviceShard


class Claimable(Actor):
    """Base of device actors: holds, reservations, lock-outs, standing setpoints."""

    __slots__ = ("_last", "claims")

    template: TemplateSpec
    shard: DeviceShard
    base: int

    def __init__(self, id: str, host: Host) -> None:
        """Begin without a claim."""
        super().__init__(id, host)
        self._last: Ticket | Parts | None = None
        """The last command that came; of a bulk command maybe its columns."""
        self.claims: DeviceClaims | None = None
        """Who may move it; None: nobody claims anything."""

    def stop(self, why: str = "the cell is stopping") -> None:
        """Stop it; what stands, stands in the zone's journal."""
        super().stop(why)
        if self.claims is not None:
            self.claims.stop()

    def _send(self, ticket: Ticket) -> bool:
        raise NotImplementedError

    def ended(self, ticket: Ticket) -> None:
        """Take that a command in hand has its end."""
        raise NotImplementedError

    def _supersede(self, newer: Ticket) -> None:
        """End the setpoints of the same point that wait, and that ``newer`` takes the place of."""
        spec = self.point(newer.point)
        if self._mailbox is None or spec is None or spec.pulse:
            return
        if check_value(spec, newer.value, newer.unit)[1] is not None:
            return
        now = self.host.clock.boot_ns()
        for older in take_older(self._mailbox, newer, of_all=self.claims is None):
            detail = f"{newer.principal or 'somebody'} has set {newer.point} anew meanwhile"
            older.finish(Status.SUPERSEDED, Reason.NEWER, detail, now_ns=now)

    def lock_out(self, ticket: ClaimTicket) -> None:
        """Do a lock-out now: whoever works there waits for no command in hand.

        What was handed to the driver already cannot be called back; nothing else is sent.
        """
        now = self.host.clock.boot_ns()
        if self._stopped:
            self._refuse(ticket, Reason.STOPPING, self._stopped)
        elif now >= ticket.deadline_ns:
            self._expire(ticket, now)
        else:
            self._last = ticket
            self.claiming().take(ticket)

    def restore(self, content: Mapping[str, Any]) -> None:
        """Take back what stood before a restart; its cell calls this before anything is written.

        Args:
            content: plain values: ``claims`` (see ``Claim.as_plain``), ``setpoints``: point ->
                ``[value, principal, priority, wall_ns]``, ``above``: the points whose setpoint
                stands above their holds, and what ``restore_state`` takes.
        """
        claims = [Claim.from_plain(row) for row in content.get("claims", ())]
        sets = []
        for point, (said, principal, priority, at_ns) in content.get("setpoints", {}).items():
            spec = self.point(point)
            value, wrong = check_value(spec, said, "") if spec is not None else (math.nan, None)
            if spec is None or wrong is not None or spec.pulse:
                continue  # the city has changed
            self.shard.setpoints.put(self.base + self.template.point_index(point), value)
            if claims or spec.min_on_s or spec.min_off_s:
                sets.append((point, value, principal, priority, at_ns))
        if claims or sets:
            self.claiming().restore(claims, sets, content.get("above"))
        self.restore_state(content)

    def write_effective(self, step: ClaimStep) -> None:
        """Write what a claim has made effective, checked as every write."""
        self._send(step)

    def point(self, name: str) -> PointSpec | None:
        """Return a point as the template has it; None: it has none of that name."""
        at = self.template.point_index(name)
        return self.template.points[at] if at >= 0 else None

    def shown(self, point: str) -> tuple[PointSpec, float, int, int]:
        """Return a writable point's feedback: spec, value, quality and receive time (POSIX ns)."""
        spec = self.template.points[self.template.point_index(point)]
        at = self.template.point_index(spec.feedback or point)
        value, quality, _, receive_ns = self.shard.table.read(self.base + at)
        return self.template.points[at], value, quality, receive_ns

    def substitute(self, point: str, value: float | None) -> None:
        """Show a value in place of a reading; None: show what is read again."""
        self.shard.substitute(self.base + self.template.point_index(point), value)

    def claiming(self) -> DeviceClaims:
        """Return what deals with its claims; it goes again by itself when there are none."""
        if self.claims is None:
            self.claims = DeviceClaims(self)
            self.claims.look_soon()
        return self.claims

    def landed(
        self, ticket: Ticket, verdict: Verdict, spec: PointSpec, slot: int, value: float
    ) -> None:
        """Take the end of a write from its writer, before the kind has its say.

        It is remembered what a point was set to; what a hold wants is the hold's.
        """
        status = verdict.status
        if self.claims is not None and self.claims.landed(ticket, status, verdict.reason, value):
            return
        reached = status is Status.APPLIED or status is Status.INDETERMINATE
        if reached and not spec.pulse and not isinstance(ticket, ClaimStep):
            self.shard.setpoints.put(slot, value)
