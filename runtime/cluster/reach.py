"""Which nodes of a Ray cluster can be reached now, by asking their hosts and not Ray.

*Theory.* Ray takes a lost host for alive until its health checks have failed: 4.5 s with the
settings of an embedded Ray, 12 s with its defaults, and 66 s where the host does not even refuse.
Until then it would put actors there, and hold whoever waits for them. A raylet that lives accepts
a TCP connection at once: its kernel does, however busy the raylet is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

#: How long a host may take to accept: three tries of TCP are more, and a city's network is near.
PATIENCE_S = 1.0

Endpoint = tuple[str, int]


def reachable(nodes: Mapping[str, Endpoint], patience_s: float = PATIENCE_S) -> set[str]:
    """Return the nodes whose address accepts a TCP connection. Blocks for ``patience_s`` at most.

    Args:
        nodes: node -> address and port of its raylet.
        patience_s: how long one may take, in seconds.
    """
    if not nodes:
        return set()
    return asyncio.run(_reachable(nodes, patience_s))


async def _reachable(nodes: Mapping[str, Endpoint], patience_s: float) -> set[str]:
    found = await asyncio.gather(*(_accepts(*at, patience_s) for at in nodes.values()))
    return {node for node, accepts in zip(nodes, found, strict=True) if accepts}


async def _accepts(address: str, port: int, patience_s: float) -> bool:
    with contextlib.suppress(OSError, TimeoutError):
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), patience_s)
        writer.transport.abort()
        return True
    return False
