"""One connection of a site: the supervisor's machine on a socket. A thin shell."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, cast

from jacquemart.drivers.rsmp.machine.session import Close, Moment, Ready, Send, SessionOptions
from jacquemart.drivers.rsmp.machine.supervisor import (
    Aggregated,
    AlarmSeen,
    Answer,
    Seen,
    Supervisor,
    Value,
)

#: Bytes that may wait to be sent; a peer that reads none of them is not read from either.
HIGH_WATER: Final = 256 * 1024


def moment() -> Moment:
    """Return now."""
    return Moment(time.monotonic(), time.time_ns() // 1_000_000)


class Link(Protocol):
    """Whoever the connections belong to."""

    def choose(self, sites: Sequence[str]) -> str:
        """Return which of a peer's site ids is one of ours, or nothing."""

    def site_ready(self, connection: Connection) -> None:
        """Take note that a site can be asked."""

    def site_lost(self, connection: Connection, reason: str) -> None:
        """Take note that a connection has ended."""

    def site_told(self, connection: Connection, component: str, at_ms: int | None) -> None:
        """Take note that values of a component have changed."""


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, link: Link, options: SessionOptions, *, native_types: bool) -> None:
        """Prepare for a connection that is being made."""
        self.link = link
        self.site = ""
        self.values: dict[tuple[str, str, str], Value] = {}
        """What the site told by itself last, by component, code and name."""
        self.bits: int | None = None
        self.lost = ""
        self.machine = Supervisor(
            options, link.choose, lambda: str(uuid.uuid4()), moment(), native_types=native_types
        )
        self._transport: asyncio.Transport | None = None
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._bits: list[asyncio.Future[int]] = []
        self._alarms: dict[tuple[str, str], asyncio.Future[AlarmSeen]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    @property
    def ready(self) -> bool:
        """Return whether the site can be asked."""
        return bool(self.site) and not self.lost

    # asyncio's protocol --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        self._do()

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the machine."""
        if not self.lost:
            self.machine.receive(data, moment())
            self._do()

    def pause_writing(self) -> None:
        """Read no more from a peer that does not read."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, error: BaseException | None) -> None:
        """End."""
        self.end(str(error) if error else "the site closed the connection")

    # What is asked -------------------------------------------------------------------------

    async def request(
        self, component: str, pairs: Sequence[tuple[str, str]], timeout_s: float
    ) -> Answer:
        """Ask for statuses and wait for the answer; never raises but when cancelled."""
        return await self._wait(self.machine.request(component, pairs, moment(), timeout_s))

    async def command(
        self, component: str, code: str, arguments: Mapping[str, str], timeout_s: float
    ) -> Answer:
        """Send a command and wait for the answer."""
        token = self.machine.command(component, code, arguments, moment(), timeout_s)
        return await self._wait(token)

    async def aggregated(self, component: str, timeout_s: float) -> int | None:
        """Return the aggregated status, asked anew if the version can; None: not known."""
        if not self.machine.request_aggregated(component, moment()):
            return self.bits
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._bits.append(future)
        self._do()
        try:
            return await asyncio.wait_for(future, timeout_s)
        except (TimeoutError, ConnectionError):
            return None

    async def alarm(
        self, component: str, code: str, what: str, timeout_s: float
    ) -> AlarmSeen | None:
        """Acknowledge, Suspend or Resume an alarm; None if the site does not say that it did."""
        future: asyncio.Future[AlarmSeen] = asyncio.get_running_loop().create_future()
        self._alarms[component, code] = future
        self.machine.alarm(component, code, what, moment())
        self._do()
        try:
            return await asyncio.wait_for(future, timeout_s)
        except (TimeoutError, ConnectionError):
            return None
        finally:
            self._alarms.pop((component, code), None)

    def subscribe(self, component: str, wanted: Sequence[tuple[str, str, float]]) -> None:
        """Subscribe to values."""
        self.machine.subscribe(component, wanted, moment())
        self._do()

    def end(self, reason: str) -> None:
        """Close; whoever waits is told that the connection is gone."""
        if self.lost:
            return
        self.lost = reason or "closed"
        if self._timer is not None:
            self._timer.cancel()
        waiting: list[asyncio.Future[Any]] = [*self._answers.values(), *self._bits]
        waiting += self._alarms.values()
        self._answers.clear()
        self._bits.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(ConnectionError(self.lost))
        if self._transport is not None:
            self._transport.close()
        self.link.site_lost(self, self.lost)

    def abort(self) -> None:
        """Close without waiting for what is not sent yet."""
        if self._transport is not None:
            self._transport.abort()

    # Inside --------------------------------------------------------------------------------

    async def _wait(self, token: int) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[token] = future
        self._do()
        try:
            return await future
        except ConnectionError as error:
            return Answer(token, [], None, str(error), unknown=True)
        finally:
            self._answers.pop(token, None)
            if not future.done() or future.cancelled():
                self.machine.give_up(token)

    def _do(self) -> None:
        """Carry out what the machine says, and come back when it needs to look at the clock."""
        for one in self.machine.take():
            if isinstance(one, Send):
                if self._transport is not None and not self._transport.is_closing():
                    self._transport.write(one.data)
            elif isinstance(one, Close):
                self.end(one.reason)
            else:
                self._hear(one)
        self._set_timer()

    def _hear(self, one: Any) -> None:
        if isinstance(one, Answer):
            future = self._answers.get(one.token)
            if future is not None and not future.done():
                future.set_result(one)
        elif isinstance(one, Seen):
            fresh = [value for value in one.values if value.quality != "old"]
            for value in fresh:
                self.values[one.component, value.code, value.name] = value
            if fresh:
                self.link.site_told(self, one.component, one.at_ms)
        elif isinstance(one, Aggregated):
            self.bits = one.bits
            for asked in self._bits:
                if not asked.done():
                    asked.set_result(one.bits)
            self._bits.clear()
            self.link.site_told(self, one.component, one.at_ms)
        elif isinstance(one, AlarmSeen):
            waiting = self._alarms.get((one.component, one.code))
            if waiting is not None and not waiting.done() and one.cause != "issue":
                waiting.set_result(one)
            if not one.buffered:
                self.link.site_told(self, one.component, one.at_ms)
        elif isinstance(one, Ready):
            self.site = one.site
            self.link.site_ready(self)

    def _set_timer(self) -> None:
        if self.lost:
            return
        due = self.machine.due()
        if self._timer is not None:
            if self._timer_at <= due:
                return
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer_at = due
        self._timer = loop.call_later(max(0.0, due - time.monotonic()) + 0.001, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if not self.lost:
            self.machine.tick(moment())
            self._do()
