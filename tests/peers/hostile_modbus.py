"""A Modbus TCP server that misbehaves on request, written from the specification alone.

MODBUS Application Protocol V1.1b3 and MODBUS Messaging on TCP/IP V1.0b. It shares no code with
any client. ``server.play(...)`` queues what to do with the next requests, one each; when the
queue is empty it serves honestly, unless ``server.always`` says otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Request:
    """One request as it came, and the honest answer to it."""

    transaction: int
    unit: int
    pdu: bytes
    reply: bytes = b""

    def frame(
        self, pdu: bytes, *, transaction: int | None = None, unit: int | None = None
    ) -> bytes:
        """Return a PDU behind its header."""
        number = self.transaction if transaction is None else transaction
        who = self.unit if unit is None else unit
        return struct.pack(">HHHB", number % 65536, 0, len(pdu) + 1, who) + pdu


Act = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Memory:
    """What a unit holds; only ``places`` exist, if given."""

    bits: dict[int, bool] = field(default_factory=dict)
    registers: dict[int, int] = field(default_factory=dict)
    places: set[int] | None = None
    longest: int = 2000
    functions: frozenset[int] = frozenset({1, 2, 3, 4, 5, 6, 15, 16})


class HostileModbus:
    """The server; use it with ``async with``."""

    def __init__(self) -> None:
        self.memory: dict[int, Memory] = {}
        self.requests: list[Request] = []
        self.connections = 0
        self.always: Callable[[Request], Act | None] = lambda request: None
        self._script: deque[Act] = deque()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop_all()
        await asyncio.sleep(0)

    def drop_all(self) -> None:
        """Reset all connections."""
        for writer in list(self._writers):
            writer.transport.abort()

    def unit(self, unit: int) -> Memory:
        return self.memory.setdefault(unit, Memory())

    def play(self, *acts: Act) -> None:
        self._script.extend(acts)

    def asked(self) -> list[tuple[int, int, int]]:
        """Return (function, address, count or value) of all requests so far."""
        return [
            (r.pdu[0], *struct.unpack(">HH", r.pdu[1:5])) for r in self.requests if len(r.pdu) > 4
        ]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readexactly(7)
                transaction, protocol, length, unit = struct.unpack(">HHHB", head)
                assert protocol == 0
                request = Request(transaction, unit, await reader.readexactly(length - 1))
                self.requests.append(request)
                request.reply = honest_reply(self.unit(unit), request.pdu)
                act = self._script.popleft() if self._script else self.always(request)
                await (act or answer)(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            with contextlib.suppress(ConnectionError):
                writer.close()


def honest_reply(memory: Memory, pdu: bytes) -> bytes:
    """Return what the specification wants, changing the memory if it is a write."""
    function, (address, count) = pdu[0], struct.unpack(">HH", pdu[1:5])
    if function not in memory.functions:
        return bytes((function | 0x80, 1))
    touched = range(address, address + (1 if function in (5, 6) else count))
    if memory.places is not None and not memory.places.issuperset(touched):
        return bytes((function | 0x80, 2))
    if len(touched) > memory.longest:
        return bytes((function | 0x80, 3))
    if function in (1, 2):
        bits = [memory.bits.get(place, False) for place in touched]
        packed = bytearray((count + 7) // 8)
        for place, bit in enumerate(bits):
            packed[place // 8] |= bit << place % 8
        return bytes((function, len(packed))) + bytes(packed)
    if function in (3, 4):
        words = [memory.registers.get(place, 0) for place in touched]
        return struct.pack(f">BB{count}H", function, 2 * count, *words)
    if function == 5:
        memory.bits[address] = count == 0xFF00
        return pdu
    if function == 6:
        memory.registers[address] = count
        return pdu
    data = pdu[6 : 6 + pdu[5]]
    if function == 15:
        for place in touched:
            at = place - address
            memory.bits[place] = bool(data[at // 8] >> at % 8 & 1)
    else:
        for place, word in zip(touched, struct.unpack(f">{count}H", data), strict=True):
            memory.registers[place] = word
    return pdu[:5]


#: Connections that stand inside a frame; what comes next waits for its end, as TCP has it.
_UNFINISHED: dict[asyncio.StreamWriter, asyncio.Event] = {}


async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
    if writer in _UNFINISHED:
        await _UNFINISHED[writer].wait()
    writer.write(request.frame(request.reply))


async def silent(request: Request, writer: asyncio.StreamWriter) -> None:
    return


async def reset(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def close(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def close_mid_frame(request: Request, writer: asyncio.StreamWriter) -> None:
    whole = request.frame(request.reply)
    writer.write(whole[: len(whole) - 1])
    await writer.drain()
    writer.close()


async def short(request: Request, writer: asyncio.StreamWriter) -> None:
    """Promise more bytes in the header than ever come."""
    writer.write(request.frame(request.reply)[:-1])


async def short_pdu(request: Request, writer: asyncio.StreamWriter) -> None:
    """A whole frame whose PDU ends too early."""
    writer.write(request.frame(request.reply[:-1]))


async def only_function(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(request.frame(request.reply[:1]))


async def long_pdu(request: Request, writer: asyncio.StreamWriter) -> None:
    """A whole frame with bytes behind the PDU's end."""
    writer.write(request.frame(request.reply + b"\0\7"))


