"""The writing side of a link for what is plain in a bulk command: columns to the driver and back.

*Theory.* Of 100,000 devices that get the same value nearly all go the same way, in which nothing
is decided for one of them alone: so they go it together (``native.parts``), a call of the driver at
a time. Whatever is not so leaves the columns at the stage where it is, and is a ``Write`` from then
on: the lease is gone, the deadline over, somebody claims the device, the driver says something
else than None, the feedback shows something else than the value. This module ends nothing but by
a read-back that proves.
"""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jacquemart.native.parts import BOUND, Parts
from jacquemart.native.prototype import Prototype
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import END_AFTER_DEADLINE_NS, Ticket
from jacquemart.runtime.cell.digests import parts_of
from jacquemart.runtime.cell.polled import bind
from jacquemart.runtime.cell.reading_plan import ReadingPlan, Watch
from jacquemart.runtime.cell.writes import PROOF_NS, Write, WriteQueue
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.errors import DriverError, LinkError
from jacquemart.runtime.model.field import BoundPoint
from jacquemart.runtime.model.outcome import Status

if TYPE_CHECKING:
    from jacquemart.runtime.cell.ledger import Ledger
    from jacquemart.runtime.cell.permit import Permit
    from jacquemart.runtime.cell.ports import DriverPort
    from jacquemart.runtime.model.clock import Clock

Pairs = Sequence[tuple[BoundPoint, float]]
Results = tuple[Sequence[DriverError | None], LinkError | None]
#: Hands pairs to the driver: they, their deadline (boot-time ns), the permit, the time.
Call = Callable[[Pairs, int, "Permit | None", int], Awaitable[Results]]


