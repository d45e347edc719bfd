"""A command on its way from a gateway or actor: sent on, again where that is safe, answered once.

*Theory.* A journalled command has an identity that its zone remembers, also over a restart. So
when a zone cell is lost with it, or replaced, the same frame goes to the successor: that knows
the command, or accepts it now, or says that it was never accepted and its deadline is over. A
volatile command goes to a cell that remembers nothing over a restart: it is sent once, and again
only if the cell itself said that it had not taken it (MOVED). If its client repeats it, by another
gateway perhaps, it is marked, and the mark goes on to the cell. A successor that cannot read what
its predecessor wrote refuses what that may have sent: of such a command nobody knows the end.

A command whose cell cannot be reached waits for the successor, up to its deadline and for ten
seconds at most; what comes for the same zone meanwhile waits behind it, so that none overtakes
another. It has gone no further, so whoever is refused in the end was refused for certain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from jacquemart.native import frames
from jacquemart.runtime.cell.waiting import LONGEST_NS, Waiting
from jacquemart.runtime.kernel.lifecycle import OVERDUE_NS
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.directory import CellAddress
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.calls import Answer

#: A zone ends every command that it has accepted ``OVERDUE_NS`` after its deadline. Who waits for
#: that hears it a little later, or ends it itself: in time for the five seconds that are promised,
#: look-ups of who waits and the way to the client included.
KNOWN_AFTER_DEADLINE_NS = OVERDUE_NS + 150_000_000
#: What is repeated long after its deadline is waited for so long.
LATE_REPEAT_NS = 1_500_000_000
#: Refusals of a successor that does not know what its predecessor had.
_BLIND = (Reason.JOURNAL, Reason.MOVED)

_LATE = "what is repeated, or comes after its deadline, may have been executed before"


def patience_ns(*, repeatable: bool) -> int:
    """Return for how long after its deadline the end of a command is waited for.

    Of a volatile one nobody but its cell can tell, and that is silent: it is over sooner.
    """
    return KNOWN_AFTER_DEADLINE_NS if repeatable else OVERDUE_NS


class Carrier(Protocol):
    """A connection to a cell; ``wire.calls.Caller`` is one."""

    def call(self, frame: bytes, expires_ns: int, answer: Answer) -> bool:
        """Send a request; see ``Caller.call``."""
        ...


class Asker(Protocol):
    """Who is to be answered."""

    @property
    def frame(self) -> bytes:
        """What waits with it, for its size."""
        ...

    def reply(self, frame: bytes) -> object:
        """Take the OUTCOME, once."""
        ...


class Sender(Protocol):
    """What an errand needs of its gateway, or of who sends for a cell's actors."""

    clock: Clock
    waiting: Waiting

    def begun(self) -> None:
        """Take note of a command that will be answered."""
        ...

    def done(self) -> None:
        """Take note that one was."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether the gateway is about to end."""
        ...

    def caller(self, name: str) -> Carrier:
        """Return the connection to a cell."""
        ...


