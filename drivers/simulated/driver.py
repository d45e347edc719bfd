"""The shell of ``simulated``: waits as long as the field says, and reports what it says."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from jacquemart.drivers.contract import (
    Bad,
    BoundPoint,
    DeviceRefused,
    Driver,
    DriverError,
    LinkError,
    OutcomeUnknown,
    Publish,
    Quality,
    UnitError,
)
from jacquemart.drivers.simulated.behaviour import check_behaviour
from jacquemart.drivers.simulated.field import Call, SimulatedField
from jacquemart.drivers.simulated.options import check_link_options, link_options
from jacquemart.drivers.simulated.plan import SimulatedPlan
from jacquemart.drivers.simulated.speaker import Speaker
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.field import runs_of

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]
_LOOK_S = 0.01
"""How often a call that hangs looks whether the field answers again."""


class SimulatedDriver(Driver):
    """A link to a field that exists only in this process; the reference for other drivers.

    Attributes:
        clock: seconds, never backwards; the seam through which all time comes.
        sleep: how the driver waits, when it is asked to be slow.
        wall_ns: the wall clock, for the source times of what the field says by itself.
    """

    files: ClassVar[int] = 0
    own_addresses: ClassVar[bool] = True
    clock: ClassVar[Clock] = staticmethod(time.monotonic)
    sleep: ClassVar[Sleep] = staticmethod(asyncio.sleep)
    wall_ns: ClassVar[Callable[[], int]] = staticmethod(time.time_ns)

    def __init__(
        self,
        link: LinkSpec,
        publish: Publish,
        *,
        clock: Clock | None = None,
        sleep: Sleep | None = None,
    ) -> None:
        """Attach to the field of the link's name; other options start that field anew."""
        super().__init__(link, publish)
        self._sleep = sleep or type(self).sleep
        self._field = SimulatedField.of(link.id)
        if clock is not None or type(self).clock is not time.monotonic:
            self._field.clock = clock or type(self).clock
        self._field.configure(link_options(link.options))
        self._options = self._field.options
        self._loop: asyncio.AbstractEventLoop | None = None
        self._patience: asyncio.Timeout | None = None
        self._is_open = False
        self._in_call = False
        self._calls = 0
        self._speaker = Speaker(self._field, publish, type(self).wall_ns)

    @classmethod
    def check_link(cls, options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with a link's options, as ``(key, found, allowed)``."""
        return check_link_options(options)

    @classmethod
    def check_point(
        cls, point: PointSpec, address: Mapping[str, Any]
    ) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with a point's address, as ``(key, found, allowed)``."""
        return check_behaviour(point, address)

    @classmethod
    def address_of(cls, point: PointSpec, device: DeviceSpec) -> Any:
        """Return what the field knows the point by."""
        return f"{device.id}/{point.name}"

    def plan(self, points: Sequence[BoundPoint]) -> SimulatedPlan:
        """Make the points known to the field, which starts to simulate them."""
        runs = list(runs_of(points))
        self._field.declare(runs)
        if self._options.publish_ms:
            self._speaker.learn(points)
        return SimulatedPlan(runs)

    def retain(self, points: Sequence[BoundPoint]) -> None:
        """Speak no more of what left the link."""
        self._speaker.retain(points)

    async def open(self) -> None:
        """Connect; see the contract."""
        await self.close()
        self._loop = asyncio.get_running_loop()
        self._calls = 0
        if why := self._field.connect(self._on_lost):
            raise self._gone(why)
        self._is_open = True
        try:
            await self._wait(self._options.latency_ms / 1_000.0)
        except BaseException:
            await self.close()
            raise
        if self._options.publish_ms:
            self._speaker.start(self._options.publish_ms / 1_000.0, self._sleep)

    async def read(self, plan: SimulatedPlan) -> Sequence[float | Bad]:
        """Read the points of a plan; see the contract."""
        call = self._begin_call()
        try:
            await self._wait(call.wait_s)
            if call.breaks is not None:
                self._lose()
                raise self._gone(call.why)
            if self._field.sound:
                return self._field.read_all(plan)
            return await self._read_each(plan, call.number)
        finally:
            self._in_call = False

    async def _read_each(self, plan: SimulatedPlan, call: int) -> Sequence[float | Bad]:
        """Read where some may not answer, or answer late."""
        judge = self._field.judge_read
        verdicts = {device: judge(device, feeder, call) for device, feeder in plan.devices()}
        pauses = [self._pause(verdict.wait) for verdict in verdicts.values()]
        await self._wait(max(pauses, default=0.0))
        errors = {device: v.error for device, v in verdicts.items() if v.error is not None}
        if errors and len(errors) == len(verdicts):
            raise UnitError(next(iter(errors.values())).message, where=", ".join(errors))
        return [
            Bad(Quality.BAD_UNIT, errors[device].message)
            if device in errors
            else self._field.read(device, name, call)
            for device, name in plan
        ]

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Write the values in order; see the contract. Their waits run side by side."""
        call = self._begin_call()
        try:
            try:
                await self._wait(call.wait_s / 2.0)
            except LinkError as lost:
                return _broken_off(writes, [], lost.message, self.link.id)
            breaks_at = None if call.breaks is None else int(call.breaks * len(writes))
            results: list[DriverError | None] = []
            arrive: list[tuple[BoundPoint, float, bool]] = []
            pause = 0.0
            for point, value in writes[:breaks_at]:
                error, wait, effect = self._judge(point, value, call.number)
                results.append(error)
                pause = max(pause, self._pause(wait))
                if effect is not None:
                    arrive.append((point, value, effect))
            self._field.write(arrive)
            if breaks_at is not None and breaks_at < len(writes):
                self._lose()
                return _broken_off(writes, results, call.why, self.link.id)
            try:
                await self._wait(call.wait_s / 2.0 + pause)
            except LinkError as lost:
                return [
                    OutcomeUnknown(lost.message, where=point.id) if result is None else result
                    for (point, _), result in zip(writes, results, strict=True)
                ]
            return results
        finally:
            self._in_call = False

    async def close(self) -> None:
        """Disconnect; never raises."""
        self._lose()
        await self._speaker.stop()

    def _judge(
        self, point: BoundPoint, value: float, call: int
    ) -> tuple[DriverError | None, str, bool | None]:
        """Return how a write ends, what is waited for, and its effect; None: it does not arrive."""
        if not point.spec.writable:
            return DeviceRefused("not writable", where=point.id), "", None
        if not math.isfinite(value):
            return DeviceRefused(f"{value} cannot be written", where=point.id), "", None
        verdict = self._field.judge_write(point, call)
        arrives = not isinstance(verdict.error, UnitError)
        return verdict.error, verdict.wait, verdict.effect if arrives else None

    def _begin_call(self) -> Call:
        """Begin a call: one at a time, and only on an open link, as the contract has it.

        Whoever begins it ends it, by ``_in_call``.
        """
        if self._in_call:
            raise UsageError("read and write were called at the same time", where=self.link.id)
        if not self._is_open:
            raise self._gone("the link is not open")
        self._calls += 1
        call = self._field.begin_call(self._calls)
        self._in_call = True
        return call

    def _pause(self, wait: str) -> float:
        if wait == "timeout":
            return self._options.timeout_ms / 1_000.0
        return self._options.late_ms / 1_000.0 if wait == "late" else 0.0

    async def _wait(self, seconds: float) -> None:
        """Wait, and go on waiting while the field hangs, but no longer than the link lasts.

        Raises:
            LinkError: the link is gone, or nothing answered within the time-out.
        """
        if self._is_open and (seconds > 0.0 or self._field.hang):
            answered = False
            try:
                async with asyncio.timeout(None) as self._patience:
                    if seconds > 0.0:
                        await self._sleep(seconds)
                    answered = await self._sit_out()
            except TimeoutError:
                answered = True  # the link was lost while waiting
            finally:
                self._patience = None
            if not answered:
                self._lose()
                raise self._gone("no answer")
        if not self._is_open:
            raise self._gone("the link broke")

    async def _sit_out(self) -> bool:
        """Wait until the field hangs no more; return whether it came round within the time-out."""
        left = self._options.timeout_ms / 1_000.0
        with self._field.waiting_call():
            while self._field.hang:
                if left <= 0.0:
                    return False
                await self._sleep(min(left, _LOOK_S))
                left -= _LOOK_S
        return True

    def _on_lost(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._lose)

    def _lose(self) -> None:
        self._is_open = False
        self._field.disconnect(self._on_lost)
        self._speaker.hush()
        if self._patience is not None:
            self._patience.reschedule(0.0)
            self._patience = None

    def _gone(self, why: str) -> LinkError:
        return LinkError(why, where=self.link.id)


def _broken_off(
    writes: Sequence[tuple[BoundPoint, float]],
    results: list[DriverError | None],
    why: str,
    link: str,
) -> list[DriverError | None]:
    """Say of each write what is known, when the link broke behind the first without a result."""
    ends = list(results)
    for point, _ in writes[len(results) :]:
        first = len(ends) == len(results)
        ends.append((OutcomeUnknown if first else LinkError)(f"{why} ({link})", where=point.id))
    return ends
