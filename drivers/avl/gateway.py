"""A gateway of positions: the field's end of an AVL link, for simulations and tests.

Whoever connects is told at once where everybody is, and then each news. Who reads too slowly is
disconnected: a position that waited is of no use.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from jacquemart.drivers.avl.sentence import Duty, Fix, encode

log = logging.getLogger(__name__)
#: Bytes that may wait for one listener.
MOST_WAITING: Final = 1_000_000
#: Listeners at one time; further ones are turned away.
MOST_LISTENERS: Final = 32


class AvlGateway:
    """Serves positions on a port.

    Attributes:
        port: where it listens, once it does.
        sent: how many lines were told.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Prepare; ``start`` listens. Port 0: any free one."""
        self._host, self.port = host, port
        self.sent = 0
        self._server: asyncio.Server | None = None
        self._listeners: set[asyncio.StreamWriter] = set()
        self._last: dict[tuple[str, type], bytes] = {}

    @property
    def listeners(self) -> int:
        """Return how many listen."""
        return len(self._listeners)

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        self._server = await asyncio.start_server(self._serve, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, and disconnect everybody."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.cut()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """Disconnect everybody; who comes again is served again."""
        for writer in list(self._listeners):
            writer.transport.abort()
        self._listeners.clear()

    def tell(self, news: Iterable[Fix | Duty]) -> None:
        """Tell everybody who listens, and remember it for those who come."""
        lines = []
        for one in news:
            line = encode(one)
            self._last[one.vehicle, type(one)] = line
            lines.append(line)
        self.say(b"".join(lines), len(lines))

    def forget(self, vehicle: str) -> None:
        """Tell newcomers no more of a vehicle."""
        for kind in (Fix, Duty):
            self._last.pop((vehicle, kind), None)

    def say(self, data: bytes, lines: int = 1) -> None:
        """Tell everybody these bytes, whatever they are."""
        if not data:
            return
        self.sent += lines
        for writer in list(self._listeners):
            if writer.transport.get_write_buffer_size() > MOST_WAITING:
                log.warning("a listener reads too slowly and was disconnected")
                writer.transport.abort()
                self._listeners.discard(writer)
            else:
                writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._listeners) >= MOST_LISTENERS:
            writer.close()
            return
        self._listeners.add(writer)
        # Duty first: nobody is followed before it is known that he is on duty.
        known = sorted(self._last.items(), key=lambda one: one[0][1] is not Duty)
        writer.write(b"".join(line for _, line in known))
        try:
            while await reader.read(4096):  # listeners say nothing; what they say is not read
                pass
        except ConnectionError:
            pass
        finally:
            self._listeners.discard(writer)
            writer.close()
