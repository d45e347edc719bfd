"""The driver against Modbus servers and clients that others wrote."""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import uvloop
from modbus_points import bound, driver, levels, numbers, point
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pyModbusTCP.server import DataBank, ModbusServer

from jacquemart.runtime.model.errors import DeviceRefused, LinkError, OutcomeUnknown
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.model.quality import Quality


@asynccontextmanager
async def pymodbus_server(*devices: SimDevice) -> AsyncIterator[int]:
    """Serve devices; give the port."""
    server = ModbusTcpServer(list(devices), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        yield server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


def device(unit: int = 1, *, holding: int = 200, action: object = None) -> SimDevice:
    """Return a unit with four tables; the holding registers end early."""
    bits = DataType.BITS
    return SimDevice(
        unit,
        (
            [SimData(0, values=[False] * 64, datatype=bits)],
            [SimData(0, values=[place % 3 == 0 for place in range(64)], datatype=bits)],
            [SimData(0, count=holding, values=0, datatype=DataType.REGISTERS)],
            [SimData(0, values=list(range(500)), datatype=DataType.REGISTERS)],
        ),
        action=action,  # type: ignore[arg-type]
    )


@contextmanager
def pymodbustcp_server() -> Iterator[tuple[int, DataBank]]:
    """Serve all units and addresses from a thread; give the port and the memory."""
    bank = DataBank()
    server = ModbusServer("127.0.0.1", 0, no_block=True, data_bank=bank)
    server.start()
    try:
        yield server._service.server_address[1], bank
    finally:
        server.stop()


def wide_points() -> list[tuple[BoundPoint, float]]:
    """Return a value of each format in each word order, far apart and near each other."""
    values = {"i16": -1234.0, "u32": 3e9, "i32": -2e9, "f32": 21.5, "u64": 2.0**40,
              "i64": -(2.0**50), "f64": 1e-3}  # fmt: skip
    points = []
    start = 0
    for name, value in values.items():
        for order in ("ABCD", "CDAB", "BADC", "DCBA"):
            spec = point(name, table="holding", address=start, format=name, word_order=order)
            points.append((bound(spec), value))
            start += {"1": 1, "3": 2, "6": 4}[name[1]]
    return points


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_all_tables_of_a_pymodbus_server_are_read_and_written(loop: object) -> None:
    async def run() -> None:
        async with pymodbus_server(device(1), device(2)) as port:
            unit = driver(port, timeout_ms=2_000)
            await unit.open()
            coils, inputs = levels(40, table="coil"), levels(40, table="discrete", unit=2)
            plan = unit.plan([*coils, *inputs, *levels(130, table="input")])
            assert numbers(await unit.read(plan)) == [
                *([0.0] * 40),
                *(float(place % 3 == 0) for place in range(40)),
                *map(float, range(130)),
            ]
            states = [float(place % 2) for place in range(40)]
            written = await unit.write(list(zip(coils, states, strict=True)))
            assert written == [None] * 40
            assert numbers(await unit.read(plan))[:40] == states
            await unit.close()

    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        runner.run(run())


def test_every_format_and_word_order_comes_back_from_a_pymodbus_server() -> None:
    async def run() -> None:
        async with pymodbus_server(device()) as port:
            unit = driver(port, timeout_ms=2_000)
            await unit.open()
            wanted = wide_points()
            assert await unit.write(wanted) == [None] * len(wanted)
            plan = unit.plan([one for one, _ in wanted])
            assert numbers(await unit.read(plan)) == [value for _, value in wanted]
            await unit.close()

    asyncio.run(run())


def test_a_pymodbus_server_refuses_what_it_does_not_have() -> None:
    async def run() -> None:
        async with pymodbus_server(device(holding=20)) as port:
            unit = driver(port, timeout_ms=2_000)
            await unit.open()
            points = levels(25)
            values = await unit.read(unit.plan(points))
            assert numbers(values[:20]) == [0.0] * 20
            for value in values[20:]:
                assert isinstance(value, Bad)
                assert value.quality is Quality.BAD_CONFIG
            results = await unit.write([(one, 5.0) for one in points])
            assert results[:20] == [None] * 20
            assert {type(result) for result in results[20:]} == {DeviceRefused}
            await unit.close()

    asyncio.run(run())


def test_a_failing_device_leaves_its_writes_unknown() -> None:
    async def fails(function: int, *_: object) -> ExcCodes | None:
        return ExcCodes.DEVICE_FAILURE if function == 6 else None

    async def run() -> None:
        async with pymodbus_server(device(action=fails)) as port:
            unit = driver(port, timeout_ms=2_000)
            await unit.open()
            (error,) = await unit.write([(levels(1)[0], 5.0)])
            assert type(error) is OutcomeUnknown
            await unit.close()

    asyncio.run(run())


def test_a_server_that_restarts_is_found_again_by_opening_again() -> None:
    async def run() -> None:
        async with pymodbus_server(device()) as port:
            unit = driver(port, timeout_ms=2_000)
            await unit.open()
            plan = unit.plan(levels(3))
            numbers(await unit.read(plan))
        await asyncio.sleep(0.05)
        with pytest.raises(LinkError, match="closed by the other end"):
            await unit.read(plan)
        with pytest.raises(LinkError, match=f"127.0.0.1:{port}"):
            await unit.open()
        server = ModbusTcpServer([device()], address=("127.0.0.1", port))
        await server.serve_forever(background=True)
        await unit.open()
        numbers(await unit.read(plan))
        await unit.close()
        await server.shutdown()

    asyncio.run(run())


def test_a_pymodbustcp_server_holds_what_we_wrote_and_gives_what_it_holds() -> None:
    with pymodbustcp_server() as (port, bank):

        async def run() -> None:
            unit = driver(port, timeout_ms=2_000)
            await unit.open()
            wanted = wide_points()
            assert await unit.write(wanted) == [None] * len(wanted)
            plan = unit.plan([one for one, _ in wanted])
            assert numbers(await unit.read(plan)) == [value for _, value in wanted]
            bank.set_input_registers(10, list(struct.unpack(">2H", struct.pack(">f", 50.02))))
            frequency = bound(
                point(writable=False, table="input", address=10, format="f32"), unit=9
            )
            (hertz,) = numbers(await unit.read(unit.plan([frequency])))
            assert hertz == pytest.approx(50.02, abs=1e-5)
            coils = levels(9, table="coil", start=3)
            assert await unit.write([(one, 1.0) for one in coils]) == [None] * 9
            await unit.close()

        asyncio.run(run())
        assert bank.get_coils(0, 16) == [False] * 3 + [True] * 9 + [False] * 4
        assert bank.get_holding_registers(0, 1) == [65536 - 1234]


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed")
def test_mbpoll_reads_what_we_wrote() -> None:
    """libmodbus, by way of mbpoll, is the independent witness; it counts addresses from 1."""

    async def mbpoll(port: int, table: str, first: int, count: int) -> list[str]:
        process = await asyncio.create_subprocess_exec(
            "mbpoll", "-m", "tcp", "-p", str(port), "-a", "1", "-t", table, "-r", str(first + 1),
            "-c", str(count), "-1", "127.0.0.1",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 0, output.decode()
        return re.findall(r"^\[\d+\]:\s+(\S+)", output.decode(), re.MULTILINE)

    async def run() -> None:
        async with pymodbus_server(device()) as port:
            unit = driver(port, timeout_ms=2_000)
            await unit.open()
            dim = point(table="holding", address=7, step=1, scale=0.1)
            lamps = [bound(dim, index=index) for index in range(5)]
            power = bound(point(table="holding", address=20, format="f32", word_order="CDAB"))
            coil = bound(point(table="coil", address=12))
            written = await unit.write(
                [*((lamp, 80.0 + at / 10) for at, lamp in enumerate(lamps)),
                 (power, 1234.5), (coil, 1.0)]
            )  # fmt: skip
            assert written == [None] * 7
            assert await mbpoll(port, "4", 7, 5) == ["800", "801", "802", "803", "804"]
            assert await mbpoll(port, "4:float", 20, 1) == ["1234.5"]
            assert await mbpoll(port, "0", 12, 1) == ["1"]
            await unit.close()

    asyncio.run(run())
