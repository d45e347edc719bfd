"""Drivers with one planted fault each, in how they open, close, wait and publish."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from line_drivers import BlockingLineDriver, LineDriver

from jacquemart.drivers.contract import Bad, BoundPoint, DriverError, LinkError
from jacquemart.drivers.simulated import SimulatedDriver


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


#: For each, the card that is there for it.
FAULTY: Mapping[type, str] = {
    ChecksNothing: "DC-020",
    LetsOSErrorsOut: "DC-030",
    HasNoTimeout: "DC-170",
    ConnectsBehindTheShellsBack: "DC-330",
    ClosesOnlyOnce: "DC-410",
    OpensOnlyOnce: "DC-420",
    KeepsItsSocket: "DC-430",
    KeepsATask: "DC-430",
    KeepsAThread: "DC-440",
    NamesNoLink: "DC-520",
    BlocksForEver: "DC-450",
    PublishesFromAThread: "DC-610",
    PublishesCrookedColumns: "DC-610",
    PublishesAfterClose: "DC-620",
}
