"""Writes on their way to the field, and the read-backs that prove them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

from jacquemart.native.parts import Parts
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import END_AFTER_DEADLINE_NS, Ticket
from jacquemart.runtime.cell.part_queue import PartQueue
from jacquemart.runtime.kernel.readback import Verdict, next_look_ns
from jacquemart.runtime.model.claim import LIFE_SAFETY
from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    DriverError,
    LinkError,
    NeverSent,
    UnitError,
)
from jacquemart.runtime.model.field import BoundPoint
from jacquemart.runtime.model.outcome import Reason, Status

#: Sends of one write to a device that answers "busy" (nothing took effect, so it is safe).
BUSY_SENDS = 3
BUSY_PAUSE_NS = 150_000_000
#: Deadlines of the writes in one call lie at most so far apart.
CALL_SPREAD_NS = 1_000_000_000
#: Writes handed to a driver in one call, and read-backs that may be missing after it.
WRITES_A_CALL = 512
#: A write whose settle time is over is read back once more; so long for that, then it is unknown.
PROOF_NS = 1_000_000_000


class Write:
    """One value for one point, from its command to its verdict."""

    __slots__ = (
        "acknowledged", "actor", "asks", "doubt", "feedback", "guards", "losses", "not_before_ns",
        "number", "point", "sends", "settled_ns", "ticket", "until_ns", "value",
    )  # fmt: skip

    def __init__(
        self, actor: DeviceActor, ticket: Ticket, point: BoundPoint, feedback: BoundPoint,
        value: float, guards: Sequence[BoundPoint] = (),
    ) -> None:  # fmt: skip
        """Describe the write: ``feedback`` proves it, ``guards`` are read again before it."""
        self.actor = actor
        self.ticket = ticket
        self.point = point
        self.feedback = feedback
        self.value = value
        self.guards = guards
        self.asks = type(actor).interlock is not DeviceActor.interlock
        """Whether its kind has an interlock, which is asked before each send."""
        self.losses = 0
        """How often the lease had been lost when it came; see ``Permit``."""
        self.number = 0
        """Counts the writes of its link, in the order in which they came."""
        self.sends = 0
        self.not_before_ns = 0
        self.acknowledged = False
        self.doubt = ""
        """Why there is no acknowledgement, in the driver's words."""
        self.settled_ns = 0
        """From then on, what is read back is final."""
        self.until_ns = 0
        """Nothing is read back any more after that."""

    def sent(self, now_ns: int, error: DriverError | None) -> Verdict | None:
        """Take what the driver says of a send; a verdict ends the write, None keeps it.

        After None, the write waits for its read-back if ``until_ns`` is set, and for another
        send otherwise.
        """
        if error is None:
            self.acknowledged = True
            self.ticket.acknowledged_ns = now_ns
            self._settle(now_ns, now_ns)
            return None
        if isinstance(error, DeviceRefused):
            return Verdict(Status.FAILED, Reason.REFUSED, str(error))
        if isinstance(error, DeviceBusy):
            if self.sends >= BUSY_SENDS or self.point.spec.pulse:
                return Verdict(Status.FAILED, Reason.BUSY, str(error))
            self.not_before_ns = now_ns + BUSY_PAUSE_NS * self.sends
            return None
        if isinstance(error, NeverSent):
            self.sends -= 1
            if error.lease:
                return self.unsent(Status.REJECTED, Reason.NO_LEASE, error.message)
            return self.unsent(Status.EXPIRED, Reason.DEADLINE, error.message)
        if isinstance(error, (LinkError, UnitError)):
            self.sends -= 1  # it was not sent after all
            lost = isinstance(error, LinkError)
            return self.unsent(Status.REJECTED, self.unreachable(link=lost), str(error))
        self.doubt = error.message if isinstance(error, DriverError) else f"driver said {error!r}"
        # Unknown: only the read-back can tell. If the write took effect, it did when it was sent.
        self._settle(self.ticket.dispatched_ns or now_ns, now_ns)
        return None

    def unsent(self, status: Status, reason: str, detail: str) -> Verdict:
        """Return the end of a write that is not on its way: ``status``, if it never was.

        If the device refused it as busy before, it was sent, and had no effect.
        """
        if self.sends:
            return Verdict(Status.FAILED, Reason.BUSY, f"the device was busy; {detail}")
        self.ticket.dispatched_ns = 0
        return Verdict(status, reason, detail)

    def named(self, link: str, verdict: Verdict) -> Verdict:
        """Say in a verdict what the field said, and which link it is that nobody heard from."""
        if verdict.reason in (Reason.OK, Reason.NOT_FOLLOWING, Reason.INTERLOCK, Reason.HELD):
            return verdict
        detail = f"{self.doubt}; {verdict.detail}" if self.doubt else verdict.detail
        if link not in detail:
            detail = f"link {link}: {detail}"
        return Verdict(verdict.status, verdict.reason, detail)

    def unreachable(self, *, link: bool) -> str:
        """Return the reason: a lost link makes what feeds the device the one to blame."""
        return Reason.UNREACHABLE_BY if link and self.actor.spec.fed_by else Reason.UNREACHABLE

    def unproven(self) -> Verdict:
        """Return the end of a sent write whose time for proof is over."""
        if self.acknowledged:
            detail = "acknowledged, but not read back since it should have settled"
            return Verdict(Status.INDETERMINATE, Reason.NO_READBACK, detail)
        detail = "no acknowledgement, and nothing read back"
        return Verdict(Status.INDETERMINATE, Reason.NO_ANSWER, detail)

    def limit_ns(self) -> int:
        """Return when a write that was sent must have an end, whatever the driver does."""
        return self.until_ns or self.ticket.deadline_ns + END_AFTER_DEADLINE_NS

    def _settle(self, since_ns: int, now_ns: int) -> None:
        self.settled_ns = max(now_ns, since_ns + self.point.spec.settle_ms * 1_000_000)
        self.until_ns = min(
            self.settled_ns + PROOF_NS, self.ticket.deadline_ns + END_AFTER_DEADLINE_NS
        )


