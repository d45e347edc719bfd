"""The link shell: everything that all drivers need alike, around one driver.

One task a link: it connects, with backoff and jitter after failures; sends writes before it
polls; reads back until a write is proven; marks what cannot be read; and says once when the
link goes down and once when it is back. Only this task talks to the driver, so a link has one
request in flight, as gateways in the field want it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from jacquemart.native.table import PointTable
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.cell.ports import DriverPort
from jacquemart.runtime.cell.reading_plan import ReadingPlan
from jacquemart.runtime.cell.writes import Write, WriteQueue
from jacquemart.runtime.kernel.backoff import Backoff
from jacquemart.runtime.kernel.polling import PollSchedule
from jacquemart.runtime.kernel.readback import Verdict, judge
from jacquemart.runtime.model.city import LinkSpec
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.errors import (
    DriverError,
    LinkError,
    OutcomeUnknown,
    RemoteProtocolError,
    UnitError,
)
from jacquemart.runtime.model.field import Bad
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality

#: Longest time a driver may take for one call before its link is given up.
CALL_S = 15.0
#: Write calls in a row before a due look or poll gets its turn.
WRITES_IN_A_ROW = 8
#: Protocol errors in a row after which the link is opened anew.
PROTOCOL_ERRORS = 3
#: A device that is only written is still looked at this often, to know that it is there.
IDLE_S = 60.0

T = TypeVar("T")


class LinkHost(Protocol):
    """What a link shell needs of its cell."""

    clock: Clock

    def link_changed(self, link: LinkShell, up: bool, detail: str) -> None:
        """Take note that the link came up or went down."""
        ...

    def failed(self, actor: Any, error: BaseException) -> None:
        """Take note of a bug in an actor or driver."""
        ...


class LinkShell:
    """One link, its driver, and the devices behind it."""

    def __init__(
        self,
        spec: LinkSpec,
        driver: DriverPort,
        table: PointTable,
        host: LinkHost,
        rng: random.Random,
    ) -> None:
        """Prepare the shell; ``prepare`` and ``run`` follow."""
        self.spec = spec
        self.driver = driver
        self.up = False
        self.settled = False
        """The first connect has succeeded and everything was looked at once, or it failed."""
        self.error = "not connected yet"
        self.epoch = 0
        self.dead_feeders: set[str] = set()
        self._table = table
        self._host = host
        self._clock = host.clock
        self._rng = rng
        self._queue = WriteQueue()
        self._plans: list[ReadingPlan] = []
        self._schedule = PollSchedule([], [])
        self._look_plan: ReadingPlan | None = None
        self._own_slots: list[int] = []
        self._fed_slots: list[int] = []
        self._wake: asyncio.Future[None] | None = None
        self._protocol_errors = 0
        self._settle_timer: asyncio.TimerHandle | None = None
        self._thread: ThreadPoolExecutor | None = None
        self.actors: Sequence[DeviceActor] = ()

    # Set-up --------------------------------------------------------------------------------

    def prepare(
        self,
        actors: Sequence[DeviceActor],
        plans: Sequence[ReadingPlan],
        periods_ns: Sequence[int],
    ) -> None:
        """Take the devices of the link and the plans of its poll groups."""
        self.actors = actors
        self._plans = list(plans)
        phases = [self._rng.random() for _ in periods_ns]
        self._schedule = PollSchedule(periods_ns, phases)
        real: dict[str, list[int]] = {}
        for actor in actors:
            template = actor.template
            offsets = real.get(template.name)
            if offsets is None:
                offsets = real[template.name] = [
                    at for at, p in enumerate(template.points) if not p.address.get("derived")
                ]
            target = self._fed_slots if actor.spec.fed_by else self._own_slots
            target.extend([actor.base + at for at in offsets])

    # From actors ---------------------------------------------------------------------------

    def submit(self, write: Write) -> None:
        """Queue a write; its actor hears of its verdict, never before this returns."""
        self._queue.add(write)
        self.wake()

    def feed(self, feeder: str, alive: bool) -> None:
        """Take note that a device's power reaches those it feeds, or does not."""
        now = self._clock.wall_ns()
        fed = [actor for actor in self.actors if actor.spec.fed_by == feeder]
        if alive:
            self.dead_feeders.discard(feeder)
            self._schedule.hasten(self._clock.boot_ns())
            self.wake()
            return
        self.dead_feeders.add(feeder)
        for actor in fed:
            self._table.mark(actor.base, len(actor.template.points), Quality.BAD_FED_BY, now)

    def wake(self) -> None:
        """Have the task look for work now."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # The task ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the link until cancelled; never ends by itself."""
        backoff = Backoff()
        try:
            while True:
                try:
                    await self._call(self.driver.open)
                    self._came_up()
                    backoff.succeeded()
                    await self._serve()
                except DriverError as error:
                    self._went_down(error)
                except Exception as error:  # noqa: BLE001 - a driver's bug costs its link only
                    self._host.failed(self, error)
                    self._went_down(LinkError(f"driver failed: {type(error).__name__}: {error}"))
                await self._close()
                await self._stay_down(backoff.failed(self._rng.random()))
        finally:
            self.up = False
            self._refuse_waiting(Reason.STOPPING, "the cell is stopping")
            if self._settle_timer is not None:
                self._settle_timer.cancel()
            for write in self._queue.overdue(2**63 - 1):
                self._end(write, Verdict(Status.INDETERMINATE, Reason.STOPPING, "cell stopped"))
            await self._close()
            self._abandon_thread()

    async def _serve(self) -> None:
        in_a_row = 0
        while True:
            now = self._clock.boot_ns()
            if self._queue.has_ready(now) and in_a_row < WRITES_IN_A_ROW:
                in_a_row += 1
                await self._send(now)
                continue
            in_a_row = 0
            if self._queue.look_is_due(now):
                await self._look()
                continue
            group = self._schedule.take(now)
            if group is not None:
                await self._read(self._plans[group])
                continue
            if not self.settled:
                self.settled = True
            if not self._queue.has_ready(now):
                await self._pause(now)

    async def _pause(self, now: int) -> None:
        due = [at for at in (self._queue.due_ns(), self._schedule.next_due() or 0) if at]
        pause = min((min(due) - now) / 1e9, IDLE_S) if due else IDLE_S
        await self._sleep(max(pause, 0.0))

    async def _sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        timer = loop.call_later(seconds, self.wake)
        try:
            await self._wake
        finally:
            timer.cancel()
            self._wake = None

    async def _stay_down(self, seconds: float) -> None:
        until = self._clock.boot_ns() + int(seconds * 1e9)
        while (now := self._clock.boot_ns()) < until:
            self._refuse_waiting(Reason.UNREACHABLE, f"link {self.spec.id} is down: {self.error}")
            await self._sleep((until - now) / 1e9)

    # Reading -------------------------------------------------------------------------------

    async def _read(self, plan: ReadingPlan) -> None:
        try:
            answer = await self._call(self.driver.read, plan.compiled)
            now = self._clock.wall_ns()
            plan.store(self._table, answer, now, self.dead_feeders, self._host.failed)
            self._protocol_errors = 0
            if not self.settled and any(
                isinstance(value, Bad) and value.quality == Quality.BAD_UNIT for value in answer
            ):
                self.settled = True  # looked at, and silent: the city need not wait for it
        except LinkError:
            raise
        except (UnitError, OutcomeUnknown):
            self.settled = True
            self._mark(plan, Quality.BAD_UNIT)
        except RemoteProtocolError as error:
            self._mark(plan, Quality.BAD_VALUE)
            self._protocol_errors += 1
            if self._protocol_errors >= PROTOCOL_ERRORS:
                self._protocol_errors = 0
                raise LinkError(f"{PROTOCOL_ERRORS} broken answers in a row: {error}") from error
        except DriverError:
            self._mark(plan, Quality.BAD_DEVICE)

    def _mark(self, plan: ReadingPlan, quality: Quality) -> None:
        plan.mark(self._table, quality, self._clock.wall_ns(), self.dead_feeders)

    # Writing -------------------------------------------------------------------------------

    async def _send(self, now: int) -> None:
        writes, expired = self._queue.take(now)
        for write in expired:
            self._end(write, Verdict(Status.EXPIRED, Reason.DEADLINE, "waited for its link"))
        if not writes:
            return
        wall = self._clock.wall_ns()
        for write in writes:
            write.sends += 1
            write.ticket.dispatched_ns = now
            write.sent_wall_ns = wall
        broken: LinkError | None = None
        try:
            # Nothing may be sent after a deadline, so the call itself ends at the earliest one.
            left = (min(write.ticket.deadline_ns for write in writes) - now) / 1e9
            results = await self._call(
                self.driver.write,
                [(write.point, write.value) for write in writes],
                limit_s=min(left, CALL_S),
            )
            if len(results) != len(writes):
                raise OutcomeUnknown(f"driver gave {len(results)} results for {len(writes)} writes")
        except _CallTooLong as error:
            broken = LinkError(str(error))
            results = [OutcomeUnknown("no answer before the deadline")] * len(writes)
        except LinkError as error:
            broken = error
            results = [error] * len(writes)
        except DriverError as error:
            results = [error] * len(writes)
        except Exception as error:  # noqa: BLE001 - a bug in the driver: who knows what was sent
            self._host.failed(self, error)
            broken = LinkError(f"driver failed: {type(error).__name__}: {error}")
            results = [OutcomeUnknown(str(broken))] * len(writes)
        now = self._clock.boot_ns()
        for write, result in zip(writes, results, strict=True):
            if isinstance(result, LinkError):
                broken = broken or result
            verdict = write.sent(now, result)
            if verdict is not None:
                self._end(write, verdict)
            elif write.until_ns:
                self._prove(write, now)
            else:
                self._queue.add(write)
        if broken is not None:
            raise broken

    async def _look(self) -> None:
        wanted = list(self._queue.unproven.values())
        plan = self._look_plan
        slots = {write.feedback.slot for write in wanted}
        if plan is None or not slots.issubset(plan.slots) or 4 * len(slots) < len(plan.slots):
            points = tuple(write.feedback for write in wanted)
            plan = self._look_plan = ReadingPlan(points, self.driver.plan(points), ())
        await self._read(plan)
        self._judge(self._clock.boot_ns())
        if not self._queue.unproven:
            self._look_plan = None if len(plan.slots) < 4 else plan

    def _judge(self, now: int) -> None:
        for slot, write in list(self._queue.unproven.items()):
            value, quality, _, receive_ns = self._table.read(slot)
            if receive_ns < write.sent_wall_ns:
                quality = max(quality, Quality.STALE_AGE)  # known from before: proves nothing
            verdict = judge(
                write.value,
                write.point.spec.tolerance,
                value,
                quality,
                settled=now >= write.until_ns,
                acknowledged=write.acknowledged,
            )
            if verdict is not None:
                del self._queue.unproven[slot]
                self._end(write, verdict, None if quality >= Quality.STALE_AGE else value)
        self._queue.looked(now)

    def _prove(self, write: Write, now: int) -> None:
        """Wait for the read-back, and not longer than the settle time, whatever the link does."""
        self._queue.prove(write, now)
        if self._settle_timer is None:
            self._await_settling(write.until_ns - now)

    def _await_settling(self, pause_ns: int) -> None:
        loop = asyncio.get_running_loop()
        self._settle_timer = loop.call_later(max(pause_ns, 0) / 1e9, self._settled)

    def _settled(self) -> None:
        self._settle_timer = None
        now = self._clock.boot_ns()
        self._judge(now)
        ends = [write.until_ns for write in self._queue.unproven.values()]
        if ends:
            self._await_settling(min(ends) - now + 1_000_000)

    def _refuse_waiting(self, reason: str, detail: str) -> None:
        for write in self._queue.clear():
            self._end(write, Verdict(Status.REJECTED, reason, detail))

    def _end(self, write: Write, verdict: Verdict, value: float | None = None) -> None:
        try:
            write.actor.written(write.ticket, self._named(write, verdict), value)
        except Exception as error:  # noqa: BLE001 - one actor's bug stops nobody else
            self._host.failed(write.actor, error)

    def _named(self, write: Write, verdict: Verdict) -> Verdict:
        """Say in a verdict what the field said, and which link it is that nobody heard from."""
        if verdict.reason in (Reason.OK, Reason.NOT_FOLLOWING):
            return verdict
        detail = f"{write.doubt}; {verdict.detail}" if write.doubt else verdict.detail
        if self.spec.id not in detail:
            detail = f"link {self.spec.id}: {detail}"
        return Verdict(verdict.status, verdict.reason, detail)

    # Up and down ---------------------------------------------------------------------------

    def _came_up(self) -> None:
        self.epoch += 1
        self.error = ""
        self._protocol_errors = 0
        self._schedule.restart(self._clock.boot_ns())
        if not self.up:
            self.up = True
            self._tell(True)

    def _went_down(self, error: DriverError) -> None:
        self.error = error.message
        now = self._clock.wall_ns()
        self._table.mark_slots(self._own_slots, Quality.BAD_COMM, now)
        self._table.mark_slots(self._fed_slots, Quality.BAD_FED_BY, now)
        first = not self.settled
        self.settled = True
        if self.up or first:
            self.up = False
            self._tell(False)

    def _tell(self, up: bool) -> None:
        self._host.link_changed(self, up, self.error)
        for actor in self.actors:
            try:
                actor.link_changed(up)
            except Exception as error:  # noqa: BLE001 - one actor's bug stops nobody else
                self._host.failed(actor, error)

    async def _close(self) -> None:
        try:
            await self._call(self.driver.close, limit_s=2.0)
        except Exception as error:  # noqa: BLE001 - closing a broken link may fail in any way
            if not isinstance(error, (DriverError, OSError)):
                self._host.failed(self, error)

    async def _call(
        self, method: Callable[..., Awaitable[T]], *args: Any, limit_s: float = CALL_S
    ) -> T:
        try:
            async with asyncio.timeout(limit_s):
                if self.driver.blocking:
                    result: T = await self._in_thread(method, *args)
                    return result
                return await method(*args)
        except TimeoutError as error:
            self._abandon_thread()
            raise _CallTooLong(
                f"the driver took longer than {limit_s:g} s", where=f"link {self.spec.id}"
            ) from error

    async def _in_thread(self, method: Callable[..., Any], *args: Any) -> Any:
        """Call a blocking driver in the link's own thread, so that it can hold up no other."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"link-{self.spec.id}")
        return await asyncio.get_running_loop().run_in_executor(self._thread, method, *args)

    def _abandon_thread(self) -> None:
        """Leave a thread that hangs to itself; the next call gets a new one."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None


class _CallTooLong(LinkError):
    """A driver did not come back in time; its link is opened anew."""

    code = "driver_timeout"
