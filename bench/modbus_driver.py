"""What does one Modbus transaction cost in our driver, compared with bare pymodbus?

Both read the same registers from the same server, a process of its own, in turns; the figure is
processor time of this process a transaction, the least of several rounds. The ratio is what to
keep: absolute figures move with the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import uvloop
from pymodbus.client import AsyncModbusTcpClient

from jacquemart.drivers.modbus import ModbusDriver
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec
from jacquemart.runtime.model.field import BoundPoint

LEVEL = PointSpec(
    "level", address={"table": "holding", "address": 0, "step": 1, "scale": 0.1}, writable=True
)


class Registers(asyncio.Protocol):
    """Answers each read of registers with sevens, in one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        count = int.from_bytes(data[10:12], "big")
        head = data[:4] + (3 + 2 * count).to_bytes(2, "big") + data[6:8] + bytes((2 * count,))
        self.transport.write(head + b"\0\7" * count)  # type: ignore[attr-defined]


def serve(told: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Registers, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


async def cpu_us(read: Callable[[], Awaitable[object]], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        await read()
    return (time.process_time() - start) / times * 1e6


async def compare(port: int, count: int, times: int, rounds: int) -> dict[str, float]:
    bare = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0, reconnect_delay=0)
    await bare.connect()
    options = {"host": "127.0.0.1", "port": port}
    driver = ModbusDriver(LinkSpec("bench", "modbus", "zone", options), lambda *_: None)
    points = []
    for index in range(count):
        device = DeviceSpec(f"lamp-{index}", "lamp", "zone", "bench", index=index)
        points.append(BoundPoint(index, device, LEVEL, driver.address_of(LEVEL, device)))
    await driver.open()
    plan = driver.plan(points)
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "pymodbus": lambda: bare.read_holding_registers(0, count=count),
        "driver": lambda: driver.read(plan),
    }
    least = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, read in ways.items():
            least[name] = min(least[name], await cpu_us(read, times))
    bare.close()
    await driver.close()
    return {
        "registers": count,
        "pymodbus_cpu_us": round(least["pymodbus"], 1),
        "driver_cpu_us": round(least["driver"], 1),
        "ratio": round(least["driver"] / least["pymodbus"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--times", type=int, default=2_000, help="transactions a round")
    parser.add_argument("--rounds", type=int, default=4)
    chosen = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    told, tells = context.Pipe()
    server = context.Process(target=serve, args=(tells,), daemon=True)
    server.start()
    try:
        port = told.recv()
        rows = [
            uvloop.run(compare(port, count, chosen.times, chosen.rounds))
            for count in (1, 10, 54, 125)
        ]
    finally:
        server.terminate()
        server.join()
    if chosen.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(
            f"{row['registers']:>4} registers: pymodbus {row['pymodbus_cpu_us']:>6.1f} us, "
            f"driver {row['driver_cpu_us']:>6.1f} us, ratio {row['ratio']:.2f}"
        )


if __name__ == "__main__":
    main()
