"""Simulated sockets: what ZeroMQ's do with our settings, on the simulated network.

ROUTER says when a peer is not there (MANDATORY) and keeps the first claimant of a name; DEALER
never queues for a peer that is not connected (IMMEDIATE); XPUB drops at its high-water mark
without a word; XSUB subscribes anew after every reconnect. Closing and dying lose what is queued
(LINGER 0).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from jacquemart.native.pump import Unroutable
from jacquemart.runtime.model.errors import StartError
from jacquemart.runtime.testing.simulation.network import Connection, Network, Way
from jacquemart.runtime.testing.simulation.process import SimulatedProcess
from jacquemart.runtime.wire.substitute import (
    Kind,
    Message,
    SubstituteContext,
    SubstituteSocket,
)

_EHOSTUNREACH = 113


class SimulatedContext(SubstituteContext):
    """The context of one simulated process."""

    def __init__(self, network: Network, process: SimulatedProcess) -> None:
        """Have no socket yet."""
        self.network = network
        self.process = process
        self.sockets: dict[SimulatedSocket, None] = {}
        process.on_death.append(self.destroy)
        process.on_freeze.append(lambda: network.went_silent(process))

    def make(
        self, kind: Kind, *, identity: bytes, frame_limit: int, high_water: int
    ) -> SimulatedSocket:
        """Return a new socket."""
        socket = _SOCKETS[kind](self, identity, frame_limit, high_water)
        self.sockets[socket] = None
        return socket

    def term(self) -> None:
        """End.

        Raises:
            RuntimeError: a socket is still open; a real context would wait for ever.
        """
        if self.sockets:
            raise RuntimeError(f"{len(self.sockets)} sockets are still open in {self.process.name}")

    def destroy(self, linger: int | None = None) -> None:
        """Close all sockets."""
        for socket in list(self.sockets):
            socket.close()


class SimulatedSocket(SubstituteSocket):
    """What the four kinds have in common."""

    streams = False
    """Whether it publishes."""

    def __init__(
        self, context: SimulatedContext, identity: bytes, frame_limit: int, high_water: int
    ) -> None:
        """Belong to a context, with no connection."""
        self.context = context
        self.network = context.network
        self.process = context.process
        self.identity = identity
        self.frame_limit = frame_limit
        self.high_water = high_water
        self.closed = False
        self.endpoint = ""
        self.peers: dict[Connection, None] = {}
        self.dropped = 0
        self._received = 0
        self._sent = 0
        self._inbox: deque[tuple[Way | None, Message]] = deque()
        self._callback: Callable[[], None] | None = None
        self._waking: asyncio.Handle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def received(self) -> int:
        """Messages taken so far."""
        return self._received

    @property
    def sent(self) -> int:
        """Messages sent so far."""
        return self._sent

    @property
    def readable(self) -> bool:
        """Whether a message waits."""
        return bool(self._inbox)

    def bind(self, endpoint: str) -> str:
        """Listen; a ``*`` at the end, as any address, gets a name of its own."""
        if not endpoint.endswith("*"):
            if endpoint in self.network.endpoints:
                raise StartError("somebody listens there already", where=endpoint)
            self.endpoint = endpoint
        else:
            self.endpoint = self.network.name(self.process)
        self.network.endpoints[self.endpoint] = self
        return self.endpoint

    def connect(self, endpoint: str) -> None:
        """Connect, and again whenever the connection is lost."""
        self.endpoint = endpoint
        self.network.dial(self, endpoint)

    def receive(self, limit: int) -> list[Message]:
        """Take up to ``limit`` messages."""
        found: list[Message] = []
        inbox = self._inbox
        while inbox and len(found) < limit:
            way, message = inbox.popleft()
            if way is not None:
                way.unread -= 1
            found.append(message)
        self._received += len(found)
        return found

    def watch(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        """Call back once when messages have come, until they are taken."""
        self._loop, self._callback = loop, callback

    def unwatch(self) -> None:
        """Call nobody any more."""
        self._callback = None

    def close(self) -> None:
        """Close; what is queued is lost, from some message on."""
        if self.closed:
            return
        self.closed = True
        self.context.sockets.pop(self, None)
        if self.network.endpoints.get(self.endpoint) is self:
            del self.network.endpoints[self.endpoint]
        self.network.lose_all_of(self)
        self._inbox.clear()
        self._callback = None

    # What the network tells --------------------------------------------------------------------

    def knows(self, identity: bytes) -> bool:
        """Whether a peer of this name is connected already."""
        return False

    def joined(self, connection: Connection) -> None:
        """Take note of a new connection."""
        self.peers[connection] = None

    def left(self, connection: Connection) -> None:
        """Take note that a connection is lost; who connected tries again."""
        self.peers.pop(connection, None)
        if self is connection.client and not self.closed:
            self.network.dial(self, self.endpoint, 0.05)

    def arrived(self, connection: Connection, way: Way, parts: Message) -> None:
        """Take a message from the network."""
        if self.closed:
            return
        for part in parts:
            if len(part) > self.frame_limit:
                self.network.lose(connection)
                return
        message = self.seen(connection, parts)
        if message is not None:
            way.unread += 1
            self._take(way, message)

    def seen(self, connection: Connection, parts: Message) -> Message | None:
        """Return what the owner gets of a message; None: nothing."""
        return parts

    def _take(self, way: Way | None, message: Message) -> None:
        self._inbox.append((way, message))
        if self._callback is not None and self._waking is None and self._loop is not None:
            self._waking = self._loop.call_soon(self._wake)

    def _wake(self) -> None:
        self._waking = None
        if self._callback is not None:
            self._callback()

    def _fits(self, way: Way) -> bool:
        """Whether queues on both sides have room; the kernel's own buffers are left out."""
        return len(way.flying) + way.unread < 2 * self.high_water

    def _put(self, connection: Connection, parts: Message) -> bool:
        way = connection.way_from(self)
        if not self._fits(way):
            return False
        self.network.put(connection, way, parts)
        return True


