"""Modbus servers without anything in them, in one lean process, so that clients are what costs.

Run as a script, it prints the ports of so many servers; each line of standard input asks for how
many requests have been answered, and it ends with its standard input.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from pathlib import Path
from typing import Self

import uvloop


class Registers(asyncio.Protocol):
    """Answers each read of registers with sevens, in one piece."""

    answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        Registers.answered += 1
        count = int.from_bytes(data[10:12], "big")
        head = data[:4] + (3 + 2 * count).to_bytes(2, "big") + data[6:8] + bytes((2 * count,))
        self.transport.write(head + b"\0\7" * count)  # type: ignore[attr-defined]


class ModbusField:
    """So many servers on loopback, and how often they have answered."""

    def __init__(self, servers: int) -> None:
        self._servers = servers
        self.ports: list[int] = []

    def __enter__(self) -> Self:
        """Start them."""
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), str(self._servers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.ports = [int(port) for port in self._process.stdout.readline().split()]
        if len(self.ports) != self._servers:
            raise SystemExit("the Modbus servers did not start")
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        self._process.communicate(timeout=20)

    def answered(self) -> int:
        """Return how many requests all of them have answered so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


async def _serve(count: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Registers, "127.0.0.1", 0) for _ in range(count)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    ended = loop.create_future()

    def asked() -> None:
        if sys.stdin.readline():
            print(Registers.answered, flush=True)
        else:
            loop.remove_reader(sys.stdin)
            ended.set_result(None)

    loop.add_reader(sys.stdin, asked)
    await ended


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(_serve(int(sys.argv[1])))
