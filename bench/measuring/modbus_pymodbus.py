"""What a program on bare pymodbus does: a client a server, each asked for one block of registers.

    modbus_pymodbus.py REGISTERS SECONDS PERIOD_MS < ports

On uvloop, as our cells are, with nothing made of the answers but their numbers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
import time

import uvloop
from pymodbus.client import AsyncModbusTcpClient


class Poller:
    """Asks each server every period, or as fast as they answer."""

    def __init__(self, registers: int, period_s: float, end_s: float) -> None:
        self.registers, self.period_s, self.end_s = registers, period_s, end_s
        self.answered = 0

    async def poll(self, client: AsyncModbusTcpClient, first_s: float) -> None:
        loop = asyncio.get_running_loop()
        due = first_s
        while loop.time() < self.end_s:
            if self.period_s:
                await asyncio.sleep(due - loop.time())
                due += self.period_s
            answer = await client.read_holding_registers(0, count=self.registers)
            values = [0.1 * raw for raw in answer.registers]
            if len(values) != self.registers:
                raise SystemExit(f"a broken answer: {answer}")
            self.answered += 1


async def main(registers: int, seconds: float, period_s: float, ports: list[int]) -> None:
    loop = asyncio.get_running_loop()
    clients = []
    for port in ports:
        client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0, reconnect_delay=0)
        if not await client.connect():
            raise SystemExit(f"nobody on port {port}")
        clients.append(client)
    began, used = loop.time(), time.process_time()
    poller = Poller(registers, period_s, began + seconds)
    phases = [began + period_s * at / len(clients) for at in range(len(clients))]
    await asyncio.gather(*map(poller.poll, clients, phases))
    print(
        json.dumps(
            {
                "transactions": poller.answered,
                "cpu_s": time.process_time() - used,
                "seconds": loop.time() - began,
            }
        )
    )
    for client in clients:
        client.close()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL + 1)
    uvloop.run(
        main(
            int(sys.argv[1]),
            float(sys.argv[2]),
            float(sys.argv[3]) / 1e3,
            list(map(int, sys.stdin.read().split())),
        )
    )
