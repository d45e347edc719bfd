"""A line protocol on TCP: one line in, one JSON document out, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

LONGEST = 4096
"""A line beyond this ends the connection: no client of ours writes one."""

Answer = dict[str, Any]


class Lines(asyncio.Protocol):
    """Serves one client, one line at a time.

    A protocol and not a stream: the task of a stream that is cancelled before its first step,
    because the field ends just then, is logged as a failure of the field.
    """

    def __init__(self, obey: Callable[[list[str]], Awaitable[Answer]]) -> None:
        """Serve with a function from the words of a line to its answer."""
        self._obey = obey
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._waiting: list[bytes] = []
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; what is being done is still done, but not told."""
        self._transport = None
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Take the lines that are whole."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST and self._transport is not None:
            self._transport.close()
            return
        self._waiting.extend(lines)
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        while self._waiting:
            line = self._waiting.pop(0)
            answer = await self._obey(line.decode("utf-8", "replace").split())
            if self._transport is not None:
                document = json.dumps(answer, separators=(",", ":"))
                self._transport.write(document.encode() + b"\n")
