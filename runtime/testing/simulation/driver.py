"""The driver of the simulated field; in a simulation it stands for that of every link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar, cast

from jacquemart.runtime.model.city import LinkSpec
from jacquemart.runtime.model.errors import DriverError, LinkError, OutcomeUnknown, UnitError
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.testing.named_points import NamedPoints
from jacquemart.runtime.testing.simulation.field import SimulatedField
from jacquemart.runtime.testing.simulation.process import ProcessLoop


class FieldDriver(NamedPoints):
    """Speaks to a :class:`SimulatedField`; ``jacquemart.runtime.cell.ports.DriverPort``.

    What is sent arrives, whatever becomes of the process that sent it: that is how a real field
    is, and the reason for leases.
    """

    field: ClassVar[SimulatedField]

    def __init__(self, link: LinkSpec, publish: Callable[..., None]) -> None:
        """Serve a link."""
        del publish  # everything here is polled
        self._link = link.id
        self._open = False
        self._process = cast("ProcessLoop", asyncio.get_running_loop()).process

    async def open(self) -> None:
        """Connect."""
        await asyncio.sleep(self.field.way_s())
        if self._link in self.field.down:
            raise LinkError("nobody answers", where=self._link)
        self.field.on_link_lost.setdefault(self._link, {})[self._lost] = None
        self._open = True

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float | Bad]:
        """Read."""
        self._require_open()
        await asyncio.sleep(2 * self.field.way_s() + self._patience(plan))
        self._require_open()
        if all(self.field.device(point.device.id).mood == "dead" for point in plan):
            raise UnitError("no answer from the device")
        return [self.field.show(point) for point in plan]

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Write: the values are on their way when this is first called."""
        self._require_open()
        field, scheduler = self.field, self.field.scheduler
        sent = scheduler.now_ns
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[DriverError | None]] = loop.create_future()

        def arrive() -> None:
            results = [field.take(self._process, sent, point, value) for point, value in writes]
            if not answer.done():
                loop.call_soon(_answer, answer, results)

        scheduler.after(field.way_s(), arrive)
        results = await answer
        await asyncio.sleep(field.way_s() + self._patience([point for point, _ in writes]))
        if not self._open:  # what was sent has arrived, and nobody will ever say so
            return [OutcomeUnknown("the connection was lost before the answer")] * len(writes)
        return results

    async def close(self) -> None:
        """Disconnect."""
        self._open = False
        self.field.on_link_lost.get(self._link, {}).pop(self._lost, None)

    def _patience(self, points: Sequence[BoundPoint]) -> float:
        """Return how long an answer takes more, since a device is slow or silent."""
        moods = {self.field.device(point.device.id).mood for point in points}
        if "hanging" in moods:
            return 30.0  # the driver's author forgot about a time-out
        if moods & {"dead", "silent", "deaf"}:
            return 0.15  # the driver's own time-out
        return 0.1 if "late" in moods else 0.0

    def _lost(self) -> None:
        self._open = False

    def _require_open(self) -> None:
        if not self._open:
            raise LinkError("the connection is lost", where=self._link)


def _answer(
    answer: asyncio.Future[Sequence[DriverError | None]], results: Sequence[DriverError | None]
) -> None:
    if not answer.done():  # its limit may have come first
        answer.set_result(results)
