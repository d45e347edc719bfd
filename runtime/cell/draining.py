"""A cell that hands over: it begins nothing new, and what it has begun reaches its end."""

from __future__ import annotations

import asyncio
from typing import Any

_LOOK_S = 0.005


async def drain(service: Any, grace_s: float) -> bool:
    """Let a device cell send everything on to its successor and end what is in hand.

    Other cells remember on disk, or not at all, and have nothing to wait for. Returns True when
    nothing is in hand, False after ``grace_s`` seconds.
    """
    if service.config.role != "device":
        return True
    service.draining = True
    until = service.loop.time() + grace_s
    while service.intake.running and service.loop.time() < until:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_S)
    return not service.intake.running
