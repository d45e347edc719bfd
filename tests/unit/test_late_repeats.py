"""A command that is repeated long after its deadline is asked for as patiently as any other."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from jacquemart.native import frames
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.cell.errand import Errand
from jacquemart.runtime.cell.waiting import Waiting
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.directory import CellAddress

SECOND = 1_000_000_000


class Gateway:
    """A gateway whose calls go nowhere, and are written down."""

    clock = SystemClock()
    stopping = False

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.waiting = Waiting(loop, self.clock, lambda error: None)
        self.expiries: list[int] = []

    def begun(self) -> None: ...

    def done(self) -> None: ...

    def caller(self, name: str) -> Any:
        return self

    def call(self, frame: bytes, expires_ns: int, answer: Any) -> bool:
        self.expiries.append(expires_ns)
        return True


def test_a_repeat_an_hour_late_has_time_for_its_answer() -> None:
    loop = asyncio.new_event_loop()
    gateway, late = Gateway(loop), max(1, boot_ns() - 3_600 * SECOND)
    command = frames.Command(bytes(16), "alice", "lamp-1", "set", "level", 1.0, "", 8, late, 0)
    home = CellAddress("zone-0", "zone", 1, "inproc://a", "inproc://b", 1, "here", "")
    Errand(
        cast("Any", gateway), cast("Any", None), command, boot_ns(), lambda: home,
        lambda epoch: b"", repeatable=True, place="north",
    ).run()  # fmt: skip
    assert gateway.expiries[0] > boot_ns() + SECOND, "who knows its end may need a moment"
    loop.close()
