"""A cabinet or building on the network: its address, who is connected, and how it behaves there."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from field.behaviours import BEHAVIOURS
from field.connection import Connection
from field.errors import FieldError
from field.modbus import written_registers
from field.registers import LAMPS_UNIT, SETPOINTS

Standing = Literal["ok", "dead", "mute", "hostile"]
BACKLOG = 64


class Served(Protocol):
    """What a station serves: a cabinet, or a building."""

    id: str

    @property
    def lamps(self) -> Sequence[Any]:
        """Return the lamps behind it, in the order of their registers."""

    def answer(self, unit_id: int, pdu: bytes, now: float) -> bytes:
        """Return the reply to a request PDU for a unit."""


@dataclass(slots=True)
class Tally:
    """What all stations together have seen."""

    requests: int = 0
    accepted: int = 0
    connections: int = 0
    bad_frames: int = 0


class Station:
    """Listens at one address for one cabinet.

    Attributes:
        standing: ok, or what kind of trouble the cabinet makes; the account goes by it.
        behaviour: how requests are answered (see ``behaviours``).
    """

    def __init__(
        self,
        cabinet: Served,
        host: str,
        port: int,
        *,
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        tally: Tally,
        what: str = "cabinet",
    ) -> None:
        """Prepare; ``listen`` opens the address. ``what`` is served there, for messages."""
        self.cabinet: Any = cabinet
        self.what = what
        self.host = host
        self.port = port
        self.clock = clock
        self.loop = loop
        self.tally = tally
        self.standing: Standing = "ok"
        self.behaviour_name = "normal"
        self.behaviour = BEHAVIOURS["normal"]
        self.connections: set[Connection] = set()
        self._server: asyncio.AbstractServer | None = None

    @property
    def listening(self) -> bool:
        """Return whether a client can connect."""
        return self._server is not None

    async def listen(self) -> None:
        """Open the address.

        Raises:
            FieldError: it is taken, or cannot be had.
        """
        if self._server is not None:
            return
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self.host, self.port))
            sock.listen(BACKLOG)
            sock.setblocking(False)
            self._server = await self.loop.create_server(
                lambda: Connection(self), sock=sock, backlog=BACKLOG
            )
        except OSError as error:
            sock.close()
            where = f"{self.host}:{self.port} ({self.what} {self.cabinet.id})"
            if error.errno == errno.EADDRINUSE:
                raise FieldError(f"{where}: the address is taken; is a field running?") from error
            raise FieldError(f"{where}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the address, so that connecting is refused, and reset who is connected."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()

    def reset(self) -> None:
        """Reset every connection there is."""
        for connection in tuple(self.connections):
            connection.reset()

    def behave(self, name: str) -> None:
        """Answer in this way from the next request on."""
        self.behaviour = BEHAVIOURS[name]
        self.behaviour_name = name

    def joined(self, connection: Connection) -> None:
        """Count a new connection."""
        self.connections.add(connection)
        self.tally.accepted += 1
        self.tally.connections += 1

    def left(self, connection: Connection) -> None:
        """Count a connection that ended."""
        self.connections.discard(connection)
        self.tally.connections -= 1

    def note_unclear(self, unit: int, pdu: bytes) -> None:
        """Remember for each lamp that no answer will tell what became of a write to it."""
        if unit != LAMPS_UNIT:
            return
        lamps = self.cabinet.lamps
        for register in written_registers(pdu):
            if 0 <= register - SETPOINTS < len(lamps):
                lamps[register - SETPOINTS].unclear += 1


class Stations:
    """Stations that are opened and closed together, by the id of what they serve."""

    def __init__(self) -> None:
        """Begin without any."""
        self.stations: dict[str, Station] = {}

    async def open(self) -> None:
        """Listen at every address.

        Raises:
            FieldError: one cannot be had; all are closed again.
        """
        try:
            for station in self.stations.values():
                await station.listen()
        except FieldError:
            self.close()
            raise

    def close(self) -> None:
        """Close every address and every connection."""
        for station in self.stations.values():
            station.close()