def _outranks(write: Write, older: Write) -> bool:
    return write.ticket.priority <= LIFE_SAFETY < older.ticket.priority


class WriteQueue:
    """Writes of one link: those that wait, are being sent, and wait for proof. No I/O."""

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: deque[Write] = deque()
        self.guarded: Write | None = None
        """Taken, not sent: its guards are being read."""
        self.in_hand: Sequence[Write] = ()
        """Handed to the driver, which has not come back yet."""
        self.unproven: dict[int, Write] = {}
        """Feedback slot -> write."""
        self.parts = PartQueue()
        """Plain parts of bulk commands: none of their devices has a write here."""
        self._look_ns = 0
        self._pause_ns = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self.parts)

    def actors(self) -> set[DeviceActor]:
        """Return the devices of all writes that are here."""
        guarded = () if self.guarded is None else (self.guarded,)
        here = (*self._waiting, *guarded, *self.in_hand, *self.unproven.values())
        return {write.actor for write in here}

    def add(self, write: Write) -> None:
        """Queue a write, before those of lower priority."""
        waiting = self._waiting
        at = len(waiting)
        while at and waiting[at - 1].ticket.priority > write.ticket.priority:
            at -= 1
        if at == len(waiting):
            waiting.append(write)
        else:
            waiting.insert(at, write)

    def take(self, now_ns: int, most: int = WRITES_A_CALL) -> tuple[list[Write], list[Write]]:
        """Return the writes to send now, and those whose deadline has passed.

        At most one write a point and a feedback, so that each can be proven on its own; a write
        with guards comes alone, so that nothing is sent between their reading and it.
        """
        ready: list[Write] = []
        expired: list[Write] = []
        later: list[Write] = []
        slots: set[int] = set()
        while self._waiting and len(ready) < most:
            write = self._waiting.popleft()
            slot = write.feedback.slot
            if now_ns >= write.ticket.deadline_ns:
                expired.append(write)
            elif write.not_before_ns > now_ns or slot in slots or self._proves(write):
                later.append(write)
            elif not write.guards:
                slots.add(slot)
                ready.append(write)
            elif ready:
                slots.add(slot)
                later.append(write)
            else:
                ready.append(write)
                break
        if ready:
            # One call ends at the earliest deadline in it, so that nothing is sent after that;
            # a write with much more time must not suffer for one with little.
            limit = min(write.ticket.deadline_ns for write in ready) + CALL_SPREAD_NS
            later.extend(write for write in ready if write.ticket.deadline_ns > limit)
            ready = [write for write in ready if write.ticket.deadline_ns <= limit]
        self._waiting.extendleft(reversed(later))
        return ready, expired

    def has_ready(self, now_ns: int) -> bool:
        """Return whether ``take`` would return anything."""
        if self.parts.first() is not None:
            return True
        return any(self._is_ready(write, now_ns) for write in self._waiting)

    def next_parts(self, now_ns: int) -> Parts | None:
        """Return the plain parts that are to be sent before any write; None: there are none."""
        first = self.parts.first()
        if first is None:
            return None
        place = first.priority, first.number
        for write in self._waiting:
            if (write.ticket.priority, write.number) > place:
                break
            if self._is_ready(write, now_ns):
                return None
        return first

    def _is_ready(self, write: Write, now_ns: int) -> bool:
        return now_ns >= write.ticket.deadline_ns or (
            write.not_before_ns <= now_ns and not self._proves(write)
        )

    def _proves(self, write: Write) -> bool:
        """Whether what was sent before it must be proven first; life safety waits for its like."""
        older = self.unproven.get(write.feedback.slot)
        return older is not None and not _outranks(write, older)

    def outranked(self, now_ns: int) -> list[Write]:
        """Return and forget what waits for its proof in the way of life safety."""
        slots = {
            write.feedback.slot
            for write in self._waiting
            if write.ticket.priority <= LIFE_SAFETY and write.not_before_ns <= now_ns
        }
        found = [slot for slot in slots if slot in self.unproven]
        weaker = [slot for slot in found if self.unproven[slot].ticket.priority > LIFE_SAFETY]
        return [self.unproven.pop(slot) for slot in weaker]

    def prove(self, write: Write, now_ns: int) -> None:
        """Have a sent write proven by read-back."""
        self.unproven[write.feedback.slot] = write
        self._look_at(now_ns)

    def prove_parts(self, parts: Parts, now_ns: int) -> None:
        """Have sent parts proven by read-back."""
        self.parts.prove(parts)
        self._look_at(now_ns)

    def _look_at(self, now_ns: int) -> None:
        self._pause_ns = 0  # the first look is at once: what does not ramp is proven by it
        self._look_ns = now_ns

    def looked(self, now_ns: int) -> None:
        """Plan the next look, if anything is left to prove: when one has settled, at the latest."""
        self.parts.tidy()
        if not self.unproven and not self.parts.proving:
            self._look_ns = self._pause_ns = 0
            return
        self._pause_ns = next_look_ns(self._pause_ns)
        self._look_ns = now_ns + self._pause_ns
        settled = [write.settled_ns for write in self.unproven.values()]
        settled.extend(parts.settled_ns for parts in self.parts.proving)
        for settled_ns in settled:
            if now_ns < settled_ns < self._look_ns:
                self._look_ns = settled_ns

    def due_ns(self) -> int:
        """Return when to look or send again; 0 if there is nothing to wait for."""
        times = [
            write.not_before_ns
            for write in self._waiting
            if write.not_before_ns and write.feedback.slot not in self.unproven
        ]
        if self._look_ns and (self.unproven or self.parts.proving):
            times.append(self._look_ns)
        return min(times) if times else 0

    def look_is_due(self, now_ns: int) -> bool:
        """Return whether a read-back is due."""
        return bool(self.unproven or self.parts.proving) and now_ns >= self._look_ns

    def seen(self, slots: Iterable[int]) -> list[tuple[int, Write]]:
        """Return the unproven writes that a read of these slots tells about."""
        if not self.unproven:
            return []
        return [(slot, self.unproven[slot]) for slot in slots if slot in self.unproven]

    def limit_ns(self) -> int:
        """Return when the next write must end; 0 if there is none."""
        limits = [write.ticket.deadline_ns for write in self._waiting]
        if parts := self.parts.limit_ns():
            limits.append(parts)
        if self.guarded is not None:
            limits.append(self.guarded.ticket.deadline_ns)
        limits.extend(write.limit_ns() for write in self.in_hand)
        limits.extend(write.limit_ns() for write in self.unproven.values())
        return min(limits) if limits else 0

    def expired(self, now_ns: int) -> list[Write]:
        """Return and forget writes that were not sent and whose deadline has passed."""
        late = [write for write in self._waiting if now_ns >= write.ticket.deadline_ns]
        if late:
            self._waiting = deque(w for w in self._waiting if now_ns < w.ticket.deadline_ns)
        if self.guarded is not None and now_ns >= self.guarded.ticket.deadline_ns:
            late.append(self.guarded)
            self.guarded = None
        return late

    def overdue(self, now_ns: int) -> list[Write]:
        """Return and forget sent writes whose time for proof is over."""
        late = [write for write in self.unproven.values() if now_ns >= write.limit_ns()]
        for write in late:
            del self.unproven[write.feedback.slot]
        late.extend(write for write in self.in_hand if now_ns >= write.limit_ns())
        self.in_hand = [write for write in self.in_hand if now_ns < write.limit_ns()]
        return late

    def drop(self, actors: Collection[DeviceActor]) -> tuple[list[Write], list[Write]]:
        """Forget the writes of these actors; return those not sent, and those on their way."""
        unsent = [write for write in self._waiting if write.actor in actors]
        if unsent:
            self._waiting = deque(w for w in self._waiting if w.actor not in actors)
        if self.guarded is not None and self.guarded.actor in actors:
            unsent.append(self.guarded)
            self.guarded = None
        sent = [write for write in self.in_hand if write.actor in actors]
        self.in_hand = [write for write in self.in_hand if write.actor not in actors]
        proving = [slot for slot, write in self.unproven.items() if write.actor in actors]
        sent.extend(self.unproven.pop(slot) for slot in proving)
        return unsent, sent

    def withdraw(self, meant: Callable[[Write], bool]) -> list[Write]:
        """Return and forget those that are meant, and of which nothing was ever sent."""
        found = [write for write in self._waiting if not write.sends and meant(write)]
        if found:
            gone = frozenset(found)
            self._waiting = deque(write for write in self._waiting if write not in gone)
        guarded = self.guarded
        if guarded is not None and not guarded.sends and meant(guarded):
            found.append(guarded)
            self.guarded = None
        return found

    def clear(self) -> list[Write]:
        """Return and forget all writes that are not on their way."""
        waiting = list(self._waiting)
        self._waiting.clear()
        if self.guarded is not None:
            waiting.append(self.guarded)
            self.guarded = None
        return waiting
