"""Claims in a device cell: from the wire to the device, and their ends back to the zone.

*Rules.* A claim is done under the lease of its shard, as writes are, or not at all: it would be
acknowledged here, and unknown to the cell that has the device by now. While there is no lease it is
sent back, and comes again in its order; one that finds its turn without it ends ``no_lease``. And
what ends here is told with the name of this incarnation: its zone believes no other than the one
that it has given the shard to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.actor.claim_ticket import ClaimTicket
from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.cell.outcomes import outcome_frame
from jacquemart.runtime.kernel.dedup import DedupWindow, Key, Seen
from jacquemart.runtime.kernel.sent_back import Turn
from jacquemart.runtime.model.claim import LOCKOUT, Claim
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.outcome import Outcome, Reason, Stages, Status
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.calls import Request
from jacquemart.runtime.wire.messages import ClaimCommand

if TYPE_CHECKING:
    from jacquemart.runtime.actor.claimable import Claimable
    from jacquemart.runtime.cell.device_cell import DeviceCell
    from jacquemart.runtime.cell.permit import Permit

log = logging.getLogger("jacquemart.cell")

#: Ends of claims told to a zone in one frame.
TOLD_AT_ONCE = 256
ANSWER_S = 5.0
#: Pause before a zone that does not answer is told again.
AGAIN_S = 1.0


class CellClaims:
    """What comes in as CLAIM, and the ends that the zones must be told."""

    def __init__(
        self,
        cell: DeviceCell,
        dedup: DedupWindow[bytes],
        ended: Callable[[Key, Ticket, Request], None],
    ) -> None:
        """Take claims for ``cell``; ``ended`` answers a ticket, by the window of commands."""
        self._cell = cell
        self._dedup = dedup
        self._ended = ended
        self._owed: dict[str, list[dict[str, Any]]] = {}
        """Zone -> ends that it does not have yet."""
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def stop(self) -> None:
        """Tell nothing any more: who comes next finds leases that are over, and tells them."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()

    @property
    def waiting(self) -> int:
        """Ends that no zone has taken yet."""
        return sum(map(len, self._owed.values()))

    def take(self, request: Request) -> None:
        """Hand a claim to its device, once.

        Raises:
            FrameError: malformed.
        """
        cell, claim = self._cell, messages.decode_claim(request.frame)
        received = cell.clock.boot_ns()
        if cell.draining or (claim.epoch and claim.epoch != cell.config.epoch):
            self._refuse(request, claim, Reason.MOVED, f"this cell is at epoch {cell.config.epoch}")
            return
        actor = cell.devices.get(claim.device)
        if actor is None:
            why = f"no device {claim.device!r} here"
            self._refuse(request, claim, Reason.UNKNOWN_DEVICE, why)
            return
        key: Key = (claim.principal, claim.id)
        permit: Permit | None = actor.shard.permit  # type: ignore[attr-defined]
        shut = permit is not None and not permit.gate.open()
        early = shut and self._dedup.peek(key)[0] is Seen.NEW
        if cell.intake.turn(actor, claim, received, early=early) is Turn.BACK:
            why = "its zone has not given the device to this cell now; send it again"
            self._refuse(request, claim, Reason.MOVED, why)
            return
        losses = permit.losses if permit is not None else 0
        content = (
            claim.device, claim.verb, claim.point, repr(claim.value), claim.unit, claim.priority,
            claim.lease_ms, claim.grace_ms,
        )  # fmt: skip
        seen, known = self._dedup.begin(key, content)
        if seen is Seen.NEW:
            lease_ns = claim.lease_ms * 1_000_000
            ticket = ClaimTicket(
                claim.id, claim.principal, claim.device, claim.verb, claim.point, claim.value,
                claim.unit, claim.priority, claim.deadline_ns, received,
                lambda ticket: self._ended(key, ticket, request),
                lease_ms=claim.lease_ms, grace_ms=claim.grace_ms, why=claim.why,
                until_wall_ns=cell.clock.wall_ns() + lease_ns if lease_ns else 0,
                lacks=lambda: permit.refusal(actor, losses) if permit is not None else None,
            )  # fmt: skip
            if cell.intake.was_taken_back(ticket):
                return
            if claim.verb == LOCKOUT:
                actor.lock_out(ticket)
            else:
                actor.post(ticket)
        elif seen is Seen.RUNNING:
            self._dedup.wait(key, request.reply)
        elif seen is Seen.FINISHED and known is not None:
            request.reply(known)
        else:
            why = "this id came before with other content"
            self._refuse(request, claim, Reason.DUPLICATE_ID, why)

    def _refuse(self, request: Request, claim: ClaimCommand, reason: str, detail: str) -> None:
        stages = Stages(finished=self._cell.clock.boot_ns())
        refused = Outcome(
            claim.id, claim.device, claim.point, Status.REJECTED, reason, detail, None, stages
        )
        request.reply(outcome_frame(refused))

    # Ends ------------------------------------------------------------------------------------

    def ended(self, actor: Claimable, claim: Claim, why: str) -> None:
        """Tell the device's zone that a claim stands no more, until it has taken it."""
        zone = self._cell.devices[actor.id].spec.zone if actor.id in self._cell.devices else ""
        if not zone:
            return  # the device has just left the city, and its claims with it
        self._owed.setdefault(zone, []).append(
            {
                "device": claim.device, "point": claim.point, "slot": claim.slot,
                "owner": claim.owner, "why": why, "id": claim.id,
            }
        )  # fmt: skip
        if self._task is None and not self._stopped:
            self._task = self._cell.loop.create_task(self._tell_all())

    async def _tell_all(self) -> None:
        try:
            while self._owed:
                told = [await self._tell(zone) for zone in list(self._owed)]
                if not all(told):
                    await asyncio.sleep(AGAIN_S)
        finally:
            self._task = None

    async def _tell(self, zone: str) -> bool:
        """Tell a zone some ends; return whether it has them."""
        cell, owed = self._cell, self._owed[zone]
        some = owed[:TOLD_AT_ONCE]
        question = messages.query("claim_ended", **cell.leases.who(), zone=zone, ended=some)
        try:
            caller = cell.caller(cell.directory.zones.get(zone, ""))
            frame = await caller.ask(question, ANSWER_S)
            if frame is None:
                return False
            answer = messages.decode_reply(frame)
        except JacquemartError:
            return False  # it is being replaced, or its journal takes nothing now
        said = answer if isinstance(answer, dict) else {}  # a zone of an older version takes all
        for at in said.get("old", ())[:1]:
            device = some[at]["device"]
            log.warning("%s is another cell's by now: what ended here counts no more", device)
        again = [some[at] for at in said.get("again", ())]
        del owed[: len(some)]
        owed.extend(again)  # behind the others, which need not wait for them
        if not owed:
            del self._owed[zone]
        return not again
