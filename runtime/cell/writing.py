"""The writing side of a link: sends, reads back, and ends each write in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from jacquemart.native.parts import Parts
from jacquemart.native.table import PointTable
from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import TAKEN_BACK
from jacquemart.runtime.cell.digests import digest_of
from jacquemart.runtime.cell.driver_calls import CALL_S, CallTooLong, DriverCalls
from jacquemart.runtime.cell.leash import Leash
from jacquemart.runtime.cell.ledger import Ledger
from jacquemart.runtime.cell.part_writing import Pairs, PartWriter
from jacquemart.runtime.cell.permit import Permit
from jacquemart.runtime.cell.ports import DriverPort
from jacquemart.runtime.cell.reading_plan import ReadingPlan
from jacquemart.runtime.cell.writes import WRITES_A_CALL, Write, WriteQueue
from jacquemart.runtime.kernel.guarding import look
from jacquemart.runtime.kernel.readback import Verdict, judge
from jacquemart.runtime.model.claim import LIFE_SAFETY
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.errors import DriverError, LinkError, OutcomeUnknown
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.text import describe

NEVER_NS = 2**63 - 1
SAFE_NOW = "a command of life safety came for the same point, and waited for nothing"


class Writer:
    """Brings the writes of one link to their ends, one for each.

    *Theory.* Only a read that began after a write was sent can prove it, and only one that began
    after its settle time can disprove it. A write has a limit of its own, kept by a timer, so
    that it ends in time also when the driver hangs or the link is lost.

    Whatever asked for it, a write leaves by ``send`` alone. There its guards are read again, and
    the device's claims and its kind's interlock have the last word, in the same turn of the loop
    as the driver's call.
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
        ledger: Ledger | None = None,
    ) -> None:
        """Write to ``link`` through ``calls``; ``read`` reads a plan and has it judged here."""
        self._ledger = ledger or Ledger()
        self.queue = WriteQueue()
        self._link = link
        self._driver = driver
        self._calls = calls
        self._table = table
        self._clock = clock
        self._read = read
        self._failed = failed
        self.parts = PartWriter(
            driver, self.queue, clock, self._ledger, self._call, self._settle, self._bound
        )  # fmt: skip
        self._plan: ReadingPlan | None = None
        self._planned: tuple[Parts, ...] = ()
        """Parts that the plan reads back, besides writes."""
        self._count = 0
        self._safety: dict[int, int] = {}
        """Slot -> number of the last write of life safety."""
        self._limit: tuple[int, asyncio.TimerHandle] | None = None

    def submit(self, write: Write) -> None:
        """Queue a write."""
        write.actor.leave_columns()
        permit = _permit(write)
        write.losses = permit.losses if permit is not None else 0
        self._count += 1
        write.number = self._count
        if write.ticket.priority <= LIFE_SAFETY:
            self._safety[write.point.slot] = write.number
        self.queue.add(write)
        self._bound(write.ticket.deadline_ns)

    def submit_parts(self, parts: Parts) -> None:
        """Queue plain parts of a bulk command."""
        self._count += 1
        self.parts.submit(parts, self._count)

    def refuse_waiting(self, detail: str) -> None:
        """End what was not sent: the link is down."""
        self.parts.leave_waiting()
        for write in self.queue.clear():
            reason = write.unreachable(link=True)
            self._end(write, write.unsent(Status.REJECTED, reason, detail))

    def drop(self, actors: Collection[DeviceActor], why: str) -> None:
        """End the writes of actors that leave the link; those of the others go on."""
        self.parts.leave_of(actors)
        unsent, sent = self.queue.drop(actors)
        for write in unsent:
            self._end(write, write.unsent(Status.REJECTED, Reason.STOPPING, why))
        for write in sent:
            self._end(write, Verdict(Status.INDETERMINATE, Reason.STOPPING, why))
        self._plan = None

    def withdraw(self, meant: Callable[[Write], bool]) -> int:
        """End as CANCELLED those that are meant and were never sent; return how many."""
        found = self.queue.withdraw(meant)
        for write in found:
            self._end(write, write.unsent(Status.CANCELLED, Reason.WITHDRAWN, TAKEN_BACK))
        return len(found)

    def stop(self, why: str = "the cell is stopping") -> None:
        """End all writes: the cell is stopping, or the link leaves it."""
        if self._limit is not None:
            self._limit[1].cancel()
            self._limit = None
        self.parts.leave_all()
        for write in self.queue.clear():
            permit = _permit(write)
            fenced = permit is not None and permit.gate.sealed
            reason = Reason.NO_LEASE if fenced else Reason.STOPPING
            self._end(write, write.unsent(Status.REJECTED, reason, why))
        for write in self.queue.overdue(NEVER_NS):
            self._end(write, Verdict(Status.INDETERMINATE, Reason.STOPPING, why))

    # Sending -------------------------------------------------------------------------------

    async def send(self, now: int) -> None:
        """Send what is ready, in one call of the driver.

        Raises:
            LinkError: the link must be opened anew; each write has its end, or waits for proof.
        """
        parts = self.queue.next_parts(now)
        if parts is not None:
            await self.parts.send(parts, now)
            return
        # A thread cannot be cut at a deadline, so that it gets one write at a time.
        for older in self.queue.outranked(now) if self._safety else ():
            self._end(older, Verdict(Status.INDETERMINATE, Reason.NO_READBACK, SAFE_NOW))
        most = 1 if self._driver.blocking else WRITES_A_CALL
        writes, expired = self.queue.take(now, most)
        for write in expired:
            self._expire(write)
        writes = [write for write in writes if not self._undoes_safety(write)]
        if writes and writes[0].guards:
            if not await self._guards_allow(writes[0]):
                return
            now = self._clock.boot_ns()
        writes = [write for write in writes if self._admits(write)]
        writes = [write for write in writes if not write.asks or self._interlock_allows(write)]
        writes = [write for write in writes if self._leased(write)]
        if not writes:
            return
        for write in writes:
            write.sends += 1
            write.ticket.dispatched_ns = now
            if write.actor.claims is not None:
                write.actor.claims.sent(write.ticket, write.point.spec, write.value)
            if self._ledger.open:
                self._ledger.sent(digest_of(write.ticket), now)
                if write.ticket.cause is not None:
                    self._ledger.sent(digest_of(write.ticket.cause), now)
        self.queue.in_hand = writes
        pairs = [(write.point, write.value) for write in writes]
        # Nothing may be sent after a deadline, so the call itself ends at the earliest one.
        earliest = min(write.ticket.deadline_ns for write in writes)
        results, broken = await self._call(pairs, earliest, _permit(writes[0]), now)
        self.queue.in_hand = ()
        now = self._clock.boot_ns()
        for write, result in zip(writes, results, strict=True):
            if isinstance(result, LinkError):
                broken = broken or result
            self._settle(write, result, now)
        if broken is not None:
            raise broken

    def _settle(self, write: Write, result: DriverError | None, now: int) -> None:
        """Take what the driver says of a write that was handed to it."""
        if write.ticket.outcome is not None:
            return  # its limit came first
        verdict = write.sent(now, result)
        if verdict is not None:
            self._end(write, verdict)
        elif write.until_ns:
            self.queue.prove(write, now)
            self._bound(write.until_ns)
        else:
            self.queue.add(write)
            self._bound(write.ticket.deadline_ns)

    async def _call(
        self, pairs: Pairs, earliest: int, permit: Permit | None, now: int
    ) -> tuple[Sequence[DriverError | None], LinkError | None]:
        """Return what became of each write, and why the link must be opened anew, if it must.

        The call ends at ``earliest``, and goes no step further than that or than its lease,
        should the process be frozen in it.
        """
        count = len(pairs)
        left = (earliest - now) / 1e9
        leash = Leash(self._clock, earliest, permit)
        self._driver.last_look = leash
        try:
            results = await self._calls.call(
                self._driver.write, pairs, limit_s=min(left, CALL_S), leash=leash
            )
            if len(results) != count:
                raise OutcomeUnknown(f"driver gave {len(results)} results for {count} writes")
            return results, None
        except CallTooLong as error:
            unknown = [OutcomeUnknown("no answer before the deadline")] * count
            # A deadline or lease that is over is no fault of the link. But a thread cannot be
            # cut, and what it still does must not meet the next call.
            hung = left >= CALL_S and not error.leashed
            return unknown, error if self._driver.blocking or hung else None
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
            await self._read(ReadingPlan(points, self._driver.plan(points), self.parts.watchers))
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

    def _admits(self, write: Write) -> bool:
        """Ask who holds, reserves or has locked out; what is refused has its end then.

        It was asked when it came; meanwhile somebody may have locked the device out.
        """
        claims, spec = write.actor.claims, write.point.spec
        if claims is None:
            if not spec.min_on_s and not spec.min_off_s:
                return True
            claims = write.actor.claiming()
        if write.ticket.outcome is not None:
            return False
        held = claims.refusal(write.ticket, spec.name, write.value)
        if held is None:
            return True
        self._end(write, write.unsent(Status.REJECTED, Reason.HELD, held))
        return False

    def _undoes_safety(self, write: Write) -> bool:
        """End a write that came before one of life safety, which has passed it."""
        weaker = write.ticket.priority > LIFE_SAFETY
        undoes = weaker and write.number < self._safety.get(write.point.slot, 0)
        if undoes:
            self._end(write, write.unsent(Status.SUPERSEDED, Reason.NEWER, SAFE_NOW))
        return undoes

    def _leased(self, write: Write) -> bool:
        """Ask for the shard's lease; without it a write has its end now, and is never sent."""
        permit = _permit(write)
        refusal = permit.refusal(write.actor, write.losses) if permit is not None else None
        if permit is None or refusal is None:
            return True
        permit.refused += 1
        if write.ticket.outcome is None:
            self._end(write, write.unsent(Status.REJECTED, Reason.NO_LEASE, refusal))
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
        proving = [parts for parts in self.queue.parts.proving if parts.live]
        plan = self._plan
        slots = {write.feedback.slot for write in wanted}
        count = len(slots) + sum(parts.live for parts in proving)
        if (
            plan is None
            or not slots.issubset(plan.slots)
            or not set(proving).issubset(self._planned)
            or 4 * count < len(plan.slots)
        ):
            plan = self._plan = self.parts.plan(wanted, proving)
            self._planned = tuple(proving)
        await self._read(plan)
        self.queue.looked(self._clock.boot_ns())
        if not self.queue.unproven and not self.queue.parts.proving:
            self._plan = None if len(plan.slots) < 4 or self._planned else plan
            self._planned = ()

    def judge(self, plan: ReadingPlan, asked_ns: int) -> None:
        """Judge the writes that a read tells about, which began at ``asked_ns``.

        Of plain parts only their own look tells.
        """
        if plan is self._plan and self._planned:
            self.parts.judge(self._planned, asked_ns)
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
        self.parts.leave_late(now)
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
            point = write.point
            actor.landed(write.ticket, verdict, point.spec, point.slot, write.value)
            actor.written(write.ticket, write.named(self._link, verdict), value)
        except RAISED as error:  # one actor's bug stops nobody else
            self._failed(actor, error)


def _permit(write: Write) -> Permit | None:
    """Return the permit of a write's shard; None where nobody grants leases (a link alone)."""
    return getattr(write.actor.shard, "permit", None)
