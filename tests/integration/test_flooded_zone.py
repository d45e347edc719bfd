"""A zone that is asked for ten times more than it can do says BUSY early, and lets nobody wait."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import zmq
from small_city import small_city

from jacquemart.native import frames
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.cell.command_desk import CommandDesk
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.record import RecordKind

LAMPS = 300
#: What a zone of this test takes for each command that it accepts, in s; none does more a second.
EACH_S = 0.0005
COUNT, RATE = 16_000, 20_000.0
WITHIN_NS = 5_000_000_000
#: By then each has its end: five seconds after its deadline.
LAST_S = 12.0


def test_ten_times_too_much_is_applied_or_busy_and_never_expires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = CommandDesk.append

    def slow(desk: CommandDesk, zone: Any, draft: Any, done: Any, *, hurry: bool = True) -> None:
        if draft.kind is RecordKind.ACCEPTED:
            time.sleep(EACH_S)
        append(desk, zone, draft, done, hurry=hurry)

    monkeypatch.setattr(CommandDesk, "append", slow)
    ended: Counter[str] = Counter()
    with (
        small_city(tmp_path, lamps=LAMPS) as city,
        zmq.Context() as context,
        context.socket(zmq.DEALER) as socket,
    ):
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = 0
        socket.connect(city.api)
        began = time.perf_counter()
        until = began + LAST_S + COUNT / RATE
        sent = 0
        while sum(ended.values()) < COUNT and time.perf_counter() < until:
            due = min(COUNT, int((time.perf_counter() - began) * RATE))
            for number in range(sent, due):
                command = frames.Command(
                    os.urandom(16), "", f"north-{number % LAMPS + 1}", "set", "setpoint",
                    float(number % 100), "", 8, boot_ns() + WITHIN_NS, 0,
                )  # fmt: skip
                socket.send_multipart([b"t", frames.encode_command(command)])
            sent = due
            while socket.poll(5):
                found = frames.decode_outcome(socket.recv_multipart()[1])
                ended[f"{Status(found.status).name} {found.reason}"] += 1
                if found.reason == Reason.BUSY and found.status == Status.REJECTED:
                    assert re.search(r"retry in \d+ ms", found.detail), found.detail
    assert sum(ended.values()) == COUNT
    assert set(ended) == {f"APPLIED {Reason.OK}", f"REJECTED {Reason.BUSY}"}, ended
    assert ended[f"APPLIED {Reason.OK}"] >= 300
