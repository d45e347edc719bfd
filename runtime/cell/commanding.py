"""Commands of a cell's actors to other devices, in any cell: found, carried, and answered once.

*Theory.* It is what a gateway does for clients, for actors: a journalled command goes to the zone
of its device, a volatile one straight to the device's cell, and an :class:`Errand` sees to
hand-overs, losses and deadlines. Two things differ. A cell does not know where the devices of
others are: it asks the zones, once, and keeps the answer for a while (``kernel.finding``). And what
goes to the cell itself takes no socket (``own_caller``).

*Rules.* Each command has one end, and its actor hears it; an actor that stops hears it then, and
nothing of it is sent afterwards. An actor whose cell holds no lease commands nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from jacquemart.native import frames
from jacquemart.runtime.cell import home_desk
from jacquemart.runtime.cell.actor_command import ActorCommand, Where
from jacquemart.runtime.cell.digests import digest_of
from jacquemart.runtime.cell.outcomes import outcome_in
from jacquemart.runtime.cell.own_caller import OwnCaller
from jacquemart.runtime.cell.straight_way import issuer_of, learn, straight_way
from jacquemart.runtime.cell.waiting import LONGEST_NS, Waiting
from jacquemart.runtime.kernel.finding import Finding, Home, Question
from jacquemart.runtime.kernel.under_way import UnderWay
from jacquemart.runtime.model.claim import LIFE_SAFETY
from jacquemart.runtime.model.errors import JacquemartError, UsageError
from jacquemart.runtime.model.ids import new_command_id
from jacquemart.runtime.model.outcome import Outcome, Reason, Stages, Status
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.native.sending import Issuer, Sent
    from jacquemart.runtime.actor.base import Actor
    from jacquemart.runtime.actor.ticket import Ticket, Value
    from jacquemart.runtime.cell.errand import Carrier
    from jacquemart.runtime.cell.service import Service
    from jacquemart.runtime.model.directory import CellAddress

Told = Callable[[Outcome], object]
#: A zone cell has so long to say which devices it has, before it is asked again.
ANSWER_NS = 1_000_000_000
#: Pause before those who have not been found are looked at again.
LOOK_S = 0.02
_STOPS = "its actor has stopped"


class Commanding:
    """Carries the commands of one service's actors."""

    def __init__(self, service: Service) -> None:
        """Carry nothing yet."""
        self._service = service
        self.clock = service.clock
        self.waiting = Waiting(service.loop, service.clock, service.broken)
        self.finding: Finding[ActorCommand] = Finding()
        self.direct = straight_way(self, self.waiting.rows)
        self._own = OwnCaller(service)
        self._asks = False
        """A turn for questions is planned."""
        self._timer: asyncio.TimerHandle | None = None
        self.connected()

    @property
    def under_way(self) -> UnderWay[Actor, ActorCommand | Sent]:
        """The commands that have no end yet, whichever way they went."""
        return cast("UnderWay[Actor, ActorCommand | Sent]", self.direct.under_way)

    @under_way.setter
    def under_way(self, under_way: UnderWay[Actor, ActorCommand | Sent]) -> None:
        self.direct.under_way = under_way

    # For actors --------------------------------------------------------------------------------

    def command(
        self, actor: Actor, principal: str, device: str, verb: str, value: Value, point: str,
        unit: str, priority: int, deadline_ns: int, told: Callable[[Outcome], object],
        cause: Ticket | None,
    ) -> None:  # fmt: skip
        """Send a command; see ``Commander.command``.

        Raises:
            UsageError: an argument of a wrong form; the caller's fault, and nothing was sent.
        """
        if not 1 <= priority <= 16:
            raise UsageError(f"priority is {priority}, allowed: 1 (highest) to 16")
        try:
            made = frames.Command(
                new_command_id(), principal, device, verb, point, value, unit, priority,
                deadline_ns, 0,
            )  # fmt: skip
            frame = frames.encode_command(made)
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"not a command: {error}", where=str(device)[:80]) from error
        now = self.clock.boot_ns()
        sent = ActorCommand(self, actor, made, frame, now, told, cause)
        end = self._refusal(sent, now)
        if end is not None:
            self._service.loop.call_soon(told, _outcome(sent, *end, now))
            return
        if cause is not None:
            cause.acted = True
        self._seek(sent)
        sent.calling = False

    def stopped(self, actor: Actor) -> None:
        """Send nothing of an actor any more; what it has under way ends for it now."""
        for one in self.under_way.of(actor):
            if not isinstance(one, ActorCommand):
                one.leave_now()  # it was given before
            sent = one if isinstance(one, ActorCommand) else self._taken_over(one)
            status = Status.INDETERMINATE if sent.may_be_done else Status.REJECTED
            self._end(sent, status, Reason.STOPPING, _STOPS)

    # For the service ---------------------------------------------------------------------------

    def connected(self) -> None:
        """Take note of a newer directory: devices may be elsewhere."""
        self.direct.forget()
        directory = self._service.directory
        self.waiting.settle()
        if directory.version:
            self.finding.connect(directory.zones.values())
            self._plan()

    def stop(self) -> None:
        """Carry nothing any more; the actors have stopped before."""
        self.waiting.stop()
        self._own.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # For the commands on their way -----------------------------------------------------------

    def begun(self) -> None:
        """Take note of nothing: ``under_way`` counts."""

    def done(self) -> None:
        """Take note of nothing: ``under_way`` counts."""

    @property
    def stopping(self) -> bool:
        """Whether the service is about to end."""
        return self._service.stopping

    def caller(self, name: str) -> Carrier:
        """Return the connection to a cell."""
        return self._own if name == self._service.config.name else self._service.caller(name)

    def owner(self, where: Where) -> CellAddress | None:
        """Return the cell that has to have a command, as of now; None: there is none."""
        directory = self._service.directory
        if where.volatile:
            return directory.cells.get(directory.homes.get(where.shard, ""))
        return directory.cells.get(directory.zones.get(where.zone, ""))

    def note_cause(self, cause: Ticket) -> None:
        """Note that the command on whose way another was given counts as sent from now on.

        Whoever adopts its device would do it again otherwise, and so the other one, too.
        """
        if cause is not self.direct.noted and cause.outcome is None:
            self.direct.noted = cause
            self._service.ledger.sent(digest_of(cause), self.clock.boot_ns())

    def concluded(self, sent: ActorCommand, frame: bytes) -> bool:
        """Take an answer that is an end, whoever gave it: any outcome but REJECTED."""
        if messages.kind_of(frame) != frames.OUTCOME:
            return False
        try:
            outcome = outcome_in(frame)
        except frames.MalformedFrame:
            return False  # ``answered`` says so
        if outcome.status is Status.REJECTED:
            return False
        self._finish(sent, outcome)
        return True

    def answered(self, sent: ActorCommand, frame: bytes) -> None:
        """Take the answer to a command."""
        if sent.over:
            return
        # It was found there a while ago, and is somewhere else by now, or nowhere.
        lost = not sent.again and messages.is_refusal(frame, (Reason.UNKNOWN_DEVICE,))
        if lost and sent.errand is not None and not sent.errand.was_lost:
            sent.again = frame
            self.direct.forget()
            self.finding.forget(sent.command.device)
            self._seek(sent)
            return
        try:
            if messages.kind_of(frame) == frames.OUTCOME:
                self._finish(sent, outcome_in(frame))
                return
            messages.decode_reply(frame)
            why, refused = "its cell gave no outcome", False
        except (JacquemartError, frames.MalformedFrame) as error:
            why, refused = str(error), getattr(error, "code", "") in ("usage", "bad_frame")
        status = Status.REJECTED if refused else Status.INDETERMINATE
        self._end(sent, status, Reason.INTERNAL, why)

    # For what left natively ------------------------------------------------------------------

    def issuer_of(self, kind: type[Actor]) -> Issuer:
        """Return how a type of actors commands."""
        return issuer_of(kind)

    def not_sent(self, sent: Sent) -> None:
        """Go on with a command that could not leave at the end of its turn of the loop."""
        if self.stopping:
            return
        made = sent.taken_by = self._made(sent)
        made.calling = True  # its actor's call may be on the stack
        made.run(sent.route.where)
        made.calling = False

    def take_over(self, sent: Sent, frame: bytes | None) -> None:
        """Go on with a command whose answer is no plain end."""
        self._taken_over(sent).errand.answered(frame)  # type: ignore[union-attr]

    def is_async(self, actor: Actor, result: Coroutine[Any, Any, Any]) -> None:
        """Take that a ``then`` is async, which it must not be."""
        actor.guarded(lambda: result)

    def _taken_over(self, sent: Sent) -> ActorCommand:
        if sent.taken_by is None:
            sent.taken_by = self._made(sent)
            sent.taken_by.has_left()
        return cast("ActorCommand", sent.taken_by)

    # Inside --------------------------------------------------------------------------------------

    def _made(self, sent: Sent) -> ActorCommand:
        told = sent.actor.telling(sent.told) if sent.guarded else cast("Told", sent.told)
        return ActorCommand.of(self, sent, told)

    def _refusal(self, sent: ActorCommand, now: int) -> tuple[Status, str, str] | None:
        """Return the end of a command that is not sent; None: it is under way from now on."""
        actor, command = sent.actor, sent.command
        if actor.halted:
            return Status.REJECTED, Reason.STOPPING, actor.halted
        if actor.parked and command.priority > LIFE_SAFETY:
            return Status.REJECTED, Reason.PARKED, f"{actor.id} is parked: {actor.parked}"
        if command.deadline_ns <= now:
            late_ms = (now - command.deadline_ns) / 1e6
            return Status.EXPIRED, Reason.DEADLINE, f"{late_ms:.0f} ms late"
        lacks = sent.refusal()
        if lacks:
            return Status.REJECTED, Reason.NO_LEASE, lacks
        busy = self.under_way.enter(actor, sent, command.priority)
        return (Status.REJECTED, Reason.BUSY, busy) if busy else None

    def _seek(self, sent: ActorCommand) -> None:
        """Send a command to where its device is, as soon as that is known."""
        command = sent.command
        known = self._service.where(command.device, command.verb, command.point)
        if known is not None:
            self._go(sent, Where(*known))
            return
        until = min(command.deadline_ns, self.clock.boot_ns() + LONGEST_NS)
        home = self.finding.find(command.device, sent, until)
        if home is not None:
            self._found(sent, home)
        else:
            self._plan()

    def _found(self, sent: ActorCommand, home: Home | None) -> None:
        command = sent.command
        if sent.over:
            return
        if home is not None:
            volatile = home.is_volatile(command.verb, command.point)
            self._go(sent, Where(home.zone, home.shard, volatile))
        elif sent.again:
            self._finish(sent, outcome_in(sent.again))
        else:
            why = f"no device {command.device!r} in the city"
            self._end(sent, Status.REJECTED, Reason.UNKNOWN_DEVICE, why)

    def _go(self, sent: ActorCommand, where: Where) -> None:
        if sent.again and where == sent.where:  # its cell knows better than its zone
            self._finish(sent, outcome_in(sent.again))
        else:
            sent.run(where)
            if not sent.over and sent.may_be_done:
                learn(self.direct, self, sent, where)

    def _end(self, sent: ActorCommand, status: Status, reason: str, detail: str) -> None:
        self._finish(sent, _outcome(sent, status, reason, detail, self.clock.boot_ns()))

    def _finish(self, sent: ActorCommand, outcome: Outcome) -> None:
        sent.over = True
        if not self.under_way.leave(sent.actor, sent.entry):
            return
        if sent.calling:
            self._service.loop.call_soon(sent.told, outcome)
        else:
            sent.told(outcome)

    # Finding ---------------------------------------------------------------------------------

    def _plan(self) -> None:
        """Ask for what is sought, once for all that is sought in this turn of the loop."""
        if self.finding.sought and not self._asks:
            self._asks = True
            self._service.loop.call_soon(self._ask)

    def _ask(self) -> None:
        self._asks = False
        if self._service.stopping:
            return
        for question in self.finding.questions():
            expires = self.clock.boot_ns() + ANSWER_NS
            frame = home_desk.question(question.devices)
            try:
                caller = self.caller(question.cell)
                sent = caller.call(frame, expires, partial(self._heard, question))
            except JacquemartError:  # the directory has zones of a cell that it does not have yet
                sent = False
            if not sent:
                self.finding.silent(question)
        if self.finding.sought and self._timer is None:
            self._timer = self._service.loop.call_later(LOOK_S, self._look)

    def _heard(self, question: Question, frame: bytes | None) -> None:
        homes: dict[str, Home] | None = None
        if frame is not None:
            try:
                homes = home_desk.read_answer(frame)
            except UsageError:
                pass  # a zone cell of an older version, which is to be replaced
            except JacquemartError as error:
                self._service.broken(error)
        if homes is None:
            self.finding.silent(question)
            return
        for told in self.finding.answered(question, homes):
            self._found(told.waiter, told.home)

    def _look(self) -> None:
        self._timer = None
        for sent in self.finding.overdue(self.clock.boot_ns()):
            if sent.over:
                continue
            if sent.again:
                self._finish(sent, outcome_in(sent.again))
            elif sent.command.deadline_ns <= self.clock.boot_ns():
                why = "its zone could not be asked where it is"
                self._end(sent, Status.EXPIRED, Reason.DEADLINE, why)
            else:
                why = "its zone cannot be reached; it went no further, retry"
                self._end(sent, Status.REJECTED, Reason.CELL_LOST, why)
        if self.finding.sought:
            self._ask()


def _outcome(sent: ActorCommand, status: Status, reason: str, detail: str, now: int) -> Outcome:
    command: Any = sent.command
    return Outcome(
        command.id, command.device, command.point, status, reason, detail, None,
        Stages(sent.received_ns, finished=now),
    )  # fmt: skip