class PartWriter:
    """Brings plain parts of one link to their ends, or has them leave for its ``Writer``."""

    def __init__(
        self,
        driver: DriverPort,
        queue: WriteQueue,
        clock: Clock,
        ledger: Ledger,
        call: Call,
        settle: Callable[[Write, DriverError | None, int], object],
        bound: Callable[[int], object],
    ) -> None:
        """Write through ``call``.

        ``settle`` takes what the driver says of a write that has left; ``bound`` has the limits
        looked at by a time.
        """
        self._driver = driver
        self._queue = queue
        self._clock = clock
        self._ledger = ledger
        self._call = call
        self._settle = settle
        self._bound = bound
        self.watchers: Mapping[int, Watch] = {}
        """Who watches which slots of the link."""
        self._left: dict[int, Write] = {}
        """Row -> its write, of those in the driver's hands that have left meanwhile."""

    def submit(self, parts: Parts, number: int) -> None:
        """Queue parts, as the write of that number of their link."""
        permit: Permit | None = parts.shard.permit
        parts.losses = permit.losses if permit is not None else 0
        parts.number = number
        self._queue.parts.add(parts)
        self._bound(parts.deadline_ns)

    def left(self, parts: Parts, row: int, actor: DeviceActor) -> Ticket:
        """Go on with a device that leaves the columns as with any other; return its ticket."""
        ticket: Ticket = parts.run.leaves(actor, parts.position(row))
        point = bind(self._driver, actor, parts.point_at)
        feedback = point
        if parts.feedback_at != parts.point_at:
            feedback = bind(self._driver, actor, parts.feedback_at)
        write = Write(actor, ticket, point, feedback, parts.value)
        write.number, write.losses = parts.number, parts.losses
        if not parts.dispatched_ns:
            self._queue.add(write)
            return ticket
        write.sends = 1
        ticket.dispatched_ns = parts.dispatched_ns
        if parts.is_in_hand:
            self._left[row] = write
            self._queue.in_hand = [*self._queue.in_hand, write]
            return ticket
        write.acknowledged = True
        ticket.acknowledged_ns = parts.acknowledged_ns
        write.settled_ns, write.until_ns = parts.settled_ns, parts.until_ns
        self._queue.unproven[feedback.slot] = write
        return ticket

    async def send(self, parts: Parts, now: int) -> None:
        """Send the parts that are first in the queue, in one call of the driver.

        Raises:
            LinkError: the link must be opened anew; each write has its end, or waits for proof.
        """
        permit: Permit | None = parts.shard.permit
        leased = permit is None or (
            permit.gate.open() and permit.losses == parts.losses and not permit.unrestored
        )
        if not leased or now >= parts.deadline_ns:
            parts.leave_all()  # each has its end then, or goes on, as any write does
            return
        parts.leave_claimed()
        if not parts.live:
            return
        self._queue.parts.sent()
        points = parts.points = self._points(parts, parts.point_at)
        parts.dispatched(now)
        if self._ledger.open:
            run = parts.run
            self._ledger.sent_each(parts_of(run.principal, parts.ids(), run.id), now)
        pairs = parts.pairs(points)
        given, broken = await self._call(pairs, parts.deadline_ns, permit, now)
        now, results = self._clock.boot_ns(), list(given)
        clean = results.count(None) == len(results)
        rows: Sequence[int] = ()
        if self._left or not clean:  # what was handed to the driver is in hand still, or has left
            rows = sorted([*parts.row_numbers(), *self._left])
        if clean:
            settled_ns = now + parts.spec.settle_ms * 1_000_000
            until_ns = min(settled_ns + PROOF_NS, parts.deadline_ns + END_AFTER_DEADLINE_NS)
            parts.acknowledged(now, settled_ns, until_ns)
            self._queue.prove_parts(parts, now)
            self._bound(until_ns)
        else:
            parts.leave_all()
            self._queue.parts.returned()
        left, self._left = self._left, {}
        self._queue.in_hand = ()
        for row, result in zip(rows, results, strict=True) if rows else ():
            if isinstance(result, LinkError):
                broken = broken or result
            if row in left:
                self._settle(left[row], result, now)
        if broken is not None:
            raise broken

    def _feedbacks(self, parts: Parts) -> Sequence[BoundPoint]:
        """Return what is to be read back of those in the columns."""
        points: Sequence[BoundPoint] | None = parts.points
        if parts.feedback_at != parts.point_at or points is None or len(points) != parts.live:
            return self._points(parts, parts.feedback_at)
        return points

    def plan(self, writes: Sequence[Write], proving: Sequence[Parts]) -> ReadingPlan:
        """Return a plan that reads what proves some writes, and parts."""
        points = [write.feedback for write in writes]
        slots = array("I", [point.slot for point in points])
        for parts in proving:
            points.extend(self._feedbacks(parts))
            slots.frombytes(parts.slots(parts.feedback_at))
        return ReadingPlan(points, self._driver.plan(points), self.watchers, slots)

    def judge(self, planned: Sequence[Parts], asked_ns: int) -> None:
        """End those that a read which began at ``asked_ns`` has proven."""
        now = self._clock.boot_ns()
        for parts in planned:
            if parts.live and parts.acknowledged_ns:
                setpoints = parts.shard.setpoints
                parts.judge(parts.spec.tolerance, asked_ns, now, setpoints, Status.APPLIED)

    def leave_late(self, now_ns: int) -> None:
        """Have those leave whose time is over, wherever they are."""
        for parts in self._queue.parts.late(now_ns):
            parts.leave_all()

    def leave_waiting(self) -> None:
        """Have those leave that were not sent."""
        for parts in self._queue.parts.waiting:
            parts.leave_all()

    def leave_all(self) -> None:
        """Have all leave."""
        for parts in self._queue.parts:
            parts.leave_all()

    def leave_of(self, actors: Any) -> None:
        """Have these devices leave."""
        for parts in self._queue.parts:
            for actor in parts.in_columns():
                if actor in actors:
                    parts.leave(actor)

    def _points(self, parts: Parts, at: int) -> list[BoundPoint]:
        """Bind one point of each device in the columns: what ``bind`` does, for many."""
        first: DeviceActor = parts.first()
        spec: PointSpec = first.template.points[at]
        like = Prototype(BoundPoint(0, first.spec, spec, None), BOUND)
        shared = getattr(self._driver, "shared_addresses", False)
        made = parts.bound(like, spec, None if shared else self._driver.address_of, at)
        if made is None:  # each has an address of its own making
            return [bind(self._driver, actor, at) for actor in parts.in_columns()]
        return made
