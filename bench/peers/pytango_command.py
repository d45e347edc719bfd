"""PyTango: a device server without a database, and one command."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from peers.base import ServedPeer, lacks

NAME = "pytango"
INSTALL = "pip install pytango"


def missing() -> str | None:
    """Return why it cannot be measured here."""
    return lacks("tango", INSTALL)


class Peer(ServedPeer):
    """A DeviceProxy."""

    FILE = Path(__file__).resolve()

    def connect(self, address: str) -> None:
        """Connect."""
        from tango import DeviceProxy

        assert self.process.stdout is not None
        while "Ready" not in (line := self.process.stdout.readline()):
            if not line:
                raise RuntimeError("the device server did not start")
        self._device = DeviceProxy(address)

    def call(self, value: float) -> float:
        """Send one command."""
        return float(self._device.Ping(value))


def serve() -> None:
    """Answer for ever."""
    from tango.server import Device, command, run

    class Box(Device):
        @command(dtype_in=float, dtype_out=float)
        def Ping(self, value: float) -> float:  # noqa: N802 - Tango's way to write a command
            return value

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    print(f"tango://127.0.0.1:{port}/bench/box/1#dbase=no", flush=True)
    endpoint = f"giop:tcp:127.0.0.1:{port}"
    run([Box], ["Box", "one", "-ORBendPoint", endpoint, "-nodb", "-dlist", "bench/box/1"])


if __name__ == "__main__":
    serve()
