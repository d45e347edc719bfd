"""asyncua (OPC UA): one method of one object."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

from peers.base import ServedPeer, lacks

NAME = "asyncua"
INSTALL = "pip install asyncua"


def missing() -> str | None:
    """Return why it cannot be measured here."""
    return lacks("asyncua", INSTALL)


class Peer(ServedPeer):
    """A client on a loop that runs for each call."""

    FILE = Path(__file__).resolve()

    def connect(self, address: str) -> None:
        """Connect."""
        from asyncua import Client, ua

        self._loop = asyncio.new_event_loop()
        self._client = Client(address)
        self._loop.run_until_complete(self._client.connect())
        self._box = self._client.get_node(ua.NodeId("box", 2))
        self._ping = ua.NodeId("ping", 2)

    def call(self, value: float) -> float:
        """Send one command."""
        return float(self._loop.run_until_complete(self._box.call_method(self._ping, value)))

    def disconnect(self) -> None:
        """Disconnect."""
        self._loop.run_until_complete(self._client.disconnect())
        self._loop.close()


async def answer() -> None:
    """Answer for ever."""
    from asyncua import Server, ua, uamethod

    @uamethod
    def ping(_: Any, value: float) -> float:
        return value

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/bench")
    await server.register_namespace("urn:bench")
    box = await server.nodes.objects.add_object(ua.NodeId("box", 2), ua.QualifiedName("box", 2))
    kind = [ua.VariantType.Double]
    await box.add_method(ua.NodeId("ping", 2), ua.QualifiedName("ping", 2), ping, kind, kind)
    async with server:
        print(f"opc.tcp://127.0.0.1:{port}/bench", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    import logging

    logging.disable(logging.CRITICAL)
    asyncio.run(answer())