class RouterSocket(SimulatedSocket):
    """ROUTER with MANDATORY, without HANDOVER."""

    def __init__(
        self, context: SimulatedContext, identity: bytes, frame_limit: int, high_water: int
    ) -> None:
        """Know nobody."""
        super().__init__(context, identity, frame_limit, high_water)
        self._names: dict[bytes, Connection] = {}
        self._name_of: dict[Connection, bytes] = {}
        self._given = 0

    def knows(self, identity: bytes) -> bool:
        """Whether a peer of this name is connected already."""
        return bool(identity) and identity in self._names

    def joined(self, connection: Connection) -> None:
        """Name the peer: as it calls itself, or by a number."""
        super().joined(connection)
        self._given += 1
        name = connection.client.identity or b"\0" + self._given.to_bytes(4, "big")
        self._names[name] = connection
        self._name_of[connection] = name

    def left(self, connection: Connection) -> None:
        """Forget the peer; what has come from it can still be read."""
        super().left(connection)
        self._names.pop(self._name_of.pop(connection), None)

    def seen(self, connection: Connection, parts: Message) -> Message | None:
        """Put the peer's name before the message."""
        return (self._name_of[connection], *parts)

    def send(self, *parts: bytes) -> bool:
        """Send to the peer named first."""
        connection = self._names.get(parts[0])
        if self.closed or connection is None:
            raise Unroutable(_EHOSTUNREACH, f"no peer {parts[0][:64]!r} is connected")
        if not self._put(connection, parts[1:]):
            return False
        self._sent += 1
        return True


class DealerSocket(SimulatedSocket):
    """DEALER with IMMEDIATE, connected to one peer."""

    def send(self, *parts: bytes) -> bool:
        """Send to the peer, if it is there."""
        for connection in self.peers:
            if self._put(connection, parts):
                self._sent += 1
                return True
        return False


class PublisherSocket(SimulatedSocket):
    """XPUB: says who subscribes to what first and last, and drops for who is slow."""

    streams = True

    def __init__(
        self, context: SimulatedContext, identity: bytes, frame_limit: int, high_water: int
    ) -> None:
        """Have no subscriber."""
        super().__init__(context, identity, frame_limit, high_water)
        self._wanted: dict[Connection, dict[bytes, None]] = {}
        self._found: dict[bytes, list[Connection]] = {}

    def joined(self, connection: Connection) -> None:
        """Know a peer that wants nothing yet."""
        super().joined(connection)
        self._wanted[connection] = {}

    def left(self, connection: Connection) -> None:
        """Forget what the peer wanted."""
        super().left(connection)
        for topic in self._wanted.pop(connection, {}):
            self._unsubscribed(topic)
        self._found.clear()

    def seen(self, connection: Connection, parts: Message) -> Message | None:
        """Keep account of subscriptions; tell of the first and the last."""
        wanted = self._wanted[connection]
        topic = parts[0][1:]
        self._found.clear()
        if parts[0][:1] == b"\x01":
            first = not any(topic in others for others in self._wanted.values())
            wanted[topic] = None
            return parts if first else None
        if topic in wanted:
            del wanted[topic]
            self._unsubscribed(topic)
        return None

    def _unsubscribed(self, topic: bytes) -> None:
        if not any(topic in others for others in self._wanted.values()):
            self._take(None, (b"\x00" + topic,))

    def send(self, *parts: bytes) -> bool:
        """Send to everybody who wants it; who has no room loses it."""
        if self.closed:
            return False
        topic = parts[0]
        found = self._found.get(topic)
        if found is None:
            found = self._found[topic] = [
                connection
                for connection, wanted in self._wanted.items()
                if any(topic.startswith(prefix) for prefix in wanted)
            ]
        for connection in found:
            if self.network.drops_one() or not self._put(connection, parts):
                self.dropped += 1
        self._sent += 1
        return True


class SubscriberSocket(SimulatedSocket):
    """XSUB: subscribes by messages, again after each reconnect, and looks at topics itself too."""

    def __init__(
        self, context: SimulatedContext, identity: bytes, frame_limit: int, high_water: int
    ) -> None:
        """Want nothing."""
        super().__init__(context, identity, frame_limit, high_water)
        self._topics: dict[bytes, None] = {}

    def joined(self, connection: Connection) -> None:
        """Tell a new peer what is wanted."""
        super().joined(connection)
        for topic in self._topics:
            self._put(connection, (b"\x01" + topic,))

    def seen(self, connection: Connection, parts: Message) -> Message | None:
        """Drop what is not wanted any more."""
        wanted = any(parts[0].startswith(topic) for topic in self._topics)
        return parts if wanted else None

    def send(self, *parts: bytes) -> bool:
        """Subscribe or unsubscribe."""
        topic = parts[0][1:]
        if parts[0][:1] == b"\x01":
            self._topics[topic] = None
        else:
            self._topics.pop(topic, None)
        for connection in self.peers:
            self._put(connection, parts)
        return True


_SOCKETS: Mapping[Kind, Callable[[SimulatedContext, bytes, int, int], SimulatedSocket]] = {
    "router": RouterSocket,
    "dealer": DealerSocket,
    "xpub": PublisherSocket,
    "xsub": SubscriberSocket,
}
