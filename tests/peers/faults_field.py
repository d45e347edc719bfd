"""The field of `bench/faults.py`: Modbus TCP servers that outlive every cell and note each write.

    python tests/peers/faults_field.py LOG PORTS [ADDRESS]

A process of its own, in a session of its own, so that no fault of the city's reaches it. Prints
its ports as one line. Each write of a 32-bit value goes into LOG as `RECORD`: when (boot-time
clock), which server, which register, which value. Ends with its standard input. Standard library
only: it judges, so it shares nothing with what is judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
import time
from pathlib import Path
from typing import BinaryIO

#: boot_ns, server, register, value.
RECORD = struct.Struct("<QHHI")
_HEAD = struct.Struct(">HHHB")


class Server(asyncio.Protocol):
    """One connection to one server; registers belong to the server."""

    def __init__(self, number: int, registers: dict[int, int], log: BinaryIO) -> None:
        self._number = number
        self._registers = registers
        self._log = log
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            transaction, _, length, unit = _HEAD.unpack_from(self._buffer)
            end = 6 + length
            if len(self._buffer) < end:
                return
            answer = self._answer(self._buffer[7:end])
            self._buffer = self._buffer[end:]
            head = _HEAD.pack(transaction, 0, len(answer) + 1, unit)
            self._transport.write(head + answer)

    def _answer(self, pdu: bytes) -> bytes:
        function, at, count = struct.unpack_from(">BHH", pdu)
        if function == 3:
            values = (self._registers.get(at + k, 0) for k in range(count))
            return struct.pack(f">BB{count}H", 3, 2 * count, *values)
        if function == 16:
            now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            words = struct.unpack_from(f">{count}H", pdu, 6)
            for k in range(0, count - 1, 2):
                value = words[k] << 16 | words[k + 1]
                self._log.write(RECORD.pack(now, self._number, at + k, value))
            self._log.flush()
            self._registers.update((at + k, word) for k, word in enumerate(words))
            return pdu[:5]
        return bytes((function | 0x80, 1))


async def serve(log: BinaryIO, count: int, address: str) -> None:
    loop = asyncio.get_running_loop()
    ports = []
    for number in range(count):
        registers: dict[int, int] = {}
        made = await loop.create_server(
            lambda number=number, registers=registers: Server(number, registers, log),  # type: ignore[misc]
            address,
            0,
        )
        ports.append(made.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    with Path(sys.argv[1]).open("wb") as log, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(log, int(sys.argv[2]), (*sys.argv, "127.0.0.1")[3]))


if __name__ == "__main__":
    main()
