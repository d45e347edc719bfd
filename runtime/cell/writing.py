"""The writing side of a link: sends, reads back, and ends each write in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from jacquemart.native.table import PointTable
from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.cell.driver_calls import CALL_S, CallTooLong, DriverCalls
from jacquemart.runtime.cell.ports import DriverPort
from jacquemart.runtime.cell.reading_plan import ReadingPlan, Watch
from jacquemart.runtime.cell.writes import WRITES_A_CALL, Write, WriteQueue
from jacquemart.runtime.kernel.guarding import look
from jacquemart.runtime.kernel.readback import Verdict, judge
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.errors import DriverError, LinkError, OutcomeUnknown
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.text import describe

NEVER_NS = 2**63 - 1


class Writer:
    """Brings the writes of one link to their ends, one for each.

    *Theory.* Only a read that began after a write was sent can prove it, and only one that began
    after its settle time can disprove it. A write has a limit of its own, kept by a timer, so
    that it ends in time also when the driver hangs or the link is lost.

    Whatever asked for it, a write leaves by ``send`` alone. There its guards are read again, and
    its kind's interlock has the last word, in the same turn of the loop as the driver's call.
    """

    def __init__(
        self,
        link: str,
        driver: DriverPort,
        calls: DriverCalls,
        table: PointTable,
        clock: Clock,
        read: Callable[[ReadingPlan], Awaitable[None]],
        failed: Callable[[Any, BaseException], None],
    ) -> None:
        """Write to ``link`` through ``calls``; ``read`` reads a plan and has it judged here."""
        self.queue = WriteQueue()
        self._link = link
        self._driver = driver
        self._calls = calls
        self._table = table
        self._clock = clock
        self._read = read
        self._failed = failed
        self.watchers: dict[int, Watch] = {}
        self._plan: ReadingPlan | None = None
        self._limit: tuple[int, asyncio.TimerHandle] | None = None

    def submit(self, write: Write) -> None:
        """Queue a write."""
        self.queue.add(write)
        self._bound(write.ticket.deadline_ns)

    def refuse_waiting(self, detail: str) -> None:
        """End what was not sent: the link is down."""
        for write in self.queue.clear():
            reason = write.unreachable(link=True)
            self._end(write, write.unsent(Status.REJECTED, reason, detail))

    def drop(self, actors: Collection[DeviceActor], why: str) -> None:
        """End the writes of actors that leave the link; those of the others go on."""
        unsent, sent = self.queue.drop(actors)
        for write in unsent:
            self._end(write, write.unsent(Status.REJECTED, Reason.STOPPING, why))
        for write in sent:
            self._end(write, Verdict(Status.INDETERMINATE, Reason.STOPPING, why))
        self._plan = None

    def stop(self, why: str = "the cell is stopping") -> None:
        """End all writes: the cell is stopping, or the link leaves it."""
        if self._limit is not None:
            self._limit[1].cancel()
            self._limit = None
        for write in self.queue.clear():
            verdict = write.unsent(Status.REJECTED, Reason.STOPPING, why)
            self._end(write, verdict)
        for write in self.queue.overdue(NEVER_NS):
            self._end(write, Verdict(Status.INDETERMINATE, Reason.STOPPING, why))

    # Sending -------------------------------------------------------------------------------

    async def send(self, now: int) -> None:
        """Send what is ready, in one call of the driver.

        Raises:
            LinkError: the link must be opened anew; each write has its end, or waits for proof.
        """
        # A thread cannot be cut at a deadline, so that it gets one write at a time.
        most = 1 if self._driver.blocking else WRITES_A_CALL
        writes, expired = self.queue.take(now, most)
        for write in expired:
            self._expire(write)
        if writes and writes[0].guards:
            if not await self._guards_allow(writes[0]):
                return
            now = self._clock.boot_ns()
        writes = [write for write in writes if not write.asks or self._interlock_allows(write)]
        if not writes:
            return
        for write in writes:
            write.sends += 1
            write.ticket.dispatched_ns = now
        self.queue.in_hand = writes
        results, broken = await self._write(writes, now)
        self.queue.in_hand = ()
        now = self._clock.boot_ns()
        for write, result in zip(writes, results, strict=True):
            if isinstance(result, LinkError):
                broken = broken or result
            if write.ticket.outcome is not None:
                continue  # its limit came first
            verdict = write.sent(now, result)
            if verdict is not None:
                self._end(write, verdict)
            elif write.until_ns:
                self.queue.prove(write, now)
                self._bound(write.until_ns)
            else:
                self.queue.add(write)
                self._bound(write.ticket.deadline_ns)
        if broken is not None:
            raise broken

    async def _write(
        self, writes: Sequence[Write], now: int
    ) -> tuple[Sequence[DriverError | None], LinkError | None]:
        """Return what became of each write, and why the link must be opened anew, if it must."""
        count = len(writes)
        # Nothing may be sent after a deadline, so the call itself ends at the earliest one.
        left = (min(write.ticket.deadline_ns for write in writes) - now) / 1e9
        pairs = [(write.point, write.value) for write in writes]
        try:
            results = await self._calls.call(self._driver.write, pairs, limit_s=min(left, CALL_S))
            if len(results) != count:
                raise OutcomeUnknown(f"driver gave {len(results)} results for {count} writes")
            return results, None
        except CallTooLong as error:
            unknown = [OutcomeUnknown("no answer before the deadline")] * count
            # A deadline that is over is no fault of the link. But a thread cannot be cut, and
            # what it still does must not meet the next call.
            return unknown, error if self._driver.blocking or left >= CALL_S else None
        except LinkError as error:
            return [error] * count, error
        except DriverError as error:
            return [error] * count, None
        except Exception as error:  # noqa: BLE001 - a bug in the driver: who knows what was sent
            self._failed(self, error)
            broken = LinkError(f"driver failed: {describe(error)}")
            return [OutcomeUnknown(broken.message)] * count, broken

    # Right before the field ----------------------------------------------------------------

    async def _guards_allow(self, write: Write) -> bool:
        """Read the guards of a write again; one that they do not allow has its end then.

        Raises:
            Exception: what the read raised, after the write has ended; see ``send``.
        """
        self.queue.guarded = write
        self._bound(write.ticket.deadline_ns)
        asked = self._clock.boot_ns()
        broken: Exception | None = None
        refusal: str | None
        try:
            points = write.guards
            await self._read(ReadingPlan(points, self._driver.plan(points), self.watchers))
            found = [(p.spec.name, *self._table.read(p.slot)[:2]) for p in points]
            refusal = look(found, asked, self._clock.boot_ns())
        except Exception as error:  # noqa: BLE001 - whatever it was: they were not read
            broken, refusal = error, f"its guards could not be read: {describe(error)}"
        if self.queue.guarded is write:
            self.queue.guarded = None
            if self._clock.boot_ns() >= write.ticket.deadline_ns:
                self._expire(write)
            elif refusal is not None:
                self._end(write, write.unsent(Status.REJECTED, Reason.INTERLOCK, refusal))
            elif broken is None:
                return True
        if broken is not None:
            raise broken
        return False

    def _interlock_allows(self, write: Write) -> bool:
        """Ask the kind; a write that it does not allow has its end then."""
        if write.ticket.outcome is not None:
            return False  # its actor has ended it meanwhile
        actor: DeviceActor = write.actor
        try:
            refusal: object = actor.interlock(write.point.spec.name, write.value)
        except RAISED as error:
            self._failed(actor, error)
            refusal = f"interlock failed: {describe(error)}"
        if refusal is None:
            return True
        detail = refusal if isinstance(refusal, str) else "interlock gave no plain answer"
        self._end(write, write.unsent(Status.REJECTED, Reason.INTERLOCK, detail))
        return False

    # Reading back --------------------------------------------------------------------------

    async def look(self) -> None:
        """Read the feedback of all writes that wait for proof."""
        wanted = list(self.queue.unproven.values())
        plan = self._plan
        slots = {write.feedback.slot for write in wanted}
        if plan is None or not slots.issubset(plan.slots) or 4 * len(slots) < len(plan.slots):
            points = tuple(write.feedback for write in wanted)
            plan = self._plan = ReadingPlan(points, self._driver.plan(points), self.watchers)
        await self._read(plan)
        self.queue.looked(self._clock.boot_ns())
        if not self.queue.unproven:
            self._plan = None if len(plan.slots) < 4 else plan

    def judge(self, plan: ReadingPlan, asked_ns: int) -> None:
        """Judge the writes that a read tells about, which began at ``asked_ns``."""
        for slot, write in self.queue.seen(plan.slots):
            value, quality, _, _ = self._table.read(slot)
            verdict = judge(
                write.value,
                write.point.spec.tolerance,
                value,
                quality,
                settled=asked_ns >= write.settled_ns,
                acknowledged=write.acknowledged,
            )
            if verdict is not None:
                del self.queue.unproven[slot]
                self._end(write, verdict, None if quality >= Quality.STALE_AGE else value)

    # Limits --------------------------------------------------------------------------------

    def _bound(self, limit_ns: int) -> None:
        """Look at all writes at ``limit_ns``, or before if that is planned already."""
        if self._limit is not None:
            if self._limit[0] <= limit_ns:
                return
            self._limit[1].cancel()
        left = max(0, limit_ns - self._clock.boot_ns()) / 1e9
        timer = asyncio.get_running_loop().call_later(left, self._at_limit)
        self._limit = limit_ns, timer

    def _at_limit(self) -> None:
        self._limit = None
        now = self._clock.boot_ns()
        for write in self.queue.expired(now):
            self._expire(write)
        for write in self.queue.overdue(now):
            self._end(write, write.unproven())
        limit = self.queue.limit_ns()
        if limit:
            self._bound(limit)

    def _expire(self, write: Write) -> None:
        detail = "waited for its link"
        self._end(write, write.unsent(Status.EXPIRED, Reason.DEADLINE, detail))

    def _end(self, write: Write, verdict: Verdict, value: float | None = None) -> None:
        if write.ticket.outcome is not None:
            return  # its actor has ended it: something newer took its place
        actor: DeviceActor = write.actor
        try:
            actor.written(write.ticket, write.named(self._link, verdict), value)
        except RAISED as error:  # one actor's bug stops nobody else
            self._failed(actor, error)