async def trailing(request: Request, writer: asyncio.StreamWriter) -> None:
    """A good frame with junk behind it."""
    writer.write(request.frame(request.reply) + b"\xde\xad\xbe\xef\xca\xfe\xba\xbe")


async def wrong_function(request: Request, writer: asyncio.StreamWriter) -> None:
    other = {1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 15: 16, 16: 15}[request.pdu[0]]
    writer.write(request.frame(bytes((other,)) + request.reply[1:]))


async def wrong_count(request: Request, writer: asyncio.StreamWriter) -> None:
    """Answer as if one register (or eight coils) more had been asked for, consistently."""
    reply = request.reply
    if request.pdu[0] <= 2:
        reply = bytes((reply[0], reply[1] + 1)) + reply[2:] + b"\0"
    elif request.pdu[0] <= 4:
        reply = bytes((reply[0], reply[1] + 2)) + reply[2:] + b"\0\1"
    else:
        value = struct.unpack(">H", reply[3:5])[0]
        reply = reply[:3] + struct.pack(">H", value ^ 1)
    writer.write(request.frame(reply))


async def wrong_exception_function(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(request.frame(bytes((0x80 | (request.pdu[0] ^ 0x40), 2))))


async def wrong_transaction(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(request.frame(request.reply, transaction=request.transaction + 1000))


async def wrong_unit(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(request.frame(request.reply, unit=request.unit ^ 0x80))


async def wrong_protocol(request: Request, writer: asyncio.StreamWriter) -> None:
    whole = request.frame(request.reply)
    writer.write(whole[:2] + b"\0\1" + whole[4:])


async def garbage(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


async def empty_frame(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(struct.pack(">HHHB", request.transaction, 0, 1, request.unit))


async def huge_frame(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(struct.pack(">HHHB", request.transaction, 0, 0xFFFF, request.unit))


async def twice(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(request.frame(request.reply) * 2)


def for_units(*units: int, act: Act = silent) -> Callable[[Request], Act | None]:
    """Return an ``always`` for some units; the others are served honestly."""
    return lambda request: act if request.unit in units else None


def exception(code: int) -> Act:
    async def act(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(request.frame(bytes((request.pdu[0] | 0x80, code))))

    return act


def late(delay_s: float) -> Act:
    """Answer after a while, and read the next requests meanwhile."""

    async def act(request: Request, writer: asyncio.StreamWriter) -> None:
        def send() -> None:
            if not writer.is_closing():
                writer.write(request.frame(request.reply))

        asyncio.get_running_loop().call_later(delay_s, send)

    return act


def late_in_halves(first_s: float, second_s: float) -> Act:
    """Answer late, in two pieces: the first half after ``first_s``, the rest after ``second_s``."""

    async def act(request: Request, writer: asyncio.StreamWriter) -> None:
        whole = request.frame(request.reply)

        def begin() -> None:
            _UNFINISHED[writer] = asyncio.Event()
            if not writer.is_closing():
                writer.write(whole[:9])

        def end() -> None:
            if not writer.is_closing():
                writer.write(whole[9:])
            _UNFINISHED.pop(writer).set()

        loop = asyncio.get_running_loop()
        loop.call_later(first_s, begin)
        loop.call_later(second_s, end)

    return act


def dribble(pause_s: float) -> Act:
    """Send one byte at a time."""

    async def act(request: Request, writer: asyncio.StreamWriter) -> None:
        for byte in request.frame(request.reply):
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(pause_s)

    return act
