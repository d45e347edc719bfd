"""One TCP connection to a cabinet: frames out of bytes, and replies back in order.

Written from the MODBUS Messaging on TCP/IP Implementation Guide V1.0b, §3.1.3 (the MBAP header:
transaction, protocol 0, length, unit) and §4.4.2 (the server). Requests may be pipelined, several
to a packet, or arrive byte by byte.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from field.station import Station

_HEADER = struct.Struct(">HHH")
_NO_LINGER = struct.pack("ii", 1, 0)
SHORTEST, LONGEST = 2, 254
"""What the length field may say: the unit id and a PDU of 1 to 253 bytes."""


class Connection(asyncio.Protocol):
    """Serves one client. One instance for each connection, used from one loop."""

    def __init__(self, station: Station) -> None:
        """Serve the cabinet of a station."""
        self.station = station
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self.station.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; nothing is sent any more, not even what is due later."""
        self._transport = None
        self.station.left(self)

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read its replies."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Answer every whole request in what has arrived."""
        if self._rest:
            data = self._rest + data
        station = self.station
        size = len(data)
        start = 0
        replies = []
        now = station.clock()
        while size - start >= 8:
            transaction, protocol, length = _HEADER.unpack_from(data, start)
            if not SHORTEST <= length <= LONGEST:
                # Where the next frame begins cannot be known any more.
                station.tally.bad_frames += 1
                self.reset()
                return
            end = start + 6 + length
            if end > size:
                break
            if protocol == 0:
                pdu = data[start + 7 : end]
                station.tally.requests += 1
                reply = station.behaviour(self, transaction, data[start + 6], pdu, now)
                if reply:
                    replies.append(reply)
            else:
                # Another protocol: discarded without an answer (guide, §4.4.2.2).
                station.tally.bad_frames += 1
            start = end
        self._rest = data[start:] if start else data
        if replies and self._transport is not None:
            self._transport.write(replies[0] if len(replies) == 1 else b"".join(replies))

    def send_later(self, delay_s: float, frame: bytes) -> None:
        """Send after a while, if the connection still stands."""
        self.station.loop.call_later(delay_s, self._send, frame)

    def dribble(self, frame: bytes, gap_s: float) -> None:
        """Send one byte at a time."""
        for n in range(len(frame)):
            self.send_later(n * gap_s, frame[n : n + 1])

    def send_and_reset(self, part: bytes) -> None:
        """Send, let it arrive, and reset the connection."""
        self._send(part)
        self.station.loop.call_later(0.005, self.reset)

    def reset(self) -> None:
        """End the connection with a TCP reset and not with a goodbye."""
        transport = self._transport
        if transport is None:
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
