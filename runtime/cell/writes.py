"""Writes on their way to the field, and the read-backs that prove them."""

from __future__ import annotations

from collections import deque

from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import END_AFTER_DEADLINE_NS, Ticket
from jacquemart.runtime.kernel.readback import Verdict, next_look_ns
from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    DriverError,
    LinkError,
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


class Write:
    """One value for one point, from its command to its verdict."""

    __slots__ = (
        "acknowledged", "actor", "doubt", "feedback", "not_before_ns", "point", "sends",
        "sent_wall_ns", "ticket", "until_ns", "value",
    )  # fmt: skip

    def __init__(
        self, actor: DeviceActor, ticket: Ticket, point: BoundPoint, feedback: BoundPoint,
        value: float,
    ) -> None:  # fmt: skip
        """Describe the write; ``feedback`` is the point that proves it."""
        self.actor = actor
        self.ticket = ticket
        self.point = point
        self.feedback = feedback
        self.value = value
        self.sends = 0
        self.sent_wall_ns = 0
        """Wall clock right before the last send: only what was read later proves anything."""
        self.not_before_ns = 0
        self.acknowledged = False
        self.doubt = ""
        """Why there is no acknowledgement, in the driver's words."""
        self.until_ns = 0

    def sent(self, now_ns: int, error: DriverError | None) -> Verdict | None:
        """Take what the driver says of a send; a verdict ends the write, None keeps it.

        After None, the write waits for its read-back if ``until_ns`` is set, and for another
        send otherwise.
        """
        if error is None:
            self.acknowledged = True
            self.ticket.acknowledged_ns = now_ns
            self._settle(now_ns)
            return None
        if isinstance(error, DeviceRefused):
            return Verdict(Status.FAILED, Reason.REFUSED, str(error))
        if isinstance(error, DeviceBusy):
            if self.sends >= BUSY_SENDS:
                return Verdict(Status.FAILED, Reason.BUSY, str(error))
            self.not_before_ns = now_ns + BUSY_PAUSE_NS * self.sends
            return None
        if isinstance(error, (LinkError, UnitError)):
            self.ticket.dispatched_ns = 0  # it was not sent after all
            return Verdict(Status.REJECTED, Reason.UNREACHABLE, str(error))
        self.doubt = error.message
        self._settle(now_ns)  # unknown: only the read-back can tell
        return None

    def _settle(self, now_ns: int) -> None:
        settled = now_ns + self.point.spec.settle_ms * 1_000_000
        self.until_ns = min(settled, self.ticket.deadline_ns + END_AFTER_DEADLINE_NS)


class WriteQueue:
    """Writes of one link that wait to be sent, and those that wait for proof. No I/O."""

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: deque[Write] = deque()
        self.unproven: dict[int, Write] = {}
        """Feedback slot -> write."""
        self._look_ns = 0
        self._pause_ns = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, write: Write) -> None:
        """Queue a write."""
        self._waiting.append(write)

    def take(self, now_ns: int) -> tuple[list[Write], list[Write]]:
        """Return the writes to send now, and those whose deadline has passed.

        At most one write a point and a feedback, so that each can be proven on its own.
        """
        ready: list[Write] = []
        expired: list[Write] = []
        later: list[Write] = []
        slots: set[int] = set()
        while self._waiting and len(ready) < WRITES_A_CALL:
            write = self._waiting.popleft()
            slot = write.feedback.slot
            if now_ns >= write.ticket.deadline_ns:
                expired.append(write)
            elif write.not_before_ns > now_ns or slot in slots or slot in self.unproven:
                later.append(write)
            else:
                slots.add(slot)
                ready.append(write)
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
        return any(
            now_ns >= write.ticket.deadline_ns
            or (write.not_before_ns <= now_ns and write.feedback.slot not in self.unproven)
            for write in self._waiting
        )

    def prove(self, write: Write, now_ns: int) -> None:
        """Have a sent write proven by read-back."""
        self.unproven[write.feedback.slot] = write
        self._pause_ns = next_look_ns(0)
        look = now_ns + self._pause_ns
        self._look_ns = min(self._look_ns, look) if self._look_ns else look

    def looked(self, now_ns: int) -> None:
        """Plan the next look, if anything is left to prove."""
        if self.unproven:
            self._pause_ns = next_look_ns(self._pause_ns)
            self._look_ns = now_ns + self._pause_ns
        else:
            self._look_ns = self._pause_ns = 0

    def due_ns(self) -> int:
        """Return when to look or send again; 0 if there is nothing to wait for."""
        times = [write.not_before_ns for write in self._waiting if write.not_before_ns]
        if self._look_ns and self.unproven:
            times.append(self._look_ns)
        return min(times) if times else 0

    def look_is_due(self, now_ns: int) -> bool:
        """Return whether a read-back is due."""
        return bool(self.unproven) and now_ns >= self._look_ns

    def clear(self) -> list[Write]:
        """Return and forget all writes that were not sent."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    def overdue(self, now_ns: int) -> list[Write]:
        """Return and forget sent writes whose time for proof is over."""
        late = [write for write in self.unproven.values() if now_ns >= write.until_ns]
        for write in late:
            del self.unproven[write.feedback.slot]
        return late
