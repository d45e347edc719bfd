"""The AVL driver: listens to a gateway that tells positions line by line, and shows them.

*Theory.* Nothing is asked here: the gateway speaks, and what it says is published at once, with
the receiver's own time. A poll is answered with what was heard last, as old as it is, so that it
never makes a position look newer.

*Rules.*

1. A line that is not understood is counted with its reason and changes nothing else; the counts
   are points (``shows = "refused"``), and told in the log once a minute.
2. More than ``most_per_s`` lines a second are left in the socket until the second is over.
3. A vehicle that is not heard costs its own points; the link is lost when the gateway closes it,
   or says nothing for ``quiet_ms``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, cast

from jacquemart.drivers.avl import options as avl_options
from jacquemart.drivers.avl.framing import Lines
from jacquemart.drivers.avl.heard import Heard
from jacquemart.drivers.avl.options import AvlAddress
from jacquemart.drivers.contract import (
    Bad,
    BoundPoint,
    DeviceRefused,
    Driver,
    DriverError,
    LinkError,
)
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec

log = logging.getLogger(__name__)
#: Refused lines are told in the log so often, s.
TELL_S: Final = 60.0


class _Listening(asyncio.Protocol):
    """One connection to the gateway."""

    def __init__(self, driver: AvlDriver) -> None:
        self._driver = driver
        self._lines = Lines()
        self._second, self._in_second = 0, 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._driver.connected(self)

    def data_received(self, data: bytes) -> None:
        before = self._lines.dropped
        lines = list(self._lines.feed(data))
        self._driver.told(self, lines, self._lines.dropped - before)
        self._throttle(len(lines))

    def _throttle(self, lines: int) -> None:
        loop = asyncio.get_running_loop()
        second = int(loop.time())
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += lines
        if self._in_second >= self._driver.options.most_per_s and self.transport is not None:
            self.transport.pause_reading()
            loop.call_at(second + 1, self._resume)

    def _resume(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def connection_lost(self, error: BaseException | None) -> None:
        self._driver.lost(self, str(error) if error else "the gateway closed the connection")


class AvlDriver(Driver):
    """A connection to a gateway of positions.

    Attributes:
        wall_ns: the wall clock, to which receivers' times are held.
    """

    wall_ns: ClassVar[Callable[[], int]] = staticmethod(time.time_ns)

    def __init__(self, link: LinkSpec, publish: Any) -> None:
        """Prepare; nothing is opened."""
        super().__init__(link, publish)
        self.options = avl_options.parse_link(link.options)
        self.heard = Heard(simulated=self.options.simulated)
        self._listening: _Listening | None = None
        self._lost = "not open"
        self._gather_s = self._heard_s = self._told_s = 0.0
        self._news: asyncio.Event | None = None

    # The contract --------------------------------------------------------------------------

    @classmethod
    def check_link(cls, options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with a link's options, as ``(key, found, allowed)``."""
        return avl_options.check_link(options)

    @classmethod
    def check_point(
        cls, point: PointSpec, address: Mapping[str, Any]
    ) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with a point's address, as ``(key, found, allowed)``."""
        return avl_options.check_point(point, address)

    @classmethod
    def address_of(cls, point: PointSpec, device: DeviceSpec) -> AvlAddress:
        """Return which value of which vehicle a device's point shows."""
        return avl_options.address_of(point, device)

    def plan(self, points: Sequence[BoundPoint]) -> tuple[Sequence[BoundPoint], frozenset[str]]:
        """Take note of the points, and return them with their vehicles."""
        self.heard.learn(points)
        return points, frozenset(point.address.vehicle for point in points)

    def retain(self, points: Sequence[BoundPoint]) -> None:
        """Forget vehicles that left the link."""
        self.heard.keep(points)

    async def open(self) -> None:
        """Connect.

        Raises:
            LinkError: the gateway cannot be reached; may be retried.

        Timing: ``connect_timeout_ms`` at most.
        """
        await self.close()
        self.heard.forget()
        self._lost = "not open"
        options, loop = self.options, asyncio.get_running_loop()
        where = f"{options.host}:{options.port}"
        try:
            async with asyncio.timeout(options.connect_timeout_ms / 1_000):
                await loop.create_connection(lambda: _Listening(self), options.host, options.port)
        except (OSError, TimeoutError) as error:
            await self.close()
            why = str(error) or "no answer in time"
            raise LinkError(f"{where} cannot be reached: {why}", where=self.link.id) from error
        self._need_open()

    async def read(
        self, plan: tuple[Sequence[BoundPoint], frozenset[str]]
    ) -> Sequence[float | Bad]:
        """Return what was heard last; a number with its time, or Bad, for each point in order.

        Raises:
            LinkError: the gateway is gone, or said nothing for ``quiet_ms``.

        Timing: at once; after ``open`` and for newcomers up to ``gather_ms``, until all were heard.
        """
        points, vehicles = plan
        self._need_open()
        await self._gather(vehicles)
        now, silent_s = asyncio.get_running_loop().time(), self.options.silent_ms / 1_000
        quiet_s = self.options.quiet_ms / 1_000
        if quiet_s and now - self._heard_s > quiet_s:
            why = f"the gateway has said nothing for {now - self._heard_s:.0f} s"
            await self.close()
            self._lost = why
        self._need_open()
        self._tell(now)
        return [self.heard.value(point.address, now, silent_s) for point in points]

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Refuse: positions are told, and cannot be set."""
        return [
            DeviceRefused(f"{point.id}: a position cannot be set", where=self.link.id)
            for point, _ in writes
        ]

    async def close(self) -> None:
        """Disconnect; never raises."""
        self._lost = self._lost or "closed"
        listening, self._listening = self._listening, None
        if listening is not None and listening.transport is not None:
            listening.transport.abort()
            await asyncio.sleep(0)  # an aborted transport is gone one turn later

    # What the connection tells -------------------------------------------------------------

    def connected(self, listening: _Listening) -> None:
        """Have a connection; what the gateway says first may come before ``open`` goes on."""
        self._listening, self._lost = listening, ""
        self._news = asyncio.Event()
        self._gather_s = self._heard_s = self._told_s = asyncio.get_running_loop().time()

    def told(self, listening: _Listening, lines: Sequence[bytes], dropped: int) -> None:
        """Take what the gateway says."""
        if listening is not self._listening:
            return
        self._heard_s = asyncio.get_running_loop().time()
        if dropped:
            self.heard.refuse("too long", dropped)
        rows = self.heard.take(lines, type(self).wall_ns(), self._heard_s)
        if rows:
            slots, values, qualities, taken = zip(*rows, strict=True)
            self.publish(slots, values, qualities, taken)
        if self._news is not None:
            self._news.set()

    def lost(self, listening: _Listening, reason: str) -> None:
        """Lose the gateway; only ``open`` brings it back."""
        if listening is self._listening:
            self._listening, self._lost = None, reason
            if self._news is not None:
                self._news.set()

    # Inside --------------------------------------------------------------------------------

    async def _gather(self, vehicles: frozenset[str]) -> None:
        """Give the gateway a moment to name everybody, and those that came meanwhile."""
        loop = asyncio.get_running_loop()
        if self.heard.newcomers:
            self.heard.newcomers, self._gather_s = False, loop.time()
        until = self._gather_s + self.options.gather_ms / 1_000
        while not self._lost and self._news is not None and self.heard.missing(vehicles):
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), max(0.0, until - loop.time()))
            except TimeoutError:
                return

    def _tell(self, now: float) -> None:
        if self.heard.refused and now - self._told_s >= TELL_S:
            self._told_s = now
            named = ", ".join(f"{why} {many:,}" for why, many in self.heard.refused.most_common())
            log.warning("link %s: lines refused: %s", self.link.id, named)

    def _need_open(self) -> None:
        if self._lost:
            raise LinkError(self._lost, where=self.link.id)
