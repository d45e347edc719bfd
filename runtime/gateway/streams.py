"""Relaying streams: what clients subscribe to is subscribed upstream, and passed on as it is.

Epoch and sequence are the publisher's own, so a client sees a loss on either hop as one gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.channel import Channel, Message

#: Different topics that may be subscribed to at a time, over all clients.
TOPICS = 10_000


class StreamRelay:
    """An XPUB to clients, an XSUB to each cell."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: sockets.Context,
        downstream: sockets.Socket,
        known: Iterable[str],
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Relay the ``known`` topics, and no others, to a bound XPUB."""
        self._loop = loop
        self._context = context
        self._on_error = on_error
        self.know(known)
        self._topics: set[bytes] = set()
        self._upstream: dict[str, tuple[str, Channel]] = {}
        self.refused = 0
        """Subscriptions refused because nothing could ever come of them, or there are too many."""
        self._downstream = Channel(loop, downstream, self._subscription, on_error)

    def know(self, topics: Iterable[str]) -> None:
        """Relay these topics, and no others, to who subscribes from now on."""
        self._known = frozenset(topic.encode() for topic in topics)

    @property
    def downstream(self) -> Channel:
        """The channel to clients, for what the gateway itself has to say."""
        return self._downstream

    def connect(self, endpoints: Mapping[str, str]) -> None:
        """Relay from these cells (name -> endpoint), and from no others."""
        for name in list(self._upstream):
            if endpoints.get(name) != self._upstream[name][0]:
                self._upstream.pop(name)[1].close()
        for name, endpoint in endpoints.items():
            if name not in self._upstream:
                socket = sockets.subscriber(self._context)
                socket.connect(endpoint)
                channel = Channel(self._loop, socket, self._relay, self._on_error)
                self._upstream[name] = (endpoint, channel)
                for topic in self._topics:
                    channel.send(b"\x01" + topic)

    def close(self) -> None:
        """Stop relaying."""
        for _, channel in self._upstream.values():
            channel.close()
        self._upstream.clear()
        self._downstream.close()

    def _subscription(self, parts: Message) -> None:
        request = parts[0]
        topic = request[1:]
        if request[:1] == b"\x01":
            if len(self._topics) >= TOPICS or not self._can_match(topic):
                self.refused += 1
                return
            self._topics.add(topic)
        elif request[:1] == b"\x00" and topic in self._topics:
            self._topics.discard(topic)
        else:
            return
        for _, channel in self._upstream.values():
            channel.send(request)

    def _can_match(self, topic: bytes) -> bool:
        """Whether a subscription, which is a prefix, means any topic that there is.

        What means none would only use up the room for those that do.
        """
        return topic in self._known or any(known.startswith(topic) for known in self._known)

    def _relay(self, parts: Message) -> None:
        self._downstream.send(*parts)
