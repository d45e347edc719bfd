"""The Modbus peer for the conformance kit: two units behind one server that obeys the cards."""

from __future__ import annotations

import asyncio
import struct

from hostile_modbus import (
    Act,
    HostileModbus,
    Request,
    answer,
    exception,
    silent,
    wrong_function,
    wrong_transaction,
)

from jacquemart.drivers.conformance import Peer, PeerField
from jacquemart.drivers.modbus import ModbusDriver
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec

READS = frozenset({1, 2, 3, 4})
FLOW = 10
POINTS = (
    PointSpec(
        "set", low=0.0, high=1_000.0, writable=True, feedback="level",
        address={"table": "holding", "address": 0},
    ),
    PointSpec("level", low=0.0, high=1_000.0, address={"table": "input", "address": 0}),
    PointSpec("door", low=0.0, high=1_000.0, address={"table": "input", "address": 2}),
    PointSpec(
        "flow", low=0.0, high=1_000.0,
        address={"table": "holding", "address": FLOW, "format": "f32", "word_order": "CDAB"},
    ),
)  # fmt: skip
UNITS = {"pump": 1, "valve": 2}


class ModbusField(HostileModbus):
    """The server, which can also stop listening for a while."""

    port = 0

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        self.drop_all()
        await asyncio.sleep(0.01)

    @property
    def open_now(self) -> int:
        return len(self._writers)


class ModbusPeer(Peer):
    """Holding and input registers are one memory, so that ``level`` shows what ``set`` holds."""

    driver = ModbusDriver
    call_limit_s = 4.0
    confusion: Act = staticmethod(wrong_function)
    gone: Act = staticmethod(silent)

    async def start(self) -> PeerField:
        self.field = ModbusField()
        self.field.always = self._act
        self.answers: dict[int, Act] = {}
        self.swallowing = self.confusing = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.holding = asyncio.Event()
        await self.field.listen()
        options = {
            "host": "127.0.0.1", "port": self.field.port, "timeout_ms": 300,
            "connect_timeout_ms": 500, "unit_retry_ms": 0,
        }  # fmt: skip
        link = LinkSpec("cabinet-7", "modbus", "z", options)
        devices = [DeviceSpec(d, "t", "z", link.id, unit_id=unit) for d, unit in UNITS.items()]
        return PeerField(link, [(device, POINTS) for device in devices])

    async def stop(self) -> None:
        self.gate.set()
        await self.field.stop()

    def _act(self, request: Request) -> Act | None:
        is_write = request.pdu[0] not in READS
        act = self.answers.get(request.unit)
        if act is not None and (is_write or act is type(self).gone):
            return act
        if self.swallowing and is_write:
            return silent
        if self.confusing:
            return type(self).confusion
        return None if self.gate.is_set() else self._late

    async def _late(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.holding.set()
        await self.gate.wait()
        if not writer.is_closing():
            await answer(request, writer)

    def _answers(self, device: str, act: Act, on: bool) -> None:
        """Let a unit treat writes this way, without carrying them out."""
        unit = self.field.unit(UNITS[device])
        unit.functions = READS if on else READS | {5, 6, 15, 16}
        if on:
            self.answers[UNITS[device]] = act
        else:
            self.answers.pop(UNITS[device], None)

    async def value(self, device: str, point: str) -> float:
        registers = self.field.unit(UNITS[device]).registers
        if point == "flow":
            low, high = registers.get(FLOW, 0), registers.get(FLOW + 1, 0)
            return float(struct.unpack(">f", struct.pack(">HH", high, low))[0])
        return float(registers.get(2 if point == "door" else 0, 0))

    async def change(self, device: str, point: str, value: float) -> None:
        registers = self.field.unit(UNITS[device]).registers
        if point == "flow":
            registers[FLOW + 1], registers[FLOW] = struct.unpack(">HH", struct.pack(">f", value))
        elif point != "level":
            registers[2 if point == "door" else 0] = int(value)

    async def arrived(self) -> int:
        return sum(request.pdu[0] not in READS for request in self.field.requests)

    async def connections(self) -> int:
        return self.field.open_now

    async def refuse(self, on: bool) -> None:
        await (self.field.stop() if on else self.field.listen())

    async def cut(self) -> None:
        self.field.drop_all()
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
        self._answers(device, type(self).gone, on)

    async def refuse_writes(self, device: str, on: bool) -> None:
        self._answers(device, exception(2), on)

    async def busy(self, device: str, on: bool) -> None:
        self._answers(device, exception(6), on)

    async def swallow(self, on: bool) -> None:
        self.swallowing = on

    async def spoil(self, device: str, point: str, on: bool) -> None:
        unit = self.field.unit(UNITS[device])
        unit.places = set(range(FLOW)) if on else None

    async def confuse(self, on: bool) -> None:
        self.confusing = on

    def unencodable(self, device: str, point: str) -> float:
        return 70_000.0


class GatewayPeer(ModbusPeer):
    """The same behind a gateway, which says itself that a unit is gone; transactions go wrong."""

    gone: Act = staticmethod(exception(11))
    confusion: Act = staticmethod(wrong_transaction)
