"""The marks of a cell in plain Python: what ``native.marks`` must equal, as a reader sees it."""

from __future__ import annotations

import mmap
import os
from typing import Any

import msgpack

from jacquemart.runtime.cell import ledger_layout as at
from jacquemart.runtime.cell.ledger import KEPT_FREE


class OracleMarks:
    """Writes what a cell leaves of its messages, entry by entry with ``struct``."""

    def __init__(self, path: str) -> None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.ftruncate(fd, at.SIZE)
        self.pages = mmap.mmap(fd, at.SIZE)
        os.close(fd)
        self.numbers = memoryview(self.pages).cast("Q")
        self.numbers[at.AT_PID] = os.getpid()
        self.numbers[at.AT_VERSION] = at.VERSION
        self.numbers[at.AT_MAGIC] = at.MAGIC
        self.free = list(range(at.SLOTS - 1, -1, -1))
        self.stamp = self.count = self.unmarked = 0

    def handling(self, message: Any) -> int:
        if not self.free:
            self.unmarked += 1
            return -1
        slot = self.free.pop()
        self.stamp += 1
        content = self._content(message)
        at.SLOT.pack_into(
            self.pages, at.AT_SLOTS + slot * at.SLOT.size, self.stamp, len(content), content,
            self.stamp,
        )  # fmt: skip
        self.numbers[at.AT_RUNNING] = slot + 1
        return slot

    def returned(self, token: int, *, later: bool) -> int:
        if token < 0:
            return -1
        self.numbers[at.AT_RUNNING] = 0
        if later and len(self.free) >= KEPT_FREE:
            return token
        self.unmarked += later
        self.handled(token)
        return -1

    def handled(self, token: int) -> None:
        if token >= 0:
            self.numbers[(at.AT_SLOTS + token * at.SLOT.size) >> 3] = 0
            self.free.append(token)

    def sent(self, command: bytes, now_ns: int) -> None:
        if self.count % at.BLOCK == 0:
            self.numbers[at.AT_BLOCKS + self.count // at.BLOCK % at.BLOCKS] = now_ns
        place = at.AT_RING + self.count % at.RING * at.DIGEST
        self.pages[place : place + at.DIGEST] = command
        self.count += 1
        self.numbers[at.AT_SENT] = self.count

    def sent_each(self, commands: bytes, now_ns: int) -> None:
        for begin in range(0, len(commands), at.DIGEST):
            self.sent(commands[begin : begin + at.DIGEST], now_ns)

    def close(self) -> None:
        self.numbers.release()
        self.pages.close()

    def _content(self, message: Any) -> bytes:
        parts = (message.principal, message.device, message.verb, message.point)
        try:
            content: bytes = msgpack.packb((
                message.id, *parts, message.value, message.unit, message.priority, message.of_bulk,
            ))  # fmt: skip
        except (ValueError, OverflowError):
            content = b""
        if 0 < len(content) <= at.TEXT:
            return content
        cut = (part.encode()[:100].decode(errors="ignore") for part in parts)
        shortened: bytes = msgpack.packb((message.id, *cut))
        return shortened
