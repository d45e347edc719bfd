"""Drivers with one planted fault each: what the conformance kit has to catch.

``FAULTY`` names, for each, the card that is there for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from line_drivers import BlockingLineDriver, LineDriver, LineWords

from jacquemart.drivers.contract import (
    Bad,
    BoundPoint,
    DeviceBusy,
    DeviceRefused,
    DriverError,
    LinkError,
    OutcomeUnknown,
    UnitError,
)
from jacquemart.drivers.simulated import SimulatedDriver

Writes = Sequence[tuple[BoundPoint, float]]
Results = Sequence[DriverError | None]


class ChecksNothing(LineDriver):
    """Lets any option pass."""

    @classmethod
    def check_link(cls, options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        return []


class LetsOSErrorsOut(LineDriver):
    """Raises what the socket raises."""

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(*self.place)


class HasNoTimeout(LineDriver):
    """Waits for ever."""

    timeout_s = 3_600.0


class ReadsNotANumber(LineDriver):
    """Hands on whatever the wire says."""

    class words(LineWords):
        def value(self, line: bytes, point: BoundPoint) -> float | Bad:
            return float(line.split()[2])

    words = words()  # type: ignore[assignment,misc]


class RaisesForOnePoint(LineDriver):
    """One bad point costs the whole read."""

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float | Bad]:
        values = await super().read(plan)
        for point, value in zip(plan, values, strict=True):
            if isinstance(value, Bad):
                raise UnitError(value.detail, where=point.device.id)
        return values


class LeavesHolesOut(LineDriver):
    """Returns only what could be read, so that values stand in the wrong places."""

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float | Bad]:
        return [value for value in await super().read(plan) if not isinstance(value, Bad)]


class SortsItsPlan(LineDriver):
    """Returns values in the order of their addresses."""

    def plan(self, points: Sequence[BoundPoint]) -> Any:
        return sorted(points, key=lambda point: point.address)


class TakesSilenceForADeadLink(LineDriver):
    """One silent unit, and everybody is gone."""

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float | Bad]:
        values = await super().read(plan)
        if any(isinstance(v, Bad) and v.detail == "no answer" for v in values):
            raise LinkError("no answer", where=self.link.id)
        return values

    async def write_one(self, point: BoundPoint, value: float) -> DriverError | None:
        result = await super().write_one(point, value)
        if isinstance(result, OutcomeUnknown):
            return LinkError("no answer", where=f"{self.link.id} {point.id}")
        return result


class TakesAnyAnswer(LineDriver):
    """Does not look which question was answered."""

    class words(LineWords):
        def is_for(self, number: int, line: bytes) -> bool:
            return True

    words = words()  # type: ignore[assignment,misc]


class SwallowsCancellation(LineDriver):
    """Takes a cancellation for one more way to be silent."""

    async def ask(self, point: BoundPoint, value: float | None = None) -> bytes | None:
        with contextlib.suppress(asyncio.CancelledError):
            return await super().ask(point, value)
        return None

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float | Bad]:
        with contextlib.suppress(UnitError):
            return await super().read(plan)
        return [0.0] * len(plan)


class IsStuckAfterCancellation(LineDriver):
    """Never gives its lock back."""

    locked = False

    async def ask(self, point: BoundPoint, value: float | None = None) -> bytes | None:
        if self.locked:
            raise RuntimeError("another call is under way")
        self.locked = True
        answer = await super().ask(point, value)
        self.locked = False
        return answer


class AcknowledgesUnanswered(LineDriver):
    """Takes no answer for a good answer."""

    async def write_one(self, point: BoundPoint, value: float) -> DriverError | None:
        result = await super().write_one(point, value)
        return None if isinstance(result, OutcomeUnknown) else result


class SendsWritesAgain(LineDriver):
    """Tries an unknown write once more."""

    async def write_one(self, point: BoundPoint, value: float) -> DriverError | None:
        result = await super().write_one(point, value)
        if isinstance(result, OutcomeUnknown | DeviceBusy) and self.writer is not None:
            result = await super().write_one(point, value)
        return result


class SaysNothingWasSent(LineDriver):
    """Calls a write LinkError although it was on its way."""

    async def write_one(self, point: BoundPoint, value: float) -> DriverError | None:
        result = await super().write_one(point, value)
        if isinstance(result, OutcomeUnknown) and self.writer is None:
            return LinkError("the link was closed", where=self.link.id)
        return result


class ClampsWhatItCannotSay(LineDriver):
    """Writes the nearest value that can be said."""

    async def write_one(self, point: BoundPoint, value: float) -> DriverError | None:
        return await super().write_one(point, max(0.0, min(9_999.0, value)))


class TakesRefusalForSilence(LineDriver):
    """Says of a refusal that nobody was there."""

    async def write_one(self, point: BoundPoint, value: float) -> DriverError | None:
        result = await super().write_one(point, value)
        return UnitError("no", where=point.id) if isinstance(result, DeviceRefused) else result


class HasOneResultForAll(LineDriver):
    """The first trouble counts for all writes."""

    async def write(self, writes: Writes) -> Results:
        results = await super().write(writes)
        worst = next((result for result in results if result is not None), None)
        return [worst] * len(results)


class ConnectsBehindTheShellsBack(LineDriver):
    """Opens anew by itself, so that nobody hears of the loss."""

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float | Bad]:
        try:
            return await super().read(plan)
        except LinkError:
            await self.open()
            return await super().read(plan)


class ClosesOnlyOnce(LineDriver):
    """Raises when closed without being open."""

    async def close(self) -> None:
        self.writer.close()  # type: ignore[union-attr]
        self.writer = None

    async def open(self) -> None:
        with contextlib.suppress(AttributeError):
            await self.close()
        self.reader, self.writer = await asyncio.open_connection(*self.place)


class OpensOnlyOnce(LineDriver):
    """Cannot be opened a second time."""

    used = False

    async def open(self) -> None:
        if self.used:
            raise LinkError("used up", where=self.link.id)
        self.used = True
        await super().open()


KEPT: list[asyncio.StreamWriter | None] = []


class KeepsItsSocket(LineDriver):
    """Forgets to close what it opened."""

    async def close(self) -> None:
        KEPT.append(self.writer)
        self.writer = None


class KeepsATask(LineDriver):
    """Starts a task at each open, and never ends one."""

    async def open(self) -> None:
        await super().open()
        self.task = asyncio.create_task(asyncio.sleep(3_600.0), name="heartbeat")


class KeepsAThread(LineDriver):
    """Starts a thread at each broken read, and never ends one before the process."""

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float | Bad]:
        try:
            return await super().read(plan)
        except DriverError:
            threading.Thread(target=threading.Event().wait, args=(20.0,), daemon=True).start()
            raise


class NamesNobody(LineDriver):
    """Says that something is wrong, but not where."""

    async def write_one(self, point: BoundPoint, value: float) -> DriverError | None:
        result = await super().write_one(point, value)
        return None if result is None else type(result)("something is wrong")


class NamesNoLink(LineDriver):
    """Says that the link is gone, but not which."""

    async def open(self) -> None:
        try:
            await super().open()
        except LinkError:
            raise LinkError("something is wrong") from None


class BlocksForEver(BlockingLineDriver):
    """A blocking driver without a time-out, whose close wakes nobody."""

    timeout_s = 20.0

    def close(self) -> None:  # type: ignore[override]
        self.socket = None


class PublishesFromAThread(SimulatedDriver):
    """Calls publish from a thread of its own."""

    async def open(self) -> None:
        await super().open()
        columns = ([0], [1.0])
        thread = threading.Thread(target=self.publish, args=columns)
        thread.start()
        thread.join()


class PublishesCrookedColumns(SimulatedDriver):
    """One value too many, and one of them is not a number."""

    async def open(self) -> None:
        await super().open()
        self.publish([0], [1.0, float("nan")])


class PublishesAfterClose(SimulatedDriver):
    """Goes on speaking when it is closed."""

    async def close(self) -> None:
        await super().close()
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, self.publish, [0], [1.0])


FAULTY: Mapping[type, str] = {
    ChecksNothing: "DC-020",
    LetsOSErrorsOut: "DC-030",
    HasNoTimeout: "DC-170",
    ReadsNotANumber: "DC-140",
    RaisesForOnePoint: "DC-140",
    LeavesHolesOut: "DC-140",
    SortsItsPlan: "DC-130",
    TakesSilenceForADeadLink: "DC-150",
    TakesAnyAnswer: "DC-160",
    SwallowsCancellation: "DC-180",
    IsStuckAfterCancellation: "DC-290",
    AcknowledgesUnanswered: "DC-270",
    SendsWritesAgain: "DC-250",
    SaysNothingWasSent: "DC-320",
    ClampsWhatItCannotSay: "DC-230",
    TakesRefusalForSilence: "DC-240",
    HasOneResultForAll: "DC-220",
    ConnectsBehindTheShellsBack: "DC-330",
    ClosesOnlyOnce: "DC-410",
    OpensOnlyOnce: "DC-420",
    KeepsItsSocket: "DC-430",
    KeepsATask: "DC-430",
    KeepsAThread: "DC-440",
    NamesNobody: "DC-510",
    NamesNoLink: "DC-520",
    BlocksForEver: "DC-450",
    PublishesFromAThread: "DC-610",
    PublishesCrookedColumns: "DC-610",
    PublishesAfterClose: "DC-620",
}
