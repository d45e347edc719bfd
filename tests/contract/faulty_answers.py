"""Drivers with one planted fault each, in what they read, write and answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from line_drivers import LineDriver, LineWords

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

Writes = Sequence[tuple[BoundPoint, float]]
Results = Sequence[DriverError | None]


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


class NamesNobody(LineDriver):
    """Says that something is wrong, but not where."""

    async def write_one(self, point: BoundPoint, value: float) -> DriverError | None:
        result = await super().write_one(point, value)
        return None if result is None else type(result)("something is wrong")


#: For each, the card that is there for it.
FAULTY: Mapping[type, str] = {
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
    NamesNobody: "DC-510",
}
