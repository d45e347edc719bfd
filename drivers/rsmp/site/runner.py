"""The site on sockets: connects to its supervisors, again and again. A thin shell."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable, Sequence
from typing import Final, cast

from jacquemart.drivers.rsmp.connection import HIGH_WATER, moment
from jacquemart.drivers.rsmp.machine.session import Close, Moment, Ready, Send
from jacquemart.drivers.rsmp.machine.site import Site, SiteOptions
from jacquemart.drivers.rsmp.site.tlc import Tlc

TICK_S: Final = 0.1
_log = logging.getLogger(__name__)


class _Wire(asyncio.Protocol):
    """One connection to a supervisor."""

    def __init__(self, towards: Towards) -> None:
        self._towards = towards
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self.transport.set_write_buffer_limits(high=HIGH_WATER)
        self._towards.site.connected(moment())
        self._towards.do()

    def data_received(self, data: bytes) -> None:
        self._towards.site.receive(data, moment())
        self._towards.do()

    def pause_writing(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def connection_lost(self, error: BaseException | None) -> None:
        if not self.ended.done():
            self.ended.set_result(str(error) if error else "the supervisor closed")


class Towards:
    """The site towards one supervisor.

    Attributes:
        where: gives host and port, asked anew before each attempt.
        reconnect_s: pause between attempts; 10 s by the standard.
    """

    def __init__(
        self, tlc: Tlc, options: SiteOptions, where: Callable[[], tuple[str, int]],
        reconnect_s: float = 10.0,
    ) -> None:  # fmt: skip
        """Prepare; ``run`` connects."""
        self.site = Site(tlc, options, lambda: str(uuid.uuid4()))
        self.where, self.reconnect_s = where, reconnect_s
        self.may_connect = True
        self.said = ""
        """Why the last connection ended, or what it is."""
        self.held: bytearray | None = None
        """Bytes that are held back instead of being sent, for tests; None: none are."""
        self.wire: _Wire | None = None

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        while True:
            if self.may_connect:
                host, port = self.where()
                try:
                    await self._connection(host, port)
                except OSError as error:
                    self.said = f"{host}:{port} cannot be reached: {error}"
                _log.info("site %s: %s", self.site.station.site, self.said)
            await asyncio.sleep(self.reconnect_s)

    async def _connection(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(lambda: self._made(), host, port)
        try:
            self.said = await wire.ended
        finally:
            if wire.transport is not None:
                wire.transport.abort()
            self.wire = None
            self.site.disconnected()

    def _made(self) -> _Wire:
        self.wire = _Wire(self)
        return self.wire

    def cut(self) -> None:
        """Break the connection, if there is one."""
        if self.wire is not None and self.wire.transport is not None:
            self.wire.transport.abort()

    def do(self) -> None:
        """Carry out what the machine says."""
        for one in self.site.take():
            if isinstance(one, Send):
                self._send(one.data)
            elif isinstance(one, Close):
                _log.warning("site %s: %s", self.site.station.site, one.reason)
                if self.wire is not None and self.wire.transport is not None:
                    self.wire.transport.close()
                    if not self.wire.ended.done():
                        self.wire.ended.set_result(one.reason)
            elif isinstance(one, Ready):
                self.said = f"connected with core {one.core}, SXL {one.sxl}"
                _log.info("site %s: %s", one.site, self.said)

    def hold(self, on: bool) -> None:
        """Hold back what is sent, or send it now."""
        held, self.held = self.held, bytearray() if on else None
        if not on and held:
            self._send(bytes(held))

    def _send(self, data: bytes) -> None:
        if self.held is not None:
            self.held += data
        elif self.wire is not None and self.wire.transport is not None:
            self.wire.transport.write(data)


class SiteRunner:
    """A controller with its supervisors, on the running loop."""

    def __init__(
        self, tlc: Tlc, supervisors: Sequence[Towards], clock: Callable[[], Moment] = moment
    ) -> None:
        """Run a controller; ``start`` begins.

        Args:
            tlc: the controller.
            supervisors: its connections.
            clock: the controller's own: that of a simulation, say. Connections keep real time.
        """
        self.tlc, self.supervisors = tlc, supervisors
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, *, ticking: bool = True) -> None:
        """Begin to connect and to tick; ``ticking`` False: somebody else calls ``tick``."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(one.run()) for one in self.supervisors]
        if ticking:
            self._tasks.append(loop.create_task(self._tick()))

    async def stop(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    def tick(self) -> None:
        """Let the controller come to now, and tell what has changed."""
        now = moment()
        self.tlc.step(self._clock())
        issued, self.tlc.issued = self.tlc.issued, []
        for one in self.supervisors:
            for component, code, _ in issued:
                alarm = self.tlc.alarms.get(component, code)
                if alarm is not None:
                    one.site.alarm_changed(alarm, "Issue", now)
            one.site.tick(now)
            one.do()

    async def _tick(self) -> None:
        while True:
            self.tick()
            await asyncio.sleep(TICK_S)
