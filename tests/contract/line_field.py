"""A small field on real sockets, and its peer: a line of text asks, a line of text answers.

``<number> R <device> <point>`` is answered ``<number> = <value>``; ``<number> W <device> <point>
<value>`` is answered ``<number> ok``; ``<number> ! refused|busy|unreadable`` says no. Values are
whole numbers from 0 to 9999.
"""

from __future__ import annotations

import asyncio

from jacquemart.drivers.conformance import CannotDo, Peer, PeerField
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec

POINTS = (
    PointSpec("set", low=0.0, high=9_999.0, writable=True, feedback="level"),
    PointSpec("level", low=0.0, high=9_999.0),
    PointSpec("door", low=0.0, high=9_999.0),
)
DEVICES = ("pump", "valve")


class LinePeer(Peer):
    """Two devices behind one TCP port. ``level`` is whatever ``set`` is."""

    call_limit_s = 3.0
    shown = POINTS

    async def start(self) -> PeerField:
        self.held_values = {(d, p): 0 for d in DEVICES for p in ("set", "door")}
        self.silent: set[str] = set()
        self.refusing: set[str] = set()
        self.busy_ones: set[str] = set()
        self.spoilt: set[tuple[str, str]] = set()
        self.swallowing = self.confusing = False
        self.writes = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.holding = asyncio.Event()
        self.writers: set[asyncio.StreamWriter] = set()
        self.server: asyncio.Server | None = None
        self.port = 0
        await self._listen()
        link = LinkSpec("line-1", "line", "z", {"port": self.port, "timeout_s": 0.4})
        devices = [DeviceSpec(name, "t", "z", "line-1") for name in DEVICES]
        return PeerField(link, [(device, self.shown) for device in devices])

    async def stop(self) -> None:
        self.gate.set()
        await self._stop_listening()
        await self._hang_up()

    async def _listen(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        answering = set()
        try:
            while line := await reader.readline():
                answer = self._answer(line.decode().split())
                if answer:
                    task = asyncio.create_task(self._send(writer, answer))
                    answering.add(task)
                    task.add_done_callback(answering.discard)
        except ConnectionError:
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter, answer: str) -> None:
        if not self.gate.is_set():
            self.holding.set()
            await self.gate.wait()
        if not writer.is_closing():
            writer.write(answer.encode() + b"\n")

    def _answer(self, words: list[str]) -> str:
        number, verb, device, point, *rest = words
        if verb == "W":
            self.writes += 1
        if device in self.silent:
            return ""
        if self.confusing:
            return f"{int(number) + 1000} {'ok' if verb == 'W' else '= 77'}"
        if (device, point) in self.spoilt:
            return f"{number} = nan"
        if verb == "W":
            return self._take(number, device, point, rest[0])
        source = "set" if point == "level" else point
        return f"{number} = {self.held_values[device, source]}"

    def _take(self, number: str, device: str, point: str, value: str) -> str:
        if device in self.busy_ones:
            return f"{number} ! busy"
        if device in self.refusing:
            return f"{number} ! refused"
        self.held_values[device, point] = int(value)
        return "" if self.swallowing else f"{number} ok"

    async def value(self, device: str, point: str) -> float:
        return self.held_values[device, "set" if point == "level" else point]

    async def change(self, device: str, point: str, value: float) -> None:
        if point == "level":
            raise CannotDo("level follows set")
        self.held_values[device, point] = int(value)

    async def arrived(self) -> int:
        return self.writes

    async def connections(self) -> int:
        return len(self.writers)

    async def refuse(self, on: bool) -> None:
        if on:
            await self._stop_listening()
            await self._hang_up()
        elif self.server is None:
            await self._listen()

    async def cut(self) -> None:
        await self._hang_up()

    async def _hang_up(self) -> None:
        for writer in list(self.writers):
            writer.transport.abort()
        await asyncio.sleep(0.01)

    async def hold(self, on: bool) -> None:
        if on:
            self.holding.clear()
            self.gate.clear()
        else:
            self.gate.set()
            await asyncio.sleep(0.01)

    async def held(self) -> None:
        await self.holding.wait()

    async def silence(self, device: str, on: bool) -> None:
        (self.silent.add if on else self.silent.discard)(device)

    async def refuse_writes(self, device: str, on: bool) -> None:
        (self.refusing.add if on else self.refusing.discard)(device)

    async def busy(self, device: str, on: bool) -> None:
        (self.busy_ones.add if on else self.busy_ones.discard)(device)

    async def swallow(self, on: bool) -> None:
        self.swallowing = on

    async def spoil(self, device: str, point: str, on: bool) -> None:
        (self.spoilt.add if on else self.spoilt.discard)((device, point))

    async def confuse(self, on: bool) -> None:
        self.confusing = on

    def unencodable(self, device: str, point: str) -> float:
        return 10_000.0
