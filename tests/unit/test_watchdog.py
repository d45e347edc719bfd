"""A held loop is named, and ends its process only where the process is its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jacquemart.runtime.actor import Actor
from jacquemart.runtime.cell.ledger import Ledger
from jacquemart.runtime.cell.watchdog import EXIT_CODE, LoopWatchdog


@pytest.fixture
def looping() -> Iterator[tuple[asyncio.AbstractEventLoop, threading.Thread]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop, thread
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Sleeper(Actor):
    def snore(self, seconds: float) -> None:
        time.sleep(seconds)


def sleeper() -> Sleeper:
    host: Any = SimpleNamespace()
    return Sleeper("sleepy-1", host)


def test_a_loop_that_turns_stamps_and_is_never_held(looping: Any) -> None:
    watchdog = LoopWatchdog(*looping, "cell")
    time.sleep(0.9)
    watchdog.stop()
    assert watchdog.stamp >= 2
    assert watchdog.held_ms == 0
    assert not watchdog.held


def test_p8_who_holds_the_loop_is_named_and_the_process_ended_hard(
    looping: Any, tmp_path: Path
) -> None:
    loop, thread = looping
    path = str(tmp_path / "ledger")
    ledger = Ledger.create(path)
    ends: list[int] = []
    watchdog = LoopWatchdog(loop, thread, "cell", ledger, 0.8, ends.append)
    loop.call_soon_threadsafe(sleeper().snore, 1.6)
    give_up = time.monotonic() + 30.0
    while not ends:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    held_ms = watchdog.held_ms
    watchdog.stop()
    assert ends[0] == EXIT_CODE
    assert held_ms >= 700
    assert "snore" in watchdog.held[0]
    left = Ledger.read(path)
    assert left.held_by == "sleepy-1"
    assert left.held_ms >= 700
    ledger.close()


def test_a_process_that_is_not_the_cells_own_is_never_ended(looping: Any) -> None:
    loop, thread = looping
    ends: list[int] = []
    watchdog = LoopWatchdog(loop, thread, "cell", end=ends.append)
    loop.call_soon_threadsafe(sleeper().snore, 1.2)
    time.sleep(1.8)
    watchdog.stop()
    assert watchdog.longest_held_ms >= 600
    assert watchdog.held
    assert not ends
