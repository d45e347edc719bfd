"""Plain pyzmq and msgpack: a blocking server, DEALER to ROUTER."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import msgpack
import zmq

from peers.base import ServedPeer

NAME = "pyzmq"
INSTALL = "pip install pyzmq msgpack"


def missing() -> str | None:
    """Return None: both are what we need ourselves."""
    return None


class Peer(ServedPeer):
    """A DEALER."""

    FILE = Path(__file__).resolve()

    def connect(self, address: str) -> None:
        """Connect."""
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.connect(address)

    def call(self, value: float) -> float:
        """Send one command."""
        self._socket.send(msgpack.packb({"device": "box", "verb": "ping", "value": value}))
        return float(msgpack.unpackb(self._socket.recv())["value"])

    def disconnect(self) -> None:
        """Disconnect."""
        self._socket.close(0)
        self._context.term()


def serve() -> None:
    """Answer for ever."""
    socket = zmq.Context().socket(zmq.ROUTER)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    print(f"tcp://127.0.0.1:{port}", flush=True)
    while True:
        peer, frame = socket.recv_multipart()
        command = msgpack.unpackb(frame)
        socket.send_multipart((peer, msgpack.packb({"status": 0, "value": command["value"]})))


if __name__ == "__main__":
    serve()
