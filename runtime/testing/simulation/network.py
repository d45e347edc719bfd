"""The simulated network: connections with delay, that break, clog, and lose what is on its way.

*What is real in it.* A connection keeps its order and loses nothing while it lives, as TCP does;
loss shows as delay. It breaks when a process dies, when a network is cut for longer than ZeroMQ's
heartbeats bear, or when the fault plan says so; then what was under way is lost, from some
message on. Whoever connected tries again, with ZeroMQ's pauses.

*Where it is worse.* No network under TCP can double or reorder the messages of a connection, and
cells rely on that between each other. Clients may: through a proxy, or a library that sends again.
And streams have sequence numbers so that nobody need rely on anything. So ``duplicates`` and
``swaps`` befall these two, and no connection from cell to cell (decision 42).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING
from zlib import crc32

from jacquemart.runtime.testing.simulation.process import SimulatedProcess
from jacquemart.runtime.testing.simulation.scheduler import Scheduler
from jacquemart.runtime.wire.substitute import Message

if TYPE_CHECKING:
    from jacquemart.runtime.testing.simulation.sockets import SimulatedSocket

#: A peer that is not heard for so long is given up (HEARTBEAT_IVL and _TIMEOUT of the sockets).
PEER_LOST_S = 3.0
RECONNECT_S = 0.05
RECONNECT_MOST_S = 2.0
#: One way on one host, and the share of messages that wait for a scheduler or a retransmission.
WAY_S = 30e-6
SLOW_SHARE = 0.02
SLOW_S = 0.004


class Way:
    """One direction of a connection: what is under way keeps its order."""

    __slots__ = ("clogged", "due_ns", "flying", "to", "unread")

    def __init__(self, to: SimulatedSocket) -> None:
        """Lead to a socket; nothing is under way."""
        self.to = to
        self.flying: deque[tuple[int, Message]] = deque()
        self.due_ns = 0
        self.clogged = False
        self.unread = 0
        """Messages that arrived and were not taken yet."""


class Connection:
    """From the socket that connects to the one that is bound."""

    __slots__ = ("client", "down", "server", "streams", "there", "up")

    def __init__(self, client: SimulatedSocket, server: SimulatedSocket) -> None:
        """Be up, with nothing under way."""
        self.streams = server.streams
        self.client = client
        self.server = server
        self.there = Way(server)
        self.down = False
        self.up = Way(client)

    def way_from(self, socket: SimulatedSocket) -> Way:
        """Return the direction away from a socket."""
        return self.there if socket is self.client else self.up

    def other(self, socket: SimulatedSocket) -> SimulatedSocket:
        """Return the other end."""
        return self.server if socket is self.client else self.client

    def between(self, one: str, other: str) -> bool:
        """Whether it is between two processes, whichever connects."""
        names = (self.client.process.name, self.server.process.name)
        return names in ((one, other), (other, one))


class Network:
    """All endpoints and connections of a simulation."""

    def __init__(self, scheduler: Scheduler) -> None:
        """Be whole and fast."""
        self.scheduler = scheduler
        self.endpoints: dict[str, SimulatedSocket] = {}
        self.connections: dict[Connection, None] = {}
        self.outside: set[str] = set()
        """Processes that are none of the city's: clients."""
        self.duplicates = 0.0
        """Share of messages of clients and streams that arrive twice."""
        self.swaps = 0.0
        """Share of messages of clients and streams that the next one overtakes."""
        self.drops = 0.0
        """Share of published messages that a subscriber does not get, as at a high-water mark."""
        self.jitter_s = 0.0
        """Messages between cells take up to so much longer, each as it comes; none overtakes."""
        self.messages = 0
        self.trace = 0
        """A checksum of everything that has arrived, and when."""
        self._rng = scheduler.chance("network")
        self._cuts: dict[frozenset[str], int] = {}
        self._number = 0

    # Life of connections -----------------------------------------------------------------------

    def name(self, process: SimulatedProcess) -> str:
        """Return a new endpoint."""
        self._number += 1
        return f"sim://{process.name}/{self._number}"

    def dial(self, client: SimulatedSocket, endpoint: str, pause_s: float = 0.0) -> None:
        """Try to connect, now or after a pause, and again until it works."""
        wait = pause_s + (4 + 4 * self._rng.random()) * WAY_S
        self.scheduler.after(wait, lambda: self._try(client, endpoint, pause_s))

    def _try(self, client: SimulatedSocket, endpoint: str, pause_s: float) -> None:
        if client.closed:
            return
        server = self.endpoints.get(endpoint)
        known = server is not None and server.knows(client.identity)
        if (
            server is None
            or known  # no hand-over: the first claimant of a name keeps it
            or server.process.frozen
            or client.process.frozen
            or self.is_cut(client.process.name, server.process.name)
        ):
            grown = min(RECONNECT_MOST_S, max(RECONNECT_S, 2 * pause_s))
            self.dial(client, endpoint, grown * (0.75 + 0.5 * self._rng.random()))
            return
        connection = Connection(client, server)
        self.connections[connection] = None
        server.joined(connection)
        client.joined(connection)

    def lose(self, connection: Connection, *, rest: bool = False) -> None:
        """Break a connection: a part of what is under way may still arrive (``rest``), or none."""
        if connection.down:
            return
        connection.down = True
        self.connections.pop(connection, None)
        for way in (connection.there, connection.up):
            arriving = int(self._rng.random() * (len(way.flying) + 1)) if rest else 0
            for _, parts in list(way.flying)[:arriving]:
                way.to.arrived(connection, way, parts)
            way.flying.clear()
        for socket in (connection.client, connection.server):
            socket.left(connection)

    def lose_all_of(self, socket: SimulatedSocket) -> None:
        """Break all connections of a socket that is closed, or whose process is gone."""
        for connection in list(self.connections):
            if socket in (connection.client, connection.server):
                self.lose(connection, rest=True)

    def went_silent(self, process: SimulatedProcess) -> None:
        """Have the peers of a frozen process give it up, if it stays frozen long enough."""
        moment = self.scheduler.now_ns

        def look() -> None:
            if process.frozen and process.frozen_ns == moment:
                for connection in list(self.connections):
                    if process in (connection.client.process, connection.server.process):
                        self.lose(connection, rest=True)

        process.frozen_ns = moment
        self.scheduler.after(PEER_LOST_S + self._rng.random(), look)

    # Faults ------------------------------------------------------------------------------------

    def is_cut(self, one: str, other: str) -> bool:
        """Whether nothing passes between two processes."""
        return frozenset((one, other)) in self._cuts

    def cut(self, one: str, other: str) -> None:
        """Let nothing pass between two processes, until ``mend``; after a while they know."""
        pair = frozenset((one, other))
        self._number += 1
        number = self._cuts[pair] = self._number
        for connection in self._of(one, other):
            connection.there.clogged = connection.up.clogged = True

        def give_up() -> None:
            if self._cuts.get(pair) == number:
                for connection in self._of(one, other):
                    self.lose(connection)

        self.scheduler.after(PEER_LOST_S + self._rng.random(), give_up)

    def mend(self, one: str, other: str) -> None:
        """Let everything pass again; what waited arrives now."""
        self._cuts.pop(frozenset((one, other)), None)
        for connection in self._of(one, other):
            for way in (connection.there, connection.up):
                self.unclog(connection, way)

    def clog(self, way: Way) -> None:
        """Hold one direction of one connection up."""
        way.clogged = True

    def unclog(self, connection: Connection, way: Way) -> None:
        """Let one direction go on."""
        if not way.clogged:
            return
        way.clogged = False
        for _ in range(len(way.flying)):
            self._fly(connection, way, 0.0)

    def mend_all(self) -> None:
        """Take all faults away."""
        self.duplicates = self.swaps = self.drops = self.jitter_s = 0.0
        self._cuts.clear()
        for connection in list(self.connections):
            for way in (connection.there, connection.up):
                self.unclog(connection, way)

    def _of(self, one: str, other: str) -> list[Connection]:
        return [c for c in self.connections if c.between(one, other)]

    # Messages ----------------------------------------------------------------------------------

    def drops_one(self) -> bool:
        """Whether a published message is lost for one subscriber, without a word."""
        return bool(self.drops) and self._rng.random() < self.drops

    def put(self, connection: Connection, way: Way, parts: Message) -> None:
        """Send a message on its way."""
        rng = self._rng
        self.messages += 1
        way.flying.append((self.messages, parts))
        if (self.duplicates or self.swaps) and self._keeps_no_order(connection):
            if self.duplicates and rng.random() < self.duplicates:
                way.flying.append((self.messages, parts))
                self._fly(connection, way, SLOW_S)
            if self.swaps and len(way.flying) > 1 and rng.random() < self.swaps:
                way.flying[-1], way.flying[-2] = way.flying[-2], way.flying[-1]
        if not way.clogged:
            slow = SLOW_S * rng.random() if rng.random() < SLOW_SHARE else 0.0
            if self.jitter_s and not self._keeps_no_order(connection):
                slow += self.jitter_s * rng.random()
            self._fly(connection, way, WAY_S * (0.5 + rng.random()) + slow)

    def _keeps_no_order(self, connection: Connection) -> bool:
        """Whether whoever is at its ends may not rely on it: a client's, or a stream."""
        return connection.streams or connection.client.process.name in self.outside

    def _fly(self, connection: Connection, way: Way, delay_s: float) -> None:
        due = max(way.due_ns, self.scheduler.now_ns + int(delay_s * 1e9))
        way.due_ns = due

        def arrive() -> None:
            if way.flying and not way.clogged and not connection.down:
                _, parts = way.flying.popleft()
                self.trace = crc32(parts[-1], self.trace ^ self.scheduler.now_ns & 0xFFFFFFFF)
                way.to.arrived(connection, way, parts)

        self.scheduler.at(due, None, arrive)
