"""The link shell: everything that all drivers need alike, around one driver.

One task a link: it connects, with backoff and jitter after failures; sends writes before it
polls; reads back until a write is proven; marks what cannot be read; and says once when the
link goes down and once when it is back. Only this task talks to the driver, so a link has one
request in flight, as gateways in the field want it.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from jacquemart.native.parts import Parts
from jacquemart.native.table import PointTable
from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.cell.driver_calls import DriverCalls
from jacquemart.runtime.cell.link_parking import PARKED_LOOK_S, LinkParking
from jacquemart.runtime.cell.link_points import LinkPoints
from jacquemart.runtime.cell.part_writing import PartWriter
from jacquemart.runtime.cell.ports import DriverPort
from jacquemart.runtime.cell.reading_plan import ReadingPlan, Watch
from jacquemart.runtime.cell.writes import Write
from jacquemart.runtime.cell.writing import Writer
from jacquemart.runtime.kernel.backoff import Backoff
from jacquemart.runtime.kernel.polling import PollSchedule
from jacquemart.runtime.model.city import LinkSpec
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.errors import (
    DriverError,
    LinkError,
    OutcomeUnknown,
    RemoteProtocolError,
    UnitError,
)
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.text import clean, describe

#: Write calls in a row before a due look or poll gets its turn.
WRITES_IN_A_ROW = 8
#: Protocol errors in a row after which the link is opened anew.
PROTOCOL_ERRORS = 3
#: Longest sleep of a link that has nothing to do.
IDLE_S = 60.0
#: Pause between looks whether a blocking driver has come back from a call that was given up.
STUCK_S = 1.0
CLOSE_S = 2.0


class LinkHost(Protocol):
    """What a link shell needs of its cell."""

    clock: Clock

    def link_changed(self, link: LinkShell, up: bool, detail: str) -> None:
        """Take note that the link came up or went down."""

    def failed(self, actor: Any, error: BaseException) -> None:
        """Take note of a bug in an actor or driver."""

    def flush(self) -> None:
        """Publish now: something changed that must not wait for the tick."""


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
        self.parking = LinkParking()
        self._table = table
        self._host = host
        self._clock = host.clock
        self._rng = rng
        self._calls = DriverCalls(spec.id, blocking=driver.blocking)
        self._writer = Writer(
            spec.id, driver, self._calls, table, host.clock, self._read, host.failed,
            getattr(host, "ledger", None),
        )  # fmt: skip
        self._queue = self._writer.queue
        self._backoff = Backoff()
        self._plans: list[ReadingPlan] = []
        self._schedule = PollSchedule([], [])
        self._wake: asyncio.Future[None] | None = None
        self._first_looks: deque[ReadingPlan] = deque()
        self._retain = False
        self._protocol_errors = 0
        self.ending = "the cell is stopping"
        """What is said to writes that have not ended when the link's task does."""
        self.actors: Sequence[DeviceActor] = ()
        self.points = LinkPoints(table, host.clock)
        self.watchers: dict[int, Watch] = {}

    # Set-up --------------------------------------------------------------------------------

    def prepare(
        self, actors: Sequence[DeviceActor], plans: Sequence[ReadingPlan],
        periods_ns: Sequence[int], watchers: dict[int, Watch],
    ) -> None:  # fmt: skip
        """Take the devices of the link, the plans of its poll groups, and who watches what."""
        self.watchers = self._writer.parts.watchers = watchers
        self._plans = list(plans)
        phases = [self._rng.random() for _ in periods_ns]
        self._schedule = PollSchedule(periods_ns, phases)
        self._know(actors)

    def change(
        self, actors: Sequence[DeviceActor], coming: Iterable[DeviceActor],
        plans: Sequence[ReadingPlan], periods_ns: Sequence[int],
        first_looks: Iterable[ReadingPlan],
    ) -> None:  # fmt: skip
        """Have other devices from now on; nothing changes for those that stay.

        Polls of a period that there was before keep their times, and a call under way goes on.
        ``first_looks`` are read once, between the polls, so that those ``coming`` need not wait
        for a long period. Writes of those that left: see ``drop``.
        """
        self._plans = list(plans)
        now = self._clock.boot_ns() if self.up else None
        self._schedule.change(periods_ns, [self._rng.random() for _ in periods_ns], now)
        self._know(actors)
        self._first_looks.extend(first_looks if self.up else ())
        self._retain = True
        self.points.welcome(coming, down=self.settled and not self.up)
        self.wake()

    def drop(self, actors: Collection[DeviceActor], why: str) -> None:
        """End the writes of devices that leave: REJECTED, or INDETERMINATE if they were sent."""
        self._writer.drop(actors, why)

    def withdraw(self, meant: Callable[[Write], bool]) -> int:
        """End as CANCELLED those writes that are meant and were never sent; return how many."""
        return self._writer.withdraw(meant)

    def give_up(self, why: str) -> None:
        """Show the link as down, since its options are others now; its task ends next."""
        self.ending = why
        self._went_down(why)

    @property
    def turn(self) -> asyncio.Lock:
        """Hold it to have a blocking driver in no call."""
        return self._calls.turn

    @property
    def plans(self) -> Mapping[int, ReadingPlan]:
        """The plans of the poll groups, by their period in ns."""
        return dict(zip(self._schedule.periods, self._plans, strict=True))

    def _know(self, actors: Sequence[DeviceActor]) -> None:
        """Take note of the link's devices and of their slots."""
        self.actors = actors
        self.points.know(actors)

    # From actors ---------------------------------------------------------------------------

    def submit(self, write: Write) -> None:
        """Queue a write; its actor hears of its verdict, never before this returns."""
        self._writer.submit(write)
        self.wake()

    @property
    def parts(self) -> PartWriter:
        """What writes the plain parts of bulk commands here."""
        return self._writer.parts

    def submit_parts(self, parts: Parts) -> None:
        """Queue plain parts of a bulk command."""
        self._writer.submit_parts(parts)
        self.wake()

    def writing_to(self) -> set[DeviceActor]:
        """Return the devices of which a write waits, is being sent, or waits for its proof."""
        return self._queue.actors()

    def look_once(self, points: Sequence[BoundPoint]) -> None:
        """Read some points once, between the polls."""
        self._first_looks.append(ReadingPlan(points, self.driver.plan(points), self.watchers))
        self.wake()

    def feed(self, feeder: str, alive: bool) -> None:
        """Take note that a device's power reaches those it feeds, or does not."""
        if not alive:
            self.points.feeder_lost(feeder)
            return
        self._schedule.hasten(self._clock.boot_ns())
        self.points.feeder_back(feeder)
        self.wake()

    @property
    def has_unsent(self) -> bool:
        """Return whether writes wait to be sent, or are being sent, on a link that is up."""
        queue = self._queue
        return self.up and bool(len(queue) or queue.in_hand or queue.parts.in_hand)

    def wake(self) -> None:
        """Have the task look for work now."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # The task ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the link until cancelled; never ends by itself."""
        try:
            while True:
                while self.parking.parked:
                    await self._stay_down(PARKED_LOOK_S)
                try:
                    await self._calls.call(self.driver.open)
                    self._came_up()
                    await self._serve()
                except DriverError as error:
                    self._went_down(error.message)
                except Exception as error:  # noqa: BLE001 - a driver's bug costs its link only
                    self._host.failed(self, error)
                    self._went_down(f"driver failed: {describe(error)}")
                await self._close()
                await self._stay_down(self._backoff.failed(self._rng.random()))
                while self._calls.stuck:
                    await self._stay_down(STUCK_S)
        finally:
            self.up = False
            self._writer.stop(self.ending)
            await self._close()
            self._calls.leave()

    async def _serve(self) -> None:
        in_a_row = 0
        looked = polled = False
        while True:
            self.parking.check()
            if self._retain:
                self._retain = False
                self.driver.retain([point for plan in self._plans for point in plan.points])
            now = self._clock.boot_ns()
            if self._queue.has_ready(now) and in_a_row < WRITES_IN_A_ROW:
                in_a_row += 1
                await self._writer.send(now)
                continue
            in_a_row = 0
            due = self._schedule.next_due()
            poll = due is not None and due <= now
            if self._queue.look_is_due(now) and not (looked and poll):
                looked = True  # with looks always due, the polls get every other turn
                await self._writer.look()
                continue
            looked = False
            if self._first_looks and (polled or not poll):
                polled = False  # with polls always due, first looks get every other turn
                await self._read(self._first_looks.popleft())
                continue
            group = self._schedule.take(now)
            if group is not None:
                polled = True
                await self._read(self._plans[group])
                # Where the next poll is always due already, there is no later moment for this.
                self.settled = self.settled or self._schedule.all_looked
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
            self._writer.refuse_waiting(f"link {self.spec.id} is down: {self.error}")
            await self._sleep((until - now) / 1e9)

    # Reading -------------------------------------------------------------------------------

    async def _read(self, plan: ReadingPlan) -> None:
        asked = self._clock.boot_ns()
        try:
            answer = await self._calls.call(self.driver.read, plan.compiled)
            now = self._clock.wall_ns()
            plan.store(self._table, answer, now, self.points.dead_feeders, self._host.failed)
            self._protocol_errors = 0
            self._backoff.succeeded()
            if not self.settled and any(
                isinstance(value, Bad) and value.quality == Quality.BAD_UNIT for value in answer
            ):
                self.settled = True  # looked at, and silent: the city need not wait for it
        except LinkError:
            raise
        except (UnitError, OutcomeUnknown):
            self.settled = True
            self._backoff.succeeded()
            self._mark(plan, Quality.BAD_UNIT)
        except RemoteProtocolError as error:
            self._mark(plan, Quality.BAD_VALUE)
            self._protocol_errors += 1
            if self._protocol_errors >= PROTOCOL_ERRORS:
                self._protocol_errors = 0
                raise LinkError(f"{PROTOCOL_ERRORS} broken answers in a row: {error}") from error
        except DriverError:
            self._backoff.succeeded()
            self._mark(plan, Quality.BAD_DEVICE)
        self._writer.judge(plan, asked)
        if self._table.urgent:
            self._host.flush()

    def _mark(self, plan: ReadingPlan, quality: Quality) -> None:
        plan.mark(self._table, quality, self._clock.wall_ns(), self.points.dead_feeders)
        plan.tell(self._table, self._host.failed)

    # Up and down ---------------------------------------------------------------------------

    def _came_up(self) -> None:
        self.epoch += 1
        self.error = ""
        self._protocol_errors = 0
        self._schedule.restart(self._clock.boot_ns())
        self._first_looks.clear()
        if not self._plans:
            self._backoff.succeeded()  # no read will ever tell more than this connection does
        self.points.link_back()
        if not self.up:
            self.up = True
            self._tell(True)

    def _went_down(self, why: str) -> None:
        self.error = clean(str(why))
        self.points.link_lost()
        for watch in self.watchers.values():
            watch.tell(self._table, self._host.failed)
        first = not self.settled
        self.settled = True
        if self.up or first:
            self.up = False
            self._tell(False)

    def _tell(self, up: bool) -> None:
        self._host.link_changed(self, up, self.error)
        for actor in self.actors:
            if actor.parked:
                continue
            try:
                actor.link_changed(up)
            except RAISED as error:  # one actor's bug stops nobody else
                self._host.failed(actor, error)

    async def _close(self) -> None:
        try:
            await self._calls.call(self.driver.close, limit_s=CLOSE_S)
        except Exception as error:  # noqa: BLE001 - closing a broken link may fail in any way
            if not isinstance(error, (DriverError, OSError)):
                self._host.failed(self, error)
