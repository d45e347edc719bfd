"""A shim between clients and a ROUTER that loses, doubles and reorders whole messages.

What TCP can never do to bytes, a network of several ways and brokers can do to messages. From a
seed; for requests (DEALER to ROUTER), with an identity of its own for each peer.

    with ChaosMessages(city.api, seed=7) as shim:
        shim.to_server = MessageWeather(twice=0.3, late=0.5, late_s=0.05)
        client = Client(shim.endpoint)
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.channel import Channel, Message

#: A message waits so long for a connection that is still in the making, each time.
_AGAIN_S = 0.005
_CALL_S = 10.0


@dataclass(frozen=True, slots=True)
class MessageWeather:
    """What happens to messages in one direction; shares are probabilities, 0 to 1."""

    lose: float = 0.0
    twice: float = 0.0
    """The second copy is late or not, like any other."""
    late: float = 0.0
    late_s: float = 0.05
    """One that is late waits for up to so long, so that others overtake it."""


FAIR = MessageWeather()


class ChaosMessages:
    """One endpoint here, one ROUTER there. Use it with ``with``; set the weather at any time."""

    def __init__(self, endpoint: str, *, seed: int = 0) -> None:
        """Relay to the ROUTER at ``endpoint``."""
        self._target = endpoint
        self._rng = random.Random(seed)
        self.endpoint = ""
        self.to_server = FAIR
        self.to_client = FAIR
        self.lost = self.doubled = self.delayed = 0
        self._peers: dict[bytes, Channel] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._start)
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_S)
        self._loop.close()
        self._context.term()

    def _call(self, action: Callable[[], None]) -> None:
        async def run() -> None:
            action()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(_CALL_S)

    def _start(self) -> None:
        self._context = sockets.new_context()
        router = sockets.router(self._context)
        self.endpoint = sockets.bind(router, "127.0.0.1")
        self._front = Channel(self._loop, router, self._asked, _raise)

    def _stop(self) -> None:
        for channel in (self._front, *self._peers.values()):
            channel.close()

    def _asked(self, parts: Message) -> None:
        peer, rest = parts[0], parts[1:]
        channel = self._peers.get(peer)
        if channel is None:
            dealer = sockets.dealer(self._context)
            dealer.connect(self._target)
            channel = self._peers[peer] = Channel(
                self._loop, dealer, lambda back: self._answered(peer, back), _raise
            )
        self._pass(self.to_server, lambda: self._send(channel, rest))

    def _answered(self, peer: bytes, parts: Message) -> None:
        self._pass(self.to_client, lambda: self._front.reply(peer, *parts))

    def _pass(self, weather: MessageWeather, send: Callable[[], Any]) -> None:
        if self._rng.random() < weather.lose:
            self.lost += 1
            return
        copies = 1
        if self._rng.random() < weather.twice:
            copies = 2
            self.doubled += 1
        for _ in range(copies):
            if self._rng.random() < weather.late:
                self.delayed += 1
                self._loop.call_later(self._rng.uniform(0.0, weather.late_s), send)
            else:
                send()

    def _send(self, channel: Channel, parts: Message) -> None:
        if not channel.send(*parts):
            self._loop.call_later(_AGAIN_S, self._send, channel, parts)


def _raise(error: BaseException) -> None:
    raise error
