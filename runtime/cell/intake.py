"""Commands as they come to a device cell: each is done once, and each gets its one answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from jacquemart.native import frames
from jacquemart.native.fast_path import content_of
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import TAKEN_BACK, Ticket
from jacquemart.runtime.cell.bulk import BulkRun, unanswered
from jacquemart.runtime.cell.digests import digest, digest_of
from jacquemart.runtime.cell.outcomes import outcome_frame
from jacquemart.runtime.cell.plain_parts import PlainParts
from jacquemart.runtime.kernel.dedup import DedupWindow, Key, Seen
from jacquemart.runtime.kernel.sent_back import SentBack, Turn
from jacquemart.runtime.model.claim import LOCKOUT
from jacquemart.runtime.model.durability import is_volatile
from jacquemart.runtime.model.errors import CellMoves
from jacquemart.runtime.model.outcome import Outcome, Reason, Stages, Status
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.cell.device_cell import DeviceCell
    from jacquemart.runtime.wire.calls import Request
    from jacquemart.runtime.wire.messages import ClaimCommand

_UNSENT = (Status.REJECTED, Status.SUPERSEDED, Status.CANCELLED)
#: Bulk commands that are known again.
BULKS_KEPT = 16_384
#: Commands that are known as taken back although they never came.
TAKEN_BACK_KEPT = 20_000
#: A bulk command is sent back for so long while devices are to be given to the cell …
EARLY_NS = 3_000_000_000
#: … and of so many is known since when.
BULKS_EARLY = 1_024
#: Results of bulk commands kept for repeats; each may be a megabyte.
RESULTS_KEPT = 128


class Intake:
    """Takes the COMMAND and BULK frames of a cell."""

    def __init__(self, cell: DeviceCell) -> None:
        """Remember no command yet."""
        self._cell = cell
        self.seen: DedupWindow[bytes] = DedupWindow()
        self._bulks: DedupWindow[bytes] = DedupWindow(BULKS_KEPT)
        self._whole: deque[Key] = deque()
        """Bulk commands whose results are kept; of others there is an empty one."""
        self.runs: dict[Key, BulkRun] = {}
        """Bulk commands that have no end yet."""
        self.withdrawn: dict[Key, None] = {}
        """Bulk commands that were taken back before they came: the zone tells them again after a
        restart, and then they are done by nobody."""
        self._taken_back: dict[Key, None] = {}
        """The same of commands: what a zone has sent may come after its successor's question."""
        self.plain_parts = PlainParts(cell)
        self._back = SentBack()
        self._early: dict[Key, int] = {}
        """Since when bulk commands are sent back, as they came too early."""

    @property
    def to_come(self) -> tuple[Collection[object], ...]:
        """What is known of commands that are to come: while there is any, none is plain."""
        return self._taken_back, self._back.places

    def take_back(self, key: Key) -> None:
        """Remember that a command that has never come is taken back: it ends when it comes."""
        self._taken_back[key] = None
        while len(self._taken_back) > TAKEN_BACK_KEPT:
            del self._taken_back[next(iter(self._taken_back))]

    def was_taken_back(self, ticket: Ticket) -> bool:
        """End a new command if it was taken back before it came; return whether it was."""
        if not self._taken_back or (ticket.principal, ticket.id) not in self._taken_back:
            return False
        ticket.finish(
            Status.CANCELLED, Reason.WITHDRAWN, TAKEN_BACK, now_ns=self._cell.clock.boot_ns()
        )
        return True

    @property
    def running(self) -> int:
        """Commands and bulk commands that have no end yet."""
        return self.seen.running + self._bulks.running

    def bulk_seen(self, key: Key) -> Seen:
        """Return whether a zone's part of a bulk command has come."""
        return self._bulks.peek(key)[0]

    @property
    def bulks_forgotten_ns(self) -> int:
        """Of the bulk commands that came until that boot-time, some are not known any more."""
        return self._bulks.forgotten_ns

    def command(self, request: Request) -> None:
        """Hand a command to its device, once."""
        command = frames.decode_command(request.frame)
        cell, received = self._cell, self._cell.clock.boot_ns()
        key: Key = (command.principal, command.id)

        def end(reason: str, detail: str) -> None:
            stages = Stages(received, finished=cell.clock.boot_ns())
            outcome = Outcome(
                command.id, command.device, command.point, Status.REJECTED, reason, detail, None,
                stages,
            )  # fmt: skip
            request.reply(outcome_frame(outcome))

        if cell.draining or (command.epoch and command.epoch != cell.config.epoch):
            end(Reason.MOVED, f"this cell is at epoch {cell.config.epoch}")
            return
        actor = cell.devices.get(command.device)
        if actor is None:
            end(Reason.UNKNOWN_DEVICE, f"no device {command.device!r} here")
            return
        turn = self.turn(actor, command, received)
        if turn is Turn.BACK:
            end(Reason.MOVED, "its zone has not given the device to this cell yet; send it again")
            return
        seen, known = self.seen.begin(key, content_of(command))
        if seen is Seen.NEW and command.first_ns and self._done_before(actor, command):
            why = (
                "it was sent before, and what became of it then is not known; it is not sent again"
            )
            self._never_taken(key, command, Status.INDETERMINATE, Reason.CELL_LOST, why, request)
        elif seen is Seen.NEW and turn is Turn.OVERTAKEN:
            why = f"{command.point} was set anew before this could be taken"
            self._never_taken(key, command, Status.SUPERSEDED, Reason.NEWER, why, request)
        elif seen is Seen.NEW:
            ticket = Ticket(
                command.id, command.principal, command.device, command.verb, command.point,
                command.value, command.unit, command.priority, command.deadline_ns, received,
                lambda ticket: self.ended(key, ticket, request),
            )  # fmt: skip
            if (
                not self.was_taken_back(ticket)
                and not cell.care.ends_before(ticket)
                and not self._nobody_knows(actor, ticket)
            ):
                actor.post(ticket)
        elif seen is Seen.RUNNING:
            self.seen.wait(key, request.reply)
        elif seen is Seen.FINISHED and known is not None:
            request.reply(known)
        else:
            end(Reason.DUPLICATE_ID, "this id came before with other content")

    def _never_taken(
        self, key: Key, command: frames.Command, status: Status, reason: str, why: str,
        request: Request,
    ) -> None:  # fmt: skip
        """End a new command that its actor never hears of."""
        now = self._cell.clock.boot_ns()
        outcome = Outcome(
            command.id, command.device, command.point, status, reason, why, None,
            Stages(now, finished=now),
        )  # fmt: skip
        frame = outcome_frame(outcome)
        self.seen.finish(key, frame, now)
        self._cell.ledger.sent(digest(*key), now)  # a successor does not execute it either
        request.reply(frame)

    def _done_before(self, actor: DeviceActor, command: frames.Command) -> bool:
        """Whether a volatile command that says that it is a repeat may have been executed.

        No journal has it, and whoever had the device when it was sent first may be unknown here.
        """
        return is_volatile(
            actor.template, command.verb, command.point
        ) and self._cell.memory.may_have_had(
            command.principal, command.id, command.first_ns, command.device
        )

    def _nobody_knows(self, actor: DeviceActor, ticket: Ticket) -> bool:
        """End a volatile command that comes too late, if a cell before may have executed it.

        No journal has it, and of a predecessor on another host there is no ledger: that it was
        never sent would be a guess.
        """
        cell = self._cell
        if ticket.received_ns < ticket.deadline_ns or cell.config.epoch <= 1:
            return False
        if cell.care.inheritance.readable or not is_volatile(
            actor.template, ticket.verb, ticket.point
        ):
            return False
        why = "it came too late, and what the cell before did with such commands is not known"
        ticket.finish(Status.INDETERMINATE, Reason.CELL_LOST, why, now_ns=ticket.received_ns)
        return True

    def turn(
        self, actor: DeviceActor, command: frames.Command | ClaimCommand, now: int,
        *, early: bool = False,
    ) -> Turn:  # fmt: skip
        """Return whether it is a command's or claim's turn; see ``kernel.sent_back``.

        A lock-out waits for no other command, and none waits for it. ``early``: it is not, for a
        reason of the caller's.
        """
        early = early or _comes_too_early(actor)
        if command.verb == LOCKOUT:
            return Turn.BACK if early else Turn.TAKE
        if not early and not self._back:
            return Turn.TAKE
        key, point = (command.principal, command.id), command.point
        volatile, priority = is_volatile(actor.template, command.verb, point), command.priority
        if not early:
            sets = point if command.verb == "set" else ""
            turn = self._back.turn(actor, key, sets, now, volatile=volatile, priority=priority)
            if turn is not Turn.BACK:
                return turn
        self._back.back(
            actor, key, point, command.deadline_ns, now, volatile=volatile, priority=priority
        )
        return Turn.BACK

    def ended(self, key: Key, ticket: Ticket, request: Request) -> None:
        """Answer a command that has its end, to all who sent it."""
        outcome = ticket.outcome
        assert outcome is not None
        frame = ticket.end_frame()
        self._cell.care.ended(ticket)
        if outcome.status is Status.REJECTED and outcome.reason == Reason.BUSY:
            waiters = self.seen.forget(key)  # refused for now: the same id may come again
        else:
            self._tell_successor(ticket, outcome)
            waiters = self.seen.finish(key, frame, outcome.stages.finished)
        for waiter in waiters:
            waiter(frame)
        request.reply(frame)

    def _tell_successor(self, ticket: Ticket, outcome: Outcome) -> None:
        """Leave word of a command that ended without being sent, and is told so.

        If it is lost with us before its zone has that end on disk (of a volatile one nobody has),
        a successor would take it for one that nobody has touched, and execute it after all.
        """
        ledger = self._cell.ledger
        if not ledger.open or outcome.stages.dispatched or outcome.status not in _UNSENT:
            return
        if outcome.status is Status.CANCELLED:  # the zone has it on disk already
            actor = self._cell.devices.get(ticket.device)
            if actor is None or not is_volatile(actor.template, ticket.verb, ticket.point):
                return
        ledger.sent(digest_of(ticket), outcome.stages.finished)

    def bulk(self, request: Request) -> None:
        """Fan a bulk command out to the devices it means."""
        bulk = messages.decode_bulk(request.frame)
        key = bulk_key(bulk.principal, bulk.zone, bulk.id)
        seen, known = self._bulks.begin(
            key, (bulk.zone, bulk.kind, bulk.device, bulk.point, repr(bulk.value), bulk.unit)
        )
        if seen is Seen.RUNNING:
            self._bulks.wait(key, request.reply)
            return
        if seen is Seen.FINISHED and known:
            request.reply(known)
            return
        actors = self._cell.meant_by(bulk)
        if seen is Seen.FINISHED:
            why = "it was done before, and its results are not kept any more"
            meant = [actor.id for actor in actors]
            done_before = unanswered(bulk.id, meant, Status.INDETERMINATE, Reason.TOO_OLD, why)
            request.reply(messages.encode_bulk_result(done_before))
            return
        if seen is not Seen.NEW:
            why = "this id came before with other content"
            meant = [actor.id for actor in actors]
            refused = unanswered(bulk.id, meant, Status.REJECTED, Reason.DUPLICATE_ID, why)
            request.reply(messages.encode_bulk_result(refused))
            return

        if self._cell.draining:  # what it knows it ends; whatever is new is its successor's
            self._bulks.forget(key)
            raise CellMoves("it hands over, and has done nothing", where=self._cell.config.name)
        if self._bulk_is_early(key, actors, bulk.deadline_ns):
            self._bulks.forget(key)
            raise CellMoves("it has not got all devices yet", where=self._cell.config.name)

        def done(result: messages.BulkResult) -> None:
            frame = messages.encode_bulk_result(result)
            self.runs.pop(key, None)
            for waiter in self._bulks.finish(key, frame):
                waiter(frame)
            self._whole.append(key)
            while len(self._whole) > RESULTS_KEPT:
                self._bulks.shorten(self._whole.popleft(), b"")
            request.reply(frame)

        cell = self._cell
        now = cell.clock.boot_ns()
        run = BulkRun(
            bulk, actors, now, done, cell.loop, cell.care.ends_before, self.plain_parts
        )  # fmt: skip
        run.withdrawn = key in self.withdrawn
        self.runs[key] = run
        run.start()

    def _bulk_is_early(self, key: Key, actors: Sequence[DeviceActor], deadline_ns: int) -> bool:
        """Whether a bulk command should come again, since some of its devices are to be given yet.

        Only for a while: one that is never given must not stop the others.
        """
        cell = self._cell
        settled = all(
            shard.permit is None or (shard.permit.gate.until_ns and not shard.permit.unrestored)
            for shard in cell.shards.values()
        )
        now = cell.clock.boot_ns()
        if settled or now >= deadline_ns or not any(map(_comes_too_early, actors)):
            self._early.pop(key, None)
            return False
        while len(self._early) >= BULKS_EARLY:
            del self._early[next(iter(self._early))]
        return now - self._early.setdefault(key, now) < EARLY_NS


def bulk_key(principal: str, zone: str, id: bytes) -> Key:
    """Return the identity of a zone's part: one comes for each zone that has devices here."""
    return (f"{principal}\n{zone}", id)


def _comes_too_early(actor: DeviceActor) -> bool:
    """Whether a device waits for its first lease, or for what stood before it.

    That takes some milliseconds after a start. A command that comes meanwhile is not refused for
    good: who sent it sends it again.
    """
    permit = actor.shard.permit  # type: ignore[attr-defined]
    if permit is None:
        return False
    never = not permit.losses and not permit.gate.sealed and not permit.gate.until_ns
    return never or actor in permit.unrestored
