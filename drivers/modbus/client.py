"""One TCP connection: pymodbus connects, and what it would let pass is checked here.

*Theory.* ``AsyncModbusTcpClient`` leaves requests and answers to its transaction manager; this
one takes the manager's place, because pymodbus's own

- accepts an answer with another function code or count,
- empties its buffer before each request, so that the second half of a late answer is taken for
  the start of the next one,
- waits for the time-out when the connection is long gone, and
- would connect again, or send again, by itself.

Nothing else of the driver knows pymodbus. What is used of it beyond its documented interface is
the transaction manager: its constructor, ``connect``, ``close``, ``transport``, ``getNextTID``,
``call_create``, ``data_received`` and ``callback_disconnected`` (3.16);
``tests/unit/test_modbus_pymodbus_seams.py`` guards them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.transaction import TransactionManager

from jacquemart.drivers.contract import LastLook
from jacquemart.drivers.modbus.options import LinkOptions
from jacquemart.drivers.modbus.stream import AnswerStream

#: Sent bytes that stay unacknowledged this long mean that the path is gone (at least; ms).
_PATH_DEAD_MS = 3_000
_HEADER = struct.Struct(">HHHB")

Answer = tuple[int, bytes]
"""Unit and PDU."""


class Silent(Exception):
    """No answer in time; the connection is usable, and a late answer will be dropped."""


class Lost(Exception):
    """The connection is gone, or can no longer be trusted and was closed.

    Attributes:
        sent: whether the request went out before.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        """Keep the reason, for people, and whether the request went out."""
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class _Transactions(TransactionManager):
    """pymodbus's transport, with its bytes handed on as they come."""

    def __init__(
        self,
        client: AsyncModbusTcpClient,
        received: Callable[[bytes], None],
        disconnected: Callable[[], None],
    ) -> None:
        # The framer is only there because the base class wants one.
        super().__init__(
            client.comm_params, FramerSocket(DecodePDU(False)), 0, False, None, None, None
        )
        self.failure: Exception | None = None
        self._create = self.call_create
        self.call_create = self._connect
        self._received = received
        self._disconnected = disconnected

    async def _connect(self) -> Any:
        """Connect, and keep why it failed, which pymodbus only logs."""
        try:
            return await self._create()
        except UnicodeError as error:  # what a host name of impossible form becomes
            self.failure = OSError(f"no such host ({error})")
            raise self.failure from None
        except OSError as error:
            self.failure = error
            raise

    def data_received(self, data: bytes) -> None:
        self._received(data)

    def callback_disconnected(self, exc: Exception | None) -> None:
        self._disconnected()


