"""Waiting for what a running city does in its own time, but not for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


async def until(found: Callable[[], bool], seconds: float = 20.0) -> None:
    """Let the loop go on until something is so."""
    give_up = time.monotonic() + seconds
    while True:
        if found():
            return
        assert time.monotonic() < give_up, "waited in vain"
        await asyncio.sleep(0.01)


def soon(look: Callable[[], Found], seconds: float = 30.0) -> Found:
    """Look until something is found, on a thread without a loop; return it."""
    give_up = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < give_up, "not in time"
        time.sleep(0.02)
    return found


def wait_until(found: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait, on a thread without a loop, until something is so."""
    give_up = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.01)
