"""One command of an actor to another device, on its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from jacquemart.native import frames
from jacquemart.runtime.cell.errand import Errand, Sender
from jacquemart.runtime.model.directory import CellAddress
from jacquemart.runtime.model.outcome import Outcome, Reason, Status

if TYPE_CHECKING:
    from jacquemart.native.sending import Sent
    from jacquemart.runtime.actor.base import Actor
    from jacquemart.runtime.actor.ticket import Ticket
    from jacquemart.runtime.cell.permit import Permit


class Where(NamedTuple):
    """Where a device is, as one command to it needs it."""

    zone: str
    shard: str
    volatile: bool
    """Whether this command goes straight to the cell of the shard."""


class Carrier(Sender, Protocol):
    """Who carries a command; see ``commanding``."""

    def owner(self, where: Where) -> CellAddress | None:
        """Return the cell that has to have a command, as of now; None: there is none."""
        ...

    def note_cause(self, cause: Ticket) -> None:
        """Note that the command on whose way it was given counts as sent from now on."""
        ...

    def concluded(self, sent: ActorCommand, frame: bytes) -> bool:
        """Take an answer that is the end of a command, whatever happened before it, if it is."""
        ...

    def answered(self, sent: ActorCommand, frame: bytes) -> None:
        """Take the answer to a command."""
        ...


class ActorCommand:
    """A command, from an actor's call to the end that the actor is told."""

    __slots__ = (
        "_carrier", "actor", "again", "calling", "cause", "command", "entry", "errand", "frame",
        "losses", "over", "received_ns", "told", "where",
    )  # fmt: skip

    def __init__(
        self, carrier: Carrier, actor: Actor, command: frames.Command, frame: bytes,
        received_ns: int, told: Callable[[Outcome], object], cause: Ticket | None,
    ) -> None:  # fmt: skip
        """Have it at hand; nothing is sent yet."""
        self._carrier = carrier
        self.actor = actor
        self.command = command
        self.frame = frame
        """As it is for a cell of any epoch."""
        self.received_ns = received_ns
        self.told = told
        self.cause = cause
        permit = _permit(actor)
        self.losses = permit.losses if permit is not None else 0
        """How often the actor's cell had lost its lease by then."""
        self.where: Where | None = None
        """Of a device that is not known to be the cell's own."""
        self.again = b""
        """That its cell has no such device; it is looked for a second time, and not a third."""
        self.errand: ActorErrand | None = None
        self.calling = True
        """The actor's call has not returned."""
        self.over = False
        self.entry: ActorCommand | Sent = self
        """What stands for it among the commands under way."""

    @classmethod
    def of(cls, carrier: Carrier, sent: Sent, told: Callable[[Outcome], object]) -> ActorCommand:
        """Return a command that went natively, as it would be if it had not; it is not out yet."""
        routed = sent.command
        command = routed.with_route(routed.principal, 0)
        made = cls(
            carrier, sent.actor, command, frames.encode_command(command), sent.received_ns, told,
            sent.cause,
        )  # fmt: skip
        made.losses = sent.losses
        made.calling = False
        made.entry = sent
        made.where = sent.route.where
        return made

    def has_left(self) -> None:
        """Take note that it is on its way, by another hand."""
        if self.where is not None:
            self.errand = ActorErrand(self._carrier, self, self.where)
            self.errand.has_left()

    def run(self, where: Where) -> None:
        """Send it to where its device is."""
        self.where = where
        self.errand = ActorErrand(self._carrier, self, where)
        self.errand.run()

    def refusal(self) -> str | None:
        """Return why its actor may command nobody now; None: it may, but not yet.

        An actor whose cell lost the lease may be another cell's by now, and act there.
        """
        permit = _permit(self.actor)
        if permit is None:
            return ""
        gate = permit.gate
        if not gate.open():
            if not permit.losses and not gate.sealed and not gate.until_ns:
                return None  # the cell has just started
            return permit.why if not gate.until_ns else "the lease ran out while nobody looked"
        if self.losses != permit.losses:
            return "the lease was lost while it waited"
        return None if permit.unrestored and self.actor in permit.unrestored else ""

    def encode(self, cell: CellAddress) -> bytes:
        """Return the frame for a cell, which is sent now."""
        if self.cause is not None:
            self._carrier.note_cause(self.cause)
        routed = self.command.with_route(self.command.principal, cell.epoch)
        return frames.encode_command(routed)

    def owner(self) -> CellAddress | None:
        """Return the cell that has to have it, as of now."""
        return self._carrier.owner(self.where) if self.where is not None else None

    def reply(self, frame: bytes) -> None:
        """Take the answer."""
        self._carrier.answered(self, frame)

    @property
    def may_be_done(self) -> bool:
        """Whether somebody may have it, or has had it."""
        return self.errand is not None and self.errand.may_be_done


class ActorErrand(Errand):
    """As a gateway's, for as long as the actor is there and may command."""

    __slots__ = ("_carrier", "_out", "_sent")

    RETRY = "retry"

    def __init__(self, carrier: Carrier, sent: ActorCommand, where: Where) -> None:
        """Carry a command to where its device is."""
        self._carrier = carrier
        self._sent = sent
        self._out = False
        shard: Any = getattr(sent.actor, "shard", None)
        own = shard.spec.id if shard is not None else ""
        super().__init__(
            carrier, sent, sent.command, sent.received_ns, sent.owner, sent.encode,
            repeatable=not where.volatile,
            # Those of one shard may be sent, or not, together.
            place=f"{own}>{where.shard if where.volatile else where.zone}",
        )  # fmt: skip

    def send(self) -> bool:
        """As ``Errand.send``; True as well where nothing is sent any more."""
        sent = self._sent
        if sent.over:
            return True
        refusal = sent.refusal()
        if refusal is None:
            return False
        if refusal and self._unanswered:
            self.end(Status.INDETERMINATE, Reason.CELL_LOST, f"did not answer; and {refusal}")
        elif refusal:
            self.end(Status.REJECTED, Reason.NO_LEASE, refusal)
        else:
            self._out = super().send()
            return self._out
        return True

    def has_left(self) -> None:
        """Take note that it is on its way, by another hand."""
        self._out = True

    def answered(self, frame: bytes | None) -> None:
        """Take the answer to what another hand has sent; None: nobody answers."""
        self._answer(frame)

    @property
    def was_lost(self) -> bool:
        """Whether somebody was lost who may have accepted it."""
        return self._unanswered

    @property
    def may_be_done(self) -> bool:
        """Whether somebody may have it, or has had it."""
        return self._out or self._unanswered

    def _answer(self, frame: bytes | None) -> None:
        sent = self._sent
        if sent.over or (frame is not None and self._carrier.concluded(sent, frame)):
            self._gateway.waiting.answered(self, self._place)
            return
        super()._answer(frame)

    def _wait(self) -> None:
        self._out = False  # whoever had it has not taken it, or is gone (``_unanswered``)
        super()._wait()


def _permit(actor: Actor) -> Permit | None:
    """Return the permit of an actor's shard; None where nobody grants leases."""
    return getattr(getattr(actor, "shard", None), "permit", None)