class Connection:
    """One connection to one host; never reconnects and never sends twice."""

    def __init__(self, options: LinkOptions) -> None:
        """Prepare; no I/O."""
        self._options = options
        self._timeout_s = options.timeout_ms / 1_000
        self._loop: asyncio.AbstractEventLoop
        self._ctx: _Transactions | None = None
        self._stream = AnswerStream()
        self._lost = "not open"
        self._answer: asyncio.Future[Answer | None] | None = None

    @property
    def dropped(self) -> int:
        """Return how many late and repeated answers of this connection were thrown away."""
        return self._stream.dropped

    @property
    def lost(self) -> str:
        """Return why the connection cannot be used; empty if it can."""
        return self._lost

    async def open(self) -> None:
        """Connect.

        Raises:
            Lost: refused, unreachable, or no connection within ``connect_timeout_ms``.
        """
        self.close("not open")
        options = self._options
        _silence_pymodbus()
        client = AsyncModbusTcpClient(
            options.host,
            port=options.port,
            name=f"{options.host}:{options.port}",
            timeout=options.connect_timeout_ms / 1_000,
            retries=0,
            reconnect_delay=0,
        )
        ctx = client.ctx = _Transactions(client, self._received, self._disconnected)
        self._loop = asyncio.get_running_loop()
        self._stream = AnswerStream()
        self._ctx = ctx
        task = asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        connected = False
        try:
            connected = await client.connect()
            # pymodbus waits with ``asyncio.wait_for``, which up to Python 3.11 forgets a
            # cancellation that comes in the same turn as the connection.
            if task is not None and task.cancelling() > cancelled:
                connected = False
                raise asyncio.CancelledError
        finally:
            if not connected:
                self.close("not open")
                self._lost = "not open"  # and not what pymodbus's own clearing up looked like
        if not connected:
            reason = str(ctx.failure or f"no connection within {options.connect_timeout_ms} ms")
            raise Lost(reason, sent=False)
        _watch_path(ctx.transport, options.timeout_ms)
        self._lost = ""

    async def transact(
        self, unit: int, request: bytes, *, last_look: LastLook | None = None
    ) -> Answer:
        """Send one request; return the unit and the PDU of its answer, unchecked.

        One call at a time.

        Args:
            unit: 1 to 255.
            request: the PDU.
            last_look: of a write; it is sent only if that allows it, and if the stream does not
                stand inside a late answer.

        Raises:
            Silent: no answer within ``timeout_ms``; the request was sent.
            Lost: the connection is gone, or was closed since its stream cannot be trusted.
            NeverSent: the last look did not allow it.

        Cancellation: the request may have been sent; its answer will be dropped.
        """
        ctx = self._ctx
        if ctx is None or self._lost:
            raise Lost(self._lost, sent=False)
        if self._answer is not None:
            raise RuntimeError("two requests at once on one Modbus connection")
        stream = self._stream
        if last_look is not None and stream.partial:
            self.close("an earlier answer never ended")
            raise Lost(self._lost, sent=False)
        transaction: int = ctx.getNextTID()
        stream.expect(transaction)
        future = self._answer = self._loop.create_future()
        timer = self._loop.call_later(self._timeout_s, _expire, future)
        try:
            frame = _HEADER.pack(transaction, 0, len(request) + 1, unit) + request
            if last_look is None:
                ctx.transport.write(frame)  # type: ignore[attr-defined]
            else:
                self._send(ctx.transport, frame, last_look)
            answer: Answer | None = await future
        finally:
            timer.cancel()
            self._answer = None
            stream.give_up()
        if answer is not None:
            return answer
        if stream.partial:
            self.close(f"an answer did not end within {self._options.timeout_ms} ms")
            raise Lost(self._lost, sent=True)
        raise Silent

    def _send(self, transport: Any, frame: bytes, last_look: LastLook) -> None:
        """Hand a frame to the kernel, whole and in the moment of the last look, or not at all.

        A part of a frame is none to whoever gets it, and the rest of it never comes.
        """
        sent = 0
        if not transport.get_write_buffer_size():
            endpoint = transport.get_extra_info("socket")
            try:
                sent = last_look.send(endpoint.fileno(), frame)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self.close(str(error))
                raise Lost(self._lost, sent=False) from None
        if sent < len(frame):
            self.close("the other end takes no more bytes")
            raise Lost(self._lost, sent=False)

    def close(self, reason: str = "closed") -> None:
        """Disconnect at once and wake up who waits; never raises, and may be called again."""
        ctx, self._ctx = self._ctx, None
        if ctx is None:
            return
        self._lost = reason
        transport = ctx.transport
        ctx.close()
        if transport is not None:
            # Without waiting for a peer that no longer takes what was written.
            transport.abort()  # type: ignore[attr-defined]
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Lost(reason, sent=True))

    def _received(self, data: bytes) -> None:
        stream = self._stream
        found = stream.feed(data)
        if found is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(found)
        if stream.fault:
            self.close(stream.fault)

    def _disconnected(self) -> None:
        self.close("closed by the other end")


def _expire(answer: asyncio.Future[Answer | None]) -> None:
    if not answer.done():
        answer.set_result(None)


def _watch_path(transport: Any, timeout_ms: int) -> None:
    """Have the kernel break a connection whose bytes nobody acknowledges.

    Without it, a host that vanished looks like a silent unit for a quarter of an hour.
    """
    endpoint = transport.get_extra_info("socket")
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if endpoint is not None and option is not None:
        with contextlib.suppress(OSError):
            endpoint.setsockopt(socket.IPPROTO_TCP, option, max(_PATH_DEAD_MS, 2 * timeout_ms))


def _silence_pymodbus() -> None:
    """Keep pymodbus from logging each lost answer; a level that somebody has set stays."""
    log = logging.getLogger("pymodbus.logging")
    if log.level == logging.NOTSET:
        log.setLevel(logging.CRITICAL + 1)
