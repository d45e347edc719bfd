"""A TCP proxy that treats what passes through it badly, on command and from a seed.

Put it between a driver and its field, or between a client and a gateway:

    with ChaosProxy("127.0.0.1", port, seed=7) as proxy:
        ...  # connect to proxy.host and proxy.port
        proxy.to_server = Weather(delay_s=0.2, jitter_s=0.1)
        proxy.both = Weather(stall=True)  # nothing gets through, and nobody is told
        proxy.reset()  # cut every connection with RST
        proxy.down()  # refuse connections, too, until up()

TCP hides loss, duplication and reordering: here only bytes are late, slow, cut off or missing.
For whole messages see :mod:`jacquemart.runtime.testing.chaos_messages`.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

_CHUNK = 65_536
#: Chunks that may be on their way in one direction; then whoever sends has to wait.
_UNDER_WAY = 64
_LOOK_S = 0.005
_CALL_S = 10.0


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to bytes in one direction. Nothing, by default."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Up to so much more, anew for each chunk; the order of bytes stays."""
    bytes_per_s: float = 0.0
    """0: as fast as they come."""
    slice_bytes: int = 0
    """Passed on in pieces of at most so many bytes, each late on its own; 0: as they come."""
    stall: bool = False
    """Nothing is read: it waits in buffers, and comes through afterwards."""
    swallow: bool = False
    """Half-open: everything is read and thrown away. Afterwards such a connection is reset, as
    its stream has a hole."""
    reset_after: int = 0
    """The connection is reset once so many bytes went this way; 0: never."""


FAIR = Weather()


class ChaosProxy:
    """One port here, one server there; thread-safe. Use it with ``with``."""

    def __init__(self, host: str, port: int, *, seed: int = 0) -> None:
        """Relay to ``host:port``; ``seed`` decides the jitter."""
        self._target = (host, port)
        self._rng = random.Random(seed)
        self.host, self.port = "127.0.0.1", 0
        self.to_server = FAIR
        """What happens on the way there; set it at any time."""
        self.to_client = FAIR
        """What happens on the way back."""
        self.accepted = 0
        """Connections so far."""
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_S)
        self._loop.close()

    @property
    def both(self) -> Weather:
        """The weather on the way there; set it to have it in both directions."""
        return self.to_server

    @both.setter
    def both(self, weather: Weather) -> None:
        self.to_server = self.to_client = weather

    @property
    def connections(self) -> int:
        """How many connections there are now."""
        return len(self._connections)

    def up(self) -> None:
        """Take connections, on the same port as before; idempotent."""
        self._call(self._listen())

    def down(self) -> None:
        """Cut every connection and refuse new ones; idempotent."""
        self._call(self._close())
        self.reset()

    def reset(self) -> None:
        """Cut every connection with RST; new ones are taken."""
        self._call(self._cut())

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_S)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._accept, self.host, self.port, reuse_address=True
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    async def _cut(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    async def _end(self) -> None:
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            there = await asyncio.open_connection(*self._target)
        except OSError:
            _abort(writer)
            return
        connection = _Connection(self, (reader, writer), there, random.Random(self._rng.random()))
        self._connections.add(connection)
        try:
            await connection.run()
        except asyncio.CancelledError:  # the end of the proxy; asyncio would call it an error
            connection.reset()
        finally:
            self._connections.discard(connection)


class _Connection:
    """One client's connection and the one that was made to the server for it."""

    def __init__(
        self,
        proxy: ChaosProxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        rng: random.Random,
    ) -> None:
        self._proxy = proxy
        self._client, self._server = client, server
        self._rng = rng

    async def run(self) -> None:
        """Relay until both ends have closed, or one of them broke."""
        proxy = self._proxy
        there = self._way(self._client[0], self._server[1], lambda: proxy.to_server)
        back = self._way(self._server[0], self._client[1], lambda: proxy.to_client)
        try:
            await asyncio.gather(there, back)
        except OSError:
            self.reset()
        finally:
            self._client[1].close()
            self._server[1].close()

    def reset(self) -> None:
        """Cut both ends."""
        _abort(self._client[1])
        _abort(self._server[1])

    async def _way(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        weather: Callable[[], Weather],
    ) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_UNDER_WAY)
        sender = asyncio.create_task(_send(queue, writer))
        try:
            await self._read(reader, weather, queue)
            await sender
        finally:
            sender.cancel()

    async def _read(
        self,
        reader: asyncio.StreamReader,
        weather: Callable[[], Weather],
        queue: asyncio.Queue[tuple[float, bytes]],
    ) -> None:
        loop = asyncio.get_running_loop()
        due, passed, holed = 0.0, 0, False
        while True:
            await _no_stall(weather)
            data = await reader.read(weather().slice_bytes or _CHUNK)
            await _no_stall(weather)  # it may have begun while nothing came
            now = weather()
            if data and now.swallow:
                holed = True
                continue
            passed += len(data)
            if holed or (now.reset_after and passed >= now.reset_after):
                raise ConnectionResetError
            late = now.delay_s + self._rng.uniform(0.0, now.jitter_s)
            due = max(due, loop.time() + late)
            if now.bytes_per_s:
                due += len(data) / now.bytes_per_s
            await queue.put((due, data))
            if not data:
                return


async def _no_stall(weather: Callable[[], Weather]) -> None:
    while True:
        if not weather().stall:
            return
        await asyncio.sleep(_LOOK_S)


async def _send(queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due, data = await queue.get()
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        if not data:
            if writer.can_write_eof() and not writer.is_closing():
                writer.write_eof()
            return
        writer.write(data)
        await writer.drain()


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with RST and not with FIN."""
    found = writer.get_extra_info("socket")
    if found is not None and not writer.is_closing():
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
