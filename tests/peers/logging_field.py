"""A Modbus field of its own process that keeps account of every write, and of nothing else.

What it was told survives whatever happens to the city. Registers 0 … are setpoints; the same
registers are what the lamps then have. As a script it prints its port; each line of its standard
input is answered by the log as JSON, its end ends it.
"""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import Self

from jacquemart.native.pump import boot_ns


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    registers: list[int], log: list[tuple[int, int, int, int]],
) -> None:  # fmt: skip
    try:
        while True:
            head = await reader.readexactly(7)
            transaction, _, length, unit = struct.unpack(">HHHB", head)
            pdu = await reader.readexactly(length - 1)
            function, place, count = struct.unpack(">BHH", pdu[:5])
            if function in (3, 4):
                values = registers[place : place + count]
                back = struct.pack(f">BB{count}H", function, 2 * count, *values)
            elif function == 6:
                registers[place] = count
                log.append((boot_ns(), unit, place, count))
                back = pdu
            else:
                for at, value in enumerate(struct.unpack(f">{count}H", pdu[6:])):
                    registers[place + at] = value
                    log.append((boot_ns(), unit, place + at, value))
                back = pdu[:5]
            writer.write(struct.pack(">HHHB", transaction, 0, len(back) + 1, unit) + back)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _run(host: str) -> None:
    registers: list[int] = [0] * 1_000
    log: list[tuple[int, int, int, int]] = []
    server = await asyncio.start_server(lambda r, w: _serve(r, w, registers, log), host, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(log), flush=True)


class LoggingField:
    """The process; use it with ``with``."""

    def __init__(self, host: str = "127.0.0.1", prefix: Sequence[str] = ()) -> None:
        """Listen on ``host``; ``prefix`` is a command to run it by (``ip netns exec …``)."""
        self._command = [*prefix, sys.executable, __file__, host]
        self.port = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10.0)

    @property
    def writes(self) -> list[tuple[int, int, int, int]]:
        """What was written so far: (boot-time ns, unit, register, value), in order."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return [tuple(row) for row in json.loads(self._process.stdout.readline())]


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1]))
