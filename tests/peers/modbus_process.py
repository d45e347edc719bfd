"""Modbus servers in a process of their own, so that no thread of the test holds them up.

Run as a script, it prints the ports of as many servers as it is told, and ends with its standard
input. The unit ``COUNTER`` tells in register 0 how many connections its server has had.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from hostile_modbus import HostileModbus

COUNTER = 247


class CountingModbus(HostileModbus):
    """Tells its connections as a register."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.unit(COUNTER).registers[0] = self.connections + 1
        await super()._serve(reader, writer)


class ModbusProcess:
    """The servers, and a connection to each of them for the test itself."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.ports: list[int] = []
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(self._count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.ports = [int(port) for port in self._process.stdout.readline().split()]
        self._lines = [socket.create_connection(("127.0.0.1", port), 5.0) for port in self.ports]
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            line.close()
        self._process.communicate(timeout=10.0)

    def value(self, server: int, unit: int, place: int) -> int:
        """Return what a register holds."""
        answer = self._ask(server, unit, struct.pack(">BHH", 3, place, 1))
        return int(struct.unpack(">H", answer[2:4])[0])

    def hold(self, server: int, unit: int, place: int, value: int) -> None:
        """Let a register hold a value."""
        self._ask(server, unit, struct.pack(">BHH", 6, place, value))

    def connections(self) -> list[int]:
        """Return how many connections each server has had, this test's own included."""
        return [self.value(at, COUNTER, 0) for at in range(self._count)]

    def _ask(self, server: int, unit: int, pdu: bytes) -> bytes:
        with self._lock:
            line = self._lines[server]
            line.sendall(struct.pack(">HHHB", 1, 0, len(pdu) + 1, unit) + pdu)
            head = line.recv(7, socket.MSG_WAITALL)
            return line.recv(struct.unpack(">HHHB", head)[2] - 1, socket.MSG_WAITALL)


async def _serve(count: int) -> None:
    servers = [CountingModbus() for _ in range(count)]
    for server in servers:
        await server.__aenter__()
    print(*(server.port for server in servers), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    asyncio.run(_serve(int(sys.argv[1])))
