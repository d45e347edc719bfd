"""The rig: holds a driver between a peer and a card, and watches every call.

Whatever a card is about, some things are never right: a call that does not come back, an error
that is no :class:`DriverError`, an answer of the wrong shape, a value that is no number. The rig
fails the card on each of them.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from jacquemart.drivers.conformance.blocking import run_in_thread
from jacquemart.drivers.conformance.peer import CannotDo, Peer, PeerField
from jacquemart.drivers.contract import Bad, BoundPoint, Driver, DriverError, LinkError
from jacquemart.runtime.model.quality import Quality

T = TypeVar("T")
_LOOK_S = 0.02


class CardFailed(Exception):
    """The driver does not do what the card asks for."""


class Spoken(NamedTuple):
    """One call of ``publish``: its columns, and the thread it came on."""

    columns: tuple[Any, ...]
    named: dict[str, Any]
    thread: int


class Rig:
    """A driver and its peer, for one card.

    Attributes:
        points: all points, bound to slots in order.
        spoken: what the driver has published.
    """

    def __init__(self, peer: Peer) -> None:
        """Take a peer that has not been started."""
        self.peer = peer
        self.points: list[BoundPoint] = []
        self.spoken: list[Spoken] = []
        self._turn = threading.Lock()

    async def start(self) -> None:
        """Start the peer and make its driver; nothing is opened yet."""
        self.shown: PeerField = await self.peer.start()
        self.driver: Driver = self.peer.make_driver(self.shown.link, self._publish)
        for device, points in self.shown.devices:
            for spec in points:
                address = self.driver.address_of(spec, device)
                self.points.append(BoundPoint(len(self.points), device, spec, address))
        if not self.points:
            raise CannotDo("the peer shows no points")

    # Who is who.

    @property
    def first(self) -> str:
        """Return the device that suffers."""
        return self.points[0].device.id

    @property
    def other(self) -> str:
        """Return a device that does not."""
        for point in self.points:
            if point.device.id != self.first:
                return point.device.id
        raise CannotDo("the peer shows one device only")

    def of(self, device: str) -> list[BoundPoint]:
        """Return the points of a device."""
        return [point for point in self.points if point.device.id == device]

    def writable(self, device: str) -> BoundPoint:
        """Return a point of the device that can be written."""
        for point in self.of(device):
            if point.spec.writable:
                return point
        raise CannotDo(f"{device} shows no writable point")

    def feedback(self, written: BoundPoint) -> BoundPoint:
        """Return the point that shows what became of a write."""
        for point in self.of(written.device.id):
            if point.spec.name == (written.spec.feedback or written.spec.name):
                return point
        raise CannotDo(f"the feedback of {written.id} is not among the points")

    @staticmethod
    def values(point: BoundPoint) -> tuple[float, float]:
        """Return two different whole values that a point may be given."""
        low = point.spec.low if point.spec.low is not None else 0.0
        high = point.spec.high if point.spec.high is not None else low + 8.0
        one, two = math.floor(low + 0.75 * (high - low)), math.ceil(low + 0.25 * (high - low))
        return (float(one), float(two)) if one != two else (high, low)

    # Calls, each watched.

    async def open(self) -> None:
        """Open the link."""
        await self._call(self.driver.open)

    async def close(self) -> None:
        """Close the link, which must not raise."""
        try:
            await self._call(self.driver.close, in_turn=False)
        except DriverError as error:
            raise CardFailed(f"close raised {_of(error)}") from error

    async def reopen(self) -> None:
        """Close, and open again, as the shell does; the peer may need a moment."""
        await self.close()
        for _ in range(5):
            try:
                return await self.open()
            except LinkError:
                await asyncio.sleep(5 * _LOOK_S)
        return await self.open()

    async def read(self, points: Sequence[BoundPoint] | None = None) -> list[float | Bad]:
        """Plan and read; all points if none are given."""
        points = self.points if points is None else points
        return await self.read_plan(self.driver.plan(points), points)

    async def read_plan(self, plan: Any, points: Sequence[BoundPoint]) -> list[float | Bad]:
        """Read a plan of these points."""
        answer = list(await self._call(self.driver.read, plan))
        if len(answer) != len(points):
            raise CardFailed(f"read gave {len(answer)} values for {len(points)} points")
        for point, value in zip(points, answer, strict=True):
            if isinstance(value, Bad):
                if Quality(value.quality).usable:
                    raise CardFailed(f"{point.id} is Bad with quality {value.quality.text}")
            elif isinstance(value, bool) or not isinstance(value, int | float):
                raise CardFailed(f"{point.id} is a {type(value).__name__}, neither float nor Bad")
            elif not math.isfinite(value):
                raise CardFailed(f"{point.id} is {value}, which should be a Bad")
        return answer

    async def write(self, *writes: tuple[BoundPoint, float]) -> list[DriverError | None]:
        """Write; an error that is raised counts for all."""
        try:
            results = list(await self._call(self.driver.write, list(writes)))
        except DriverError as error:
            return [error] * len(writes)
        if len(results) != len(writes):
            raise CardFailed(f"write gave {len(results)} results for {len(writes)} writes")
        for (point, _), result in zip(writes, results, strict=True):
            if result is not None and not isinstance(result, DriverError):
                raise CardFailed(f"the result for {point.id} is a {type(result).__name__}")
        return results

    async def _call(
        self, method: Callable[..., Awaitable[T]], *args: Any, in_turn: bool = True
    ) -> T:
        """Call the driver; calls take turns, except ``close``, which may come at any time."""
        limit = self.peer.call_limit_s
        name = getattr(method, "__name__", "a call")
        timer = asyncio.timeout(limit)
        try:
            async with timer:
                if self.driver.blocking:
                    turn = self._turn if in_turn else threading.Lock()
                    return await run_in_thread(turn, cast("Callable[..., T]", method), *args)
                return await method(*args)
        except (DriverError, CardFailed, CannotDo):
            raise
        except Exception as error:
            if timer.expired():
                raise CardFailed(f"{name} took longer than {limit:g} s") from error
            raise CardFailed(f"{name} raised {_of(error)}, not a DriverError") from error

    def _publish(self, *columns: Any, **named: Any) -> None:
        self.spoken.append(Spoken(columns, named, threading.get_ident()))


def _of(error: BaseException) -> str:
    return f"{type(error).__name__}({error})"
