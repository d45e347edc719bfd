"""p4p (EPICS PVAccess): one process variable that takes a remote call."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

from peers.base import ServedPeer, lacks

NAME = "p4p"
INSTALL = "pip install p4p"


def missing() -> str | None:
    """Return why it cannot be measured here."""
    return lacks("p4p", INSTALL)


class Peer(ServedPeer):
    """A context that calls."""

    FILE = Path(__file__).resolve()

    def connect(self, address: str) -> None:
        """Connect."""
        from p4p.client.thread import Context
        from p4p.nt import NTURI

        settings = {
            "EPICS_PVA_ADDR_LIST": "",
            "EPICS_PVA_NAME_SERVERS": address,
            "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        }
        self._context = Context("pva", conf=settings, useenv=False)
        self._uri = NTURI([("value", "d")])

    def call(self, value: float) -> float:
        """Send one command."""
        asked = self._uri.wrap("bench:box", kws={"value": value})
        return float(self._context.rpc("bench:box", asked, timeout=10))

    def disconnect(self) -> None:
        """Disconnect."""
        self._context.close()


def serve() -> None:
    """Answer for ever."""
    from p4p.nt import NTScalar
    from p4p.server import Server
    from p4p.server.thread import SharedPV

    kind = NTScalar("d")
    box = SharedPV(nt=kind, initial=0.0)

    @box.rpc
    def ping(_: Any, operation: Any) -> None:
        operation.done(kind.wrap(float(operation.value().query.value)))

    settings = {
        "EPICS_PVAS_INTF_ADDR_LIST": "127.0.0.1",
        "EPICS_PVAS_SERVER_PORT": "0",
        "EPICS_PVAS_BROADCAST_PORT": "0",
    }
    with Server(providers=[{"bench:box": box}], conf=settings, useenv=False) as server:
        print(f"127.0.0.1:{server.conf()['EPICS_PVAS_SERVER_PORT']}", flush=True)
        while True:
            time.sleep(60)


if __name__ == "__main__":
    serve()