class Errand:
    """One command, from its arrival at the sender to its answer."""

    RETRY: ClassVar[str] = "retry with the same id"
    """What a refused sender may do."""
    __slots__ = (
        "_command", "_encode", "_gateway", "_owner", "_place", "_received", "_repeatable",
        "_request", "_unanswered",
    )  # fmt: skip

    def __init__(
        self,
        gateway: Sender,
        request: Asker,
        command: frames.Command,
        received_ns: int,
        owner: Callable[[], CellAddress | None],
        encode: Callable[[CellAddress], bytes],
        *,
        repeatable: bool,
        place: str,
    ) -> None:
        """Carry a command; ``run`` sends it.

        Args:
            gateway: whose errand it is: a gateway's, or a cell's actors'.
            request: who is to be answered.
            command: what it is; of a claim those fields that both have.
            received_ns: when it came.
            owner: returns the cell that has to have it, as of now.
            encode: returns the frame for a cell.
            repeatable: whether the owner knows it again by its identity, also after a restart.
            place: what the owner has it for, a zone or a shard: those of one place keep their
                order while they wait.
        """
        self._gateway = gateway
        self._request = request
        self._command = command
        self._received = received_ns
        self._owner = owner
        self._encode = encode
        self._repeatable = repeatable
        self._place = place
        self._unanswered = False
        """Somebody was lost who may have accepted it."""
        gateway.begun()

    def run(self) -> None:
        """Send it to who has to have it now, or let it wait behind those that wait already."""
        if self._gateway.waiting.holds(self._place) or not self.send():
            self._wait()

    def send(self) -> bool:
        """Send it to who has to have it now; False: nobody can be reached."""
        address = self._owner()
        if address is None:
            return False
        return self._gateway.caller(address.name).call(
            self._encode(address), self._last_ns(), self._answer
        )

    def give_up(self) -> None:
        """End it: nobody could be reached in its time."""
        if self._unanswered:
            self._unknown("did not answer, and its successor is not reachable")
            return
        if self._may_be_known:
            self._unknown(f"is not reachable, and {_LATE}")
            return
        address = self._owner()
        who = f"{address.name} is not reachable" if address else "its cell is being replaced"
        why = f"{who}; this request went no further, {self.RETRY}"
        self.end(Status.REJECTED, Reason.CELL_LOST, why)

    def answered(self, frame: bytes | None) -> None:
        """Take the answer of who was sent it; None: there will be none."""
        self._answer(frame)

    def end(self, status: Status, reason: str, detail: str) -> None:
        """Answer with an outcome of the gateway's own."""
        command = self._command
        outcome = frames.OutcomeFrame(
            command.id, command.device, command.point, status, reason, detail, None,
            self._received, 0, 0, self._gateway.clock.boot_ns(),
        )  # fmt: skip
        self._reply(frames.encode_outcome(outcome))

    def _reply(self, frame: bytes) -> None:
        self._gateway.done()
        self._request.reply(frame)

    def _answer(self, frame: bytes | None) -> None:
        if frame is None and self._gateway.stopping:
            return  # its client asks our successor, who can find out
        if frame is None:
            self._unanswered = True
            if self._repeatable and self._gateway.clock.boot_ns() < self._last_ns():
                self._wait()
            else:
                self._unknown("did not answer")
        elif self._has_moved(frame) or self._went_nowhere(frame):
            self._gateway.waiting.refused(self, self._place)
            self._wait()
            return
        elif self._may_be_known and messages.is_refusal(frame, _BLIND):
            self._unknown(f"has not had it, and {_LATE}")
        elif self._unanswered and messages.is_refusal(frame, _BLIND):
            why = "was lost with it, and its successor cannot tell what became of it"
            self.end(Status.INDETERMINATE, Reason.CELL_LOST, f"its zone cell {why}")
        else:
            self._reply(frame)
        self._gateway.waiting.answered(self, self._place)

    def _wait(self) -> None:
        """Wait until somebody can be reached: what somebody may have, for its end; else shortly."""
        received, deadline = self._received, self._command.deadline_ns
        until = deadline if deadline > received else received + LATE_REPEAT_NS
        until = self._last_ns() if self._unanswered else min(until, received + LONGEST_NS)
        waiting = self._gateway.waiting
        size = len(self._request.frame)
        if not waiting.add(self, self._place, received, until, size, must=self._unanswered):
            self.give_up()

    @property
    def _may_be_known(self) -> bool:
        """Whether another gateway, or another cell, may have had this before.

        A volatile command that comes after its deadline is a repeat, nearly always, as is one that
        is marked, and nobody remembers for its cell. A refusal would be taken for word of the first
        one.
        """
        command = self._command
        late = command.deadline_ns <= self._received
        return not self._repeatable and (late or command.first_ns > 0)

    def _last_ns(self) -> int:
        """Return when it must have its end, however often it was sent.

        Every accepted command has it by then; what comes late is given a moment from when it came.
        """
        over = self._command.deadline_ns + patience_ns(repeatable=self._repeatable)
        return max(over, self._received + LATE_REPEAT_NS)

    def _unknown(self, why: str) -> None:
        """End it: somebody may have it, and nobody can be asked."""
        owner = self._owner()
        name = owner.name if owner is not None else "its cell"
        self.end(Status.INDETERMINATE, Reason.CELL_LOST, f"{name} {why}")

    def _went_nowhere(self, frame: bytes) -> bool:
        """Whether a volatile command was not sent, since its cell's clock is not known yet.

        Only who sends to a cell says so, and its sender may have sent it before, by another
        gateway: so it waits, rather than hear that it was never done. (Of a journalled one its
        zone may have said so, and that is its end.)
        """
        return not self._repeatable and messages.is_refusal(frame, (Reason.CLOCK,))

    def _has_moved(self, frame: bytes) -> bool:
        """Whether the cell has not taken it, and there is time to send it to who will."""
        moved = messages.is_refusal(frame, (Reason.MOVED,))
        return moved and self._gateway.clock.boot_ns() < self._command.deadline_ns
