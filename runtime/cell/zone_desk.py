"""The commands of one zone: what the kernels decide is done here, and told back to them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from jacquemart.runtime.cell.authority import ZoneBook
from jacquemart.runtime.cell.carried import (
    Carried,
    body_of,
    carried_of,
    ended_body,
    letter_of,
    outcome_of,
)
from jacquemart.runtime.cell.dispatcher import MOST_A_TURN
from jacquemart.runtime.kernel.admission import Admissions
from jacquemart.runtime.kernel.command_window import Key, digest_of
from jacquemart.runtime.kernel.lifecycle import Do, End, Entry, Event, State, step
from jacquemart.runtime.model.errors import JacquemartError, JournalError, JournalFenced
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.record import Draft, RecordKind
from jacquemart.runtime.wire.messages import ClaimCommand

if TYPE_CHECKING:
    from jacquemart.runtime.cell.command_desk import CommandDesk

#: An end that the journal did not take is offered to it again after so long.
AGAIN_S = 0.5
#: So many may wait for the end of the same command.
MOST_WAITERS = 256
#: Bytes of what is kept of a command besides its texts, about.
OVERHEAD = 600

Answer = Callable[[bytes], object]


class ZoneDesk:
    """Takes a zone's commands; each accepted one gets its one end."""

    def __init__(self, book: ZoneBook, desk: CommandDesk) -> None:
        """Take over what the book has of commands without an end."""
        self.book = book
        self.zone = book.zone
        self._desk = desk
        self._clock = desk.clock
        self.admissions = Admissions(book.state.commands)
        self.refused: list[Entry] = []
        """Commands whose ends the journal did not take, and those that ended after them."""
        self.unasked: dict[str, set[Key]] = {}
        """Device -> its commands of before a restart of which nobody has told anything yet."""
        self._do: dict[Do, Callable[[Entry], object]] = {
            Do.SEND: lambda entry: desk.dispatcher.send(self, entry),
            Do.WAIT: lambda entry: desk.dispatcher.wait(self, entry),
            Do.TELL_ACCEPTED: self._tell_accepted,
            Do.ANSWER: self._answer,
            Do.WRITE_END: self._write_end,
            Do.WRITE_END_LATER: self._write_end_later,
            Do.DEAD_LETTER: self._write_letter,
            Do.RECALL: lambda entry: desk.dispatcher.recall(entry, desk.recalled),
            Do.FORGET: lambda entry: self.admissions.forget(entry, self._clock.boot_ns()),
        }
        for body in book.state.unfinished():
            carried = carried_of(body)
            key = (carried.principal, carried.id)
            received = 0 if body.get("rebooted") else body.get("boot_ns", 0)
            entry = Entry(
                key, digest_of(body), carried.deadline_ns, received, OVERHEAD, carried, State.ASKING
            )
            entry.cancelled = bool(body.get("cancelled"))
            entry.stands_by_end = isinstance(carried, ClaimCommand)
            self.admissions.enter(entry)
            self.unasked.setdefault(carried.device, set()).add(key)

    @property
    def asking(self) -> list[Entry]:
        """Commands of before a restart, of which their cells must be asked."""
        return [one for one in self.admissions.live.values() if one.state is State.ASKING]

    def take(self, carried: Carried, number: float | None, reply: Answer) -> None:
        """Take a command; ``reply`` gets its one OUTCOME, now or later.

        Args:
            carried: the command or claim.
            number: what its value, a word, means; None if it is no word of its point.
            reply: called once.
        """
        now = self._clock.boot_ns()
        body = body_of(carried, now, self._clock.wall_ns())
        if number is not None:
            body["number"] = number
        digest = body["digest"] = digest_of(body)
        fault, value = self.book.fault, carried.value
        text = len(value) if isinstance(value, str) else 0
        admission = self.admissions.admit(
            (carried.principal, carried.id), digest, carried.deadline_ns,
            carried.priority, OVERHEAD + len(carried.device) + text, now,
            _said(fault) if fault is not None else "", carried,
        )  # fmt: skip
        if admission.entry is not None:
            entry = admission.entry
            entry.waiters.append(reply)
            entry.stands_by_end = isinstance(carried, ClaimCommand)
            self._desk.refusals.pop(entry.key, None)  # this time it was not refused
            self._desk.append(self, Draft(RecordKind.ACCEPTED, body), partial(self.taken, entry))
        elif admission.running is not None:
            waiters = admission.running.waiters
            if len(waiters) < MOST_WAITERS:
                waiters.append(reply)
            else:
                reply(outcome_of(carried, _CROWD, now, now))
        elif admission.frame:
            reply(admission.frame)
        elif admission.refusal is not None:
            refusal = admission.refusal
            if isinstance(fault, JournalFenced) and refusal.reason == Reason.JOURNAL:
                refusal = _MOVED
            self._desk.refuse(carried, refusal, now, reply)

    def happen(self, entry: Entry, event: Event) -> None:
        """Have the kernel know what happened to a command, and do what it says."""
        now = self._clock.boot_ns()
        if entry.state is State.ASKING:
            self.told(entry)
        if event is Event.LOST:
            self._desk.dispatcher.lost(entry)
        for do in step(entry, event, now):
            if not entry.frame and entry.end is not None:
                entry.frame = outcome_of(entry.payload, entry.end, entry.received_ns, now)
                if entry.state is State.ENDED and entry.end.status is Status.REJECTED:
                    entry.stands_by_end = True  # a successor would send it, if it did not know
            self._do[do](entry)

    def told(self, entry: Entry) -> None:
        """Take note that somebody knows where a command of before a restart is."""
        device = entry.payload.device
        unasked = self.unasked.get(device)
        if unasked is not None:
            unasked.discard(entry.key)
            if not unasked:
                del self.unasked[device]

    def waits_for_older(self, entry: Entry) -> bool:
        """Whether an older command to the same device may still have to be sent before."""
        return bool(self.unasked) and entry.payload.device in self.unasked

    def has_unwritten_claims(self, devices: Collection[str]) -> bool:
        """Whether a claim on one of these has an end that is not on disk yet.

        Or none that is known: of one from before a restart of the zone, whose cell is asked, the
        answer may be that nobody knows whether it stands. What is said of it then must be known to
        the cell that takes the device, too.
        """
        return any(
            (
                (entry.state is State.ENDED and entry.stands_by_end)
                or (entry.state is State.ASKING and isinstance(entry.payload, ClaimCommand))
            )
            and entry.payload.device in devices
            for entry in self.admissions.live.values()
        )

    def close(self) -> None:
        """End what has no end: the zone is no more. Its journal says so, should it come back."""
        now = self._clock.boot_ns()
        self._write_refused()
        for entry in self.admissions.live.values():
            if entry.frame and not entry.told:
                continue  # of a claim: told when its end is on disk, or never
            if not entry.frame:
                sent = entry.state in (State.DISPATCHED, State.ASKING) or self.book.fault
                status = Status.INDETERMINATE if sent else Status.REJECTED
                end = End(status, Reason.STOPPING, "the zone has left the city")
                entry.frame = outcome_of(entry.payload, end, entry.received_ns, now)
                entry.state = State.ENDED
                self._write_end(entry)
            waiters, entry.waiters = entry.waiters, []
            for waiter in waiters:
                waiter(entry.frame)
            self._desk.dispatcher.drop(entry)

    def look(self) -> None:
        """Have each command know what time it is; call it a few times a second."""
        now = self._clock.boot_ns()
        self.admissions.look(now)
        late = [
            entry
            for entry in self.admissions.live.values()
            if now >= entry.deadline_ns and entry.state is not State.ENDED
        ]
        self._pass_time(late)

    def _pass_time(self, late: list[Entry]) -> None:
        """Have some commands know that their time is over, and the others in the next turn."""
        for entry in late[:MOST_A_TURN]:
            self.happen(entry, Event.TIME)
        if len(late) > MOST_A_TURN:
            self._desk.loop.call_soon(self._pass_time, late[MOST_A_TURN:])

    def stage_of(self, key: Key) -> tuple[str, bytes]:
        """Return how far a command got, and its OUTCOME if it has ended.

        ``unknown``, ``received`` (nothing is promised), ``accepted`` or ``ended``.
        """
        entry = self.admissions.live.get(key)
        if entry is not None:
            if entry.told:
                return "ended", entry.told
            return ("received" if entry.state is State.RECEIVED else "accepted"), b""
        ended = self.book.state.commands.ended.get(key)
        return ("ended", ended.frame) if ended is not None else ("unknown", b"")

    # What the kernel has done ------------------------------------------------------------------

    def taken(self, entry: Entry, error: JournalError | None) -> None:
        """Hear that a command's ACCEPTED record is on disk, or why not."""
        if error is None:
            self.happen(entry, Event.DURABLE)
            return
        moved = isinstance(error, JournalFenced)
        entry.end = _MOVED if moved else End(Status.REJECTED, Reason.JOURNAL, _refused(error))
        self.happen(entry, Event.NOT_DURABLE)
        self._desk.note_refusal(entry.key, entry.frame)

    def _tell_accepted(self, entry: Entry) -> None:
        self._desk.reached(entry.key)

    def _answer(self, entry: Entry) -> None:
        self._desk.dispatcher.drop(entry)
        if entry.told:
            self._tell(entry)  # else it is told when its end is on disk: see ``end_written``

    def _tell(self, entry: Entry) -> None:
        waiters, entry.waiters = entry.waiters, []
        for waiter in waiters:
            waiter(entry.frame)
        self._desk.reached(entry.key)

    def _write_end(self, entry: Entry) -> None:
        # Whoever waited for the end has it already: nobody waits for this. But of what was not
        # sent a successor of ours should know soon, or it sends it after all; and a claim stands
        # by this record alone.
        if self.refused:  # ends are written in the order in which they became known
            self.refused.append(entry)
            return
        body = ended_body(entry.key, entry.frame)
        hurry = entry.stands_by_end or body["status"] in _NEVER_SENT
        draft = Draft(RecordKind.ENDED, body)
        self._desk.append(self, draft, partial(self.end_written, entry), hurry=hurry)

    def _write_end_later(self, entry: Entry) -> None:
        if not self.refused:
            self._desk.loop.call_later(AGAIN_S, self._write_refused)
        self.refused.append(entry)

    def _write_refused(self) -> None:
        refused, self.refused = self.refused, []
        for entry in refused:
            self._write_end(entry)

    def end_written(self, entry: Entry, error: JournalError | None) -> None:
        """Hear that its ENDED record is."""
        self.happen(entry, Event.END_DURABLE if error is None else Event.END_NOT_DURABLE)
        if error is None:
            if entry.stands_by_end:
                self._tell(entry)
            self._desk.ended(self, entry)

    def _write_letter(self, entry: Entry) -> None:
        self._desk.append(self, Draft(RecordKind.DEAD_LETTER, letter_of(entry)), lambda error: None)


_NEVER_SENT = (Status.REJECTED, Status.SUPERSEDED, Status.CANCELLED)
_CROWD = End(  # it runs, so nobody may hear that it was refused
    Status.INDETERMINATE,
    Reason.BUSY,
    f"{MOST_WAITERS} wait for its end already; ask for the outcome",
)
_MOVED = End(Status.REJECTED, Reason.MOVED, "another process has the zone's journal now")


def _said(error: JacquemartError) -> str:
    return f"the zone's journal cannot take it: {error}"


def _refused(error: JournalError) -> str:
    return f"{_said(error)}; nothing was accepted, retry"
