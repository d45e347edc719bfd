"""Calls to a peer: a request with a token, and exactly one end for each.

Two message parts: the token (opaque to the peer, which sends it back as it came) and the frame.
A call ends with a reply, with its time running out, or with the loss of the peer; the last two
end it with ``None``, and the caller knows from ``sent`` whether the peer can have seen it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from jacquemart.native.calls import Calls
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.errors import NotSent
from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.channel import Channel, Message

Answer = Callable[[bytes | None], None]
_SWEEP_S = 0.1


class Caller(Calls):
    """A DEALER to one cell, and the calls that wait for it.

    What is done for each call is native (``native.calls``).
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: sockets.Context,
        endpoint: str,
        identity: str,
        clock: Clock,
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Connect; the connection is made and kept by the socket."""
        self.endpoint = endpoint
        self._loop = loop
        self._clock = clock
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        socket = sockets.dealer(context, identity)
        socket.connect(endpoint)
        self._channel = Channel(loop, socket, _nothing, on_error)
        self.carry(self._channel, on_error)

    async def ask(self, frame: bytes, timeout_s: float) -> bytes | None:
        """Send a request and wait for its end; None if there was no answer.

        Raises:
            NotSent: nobody was there for ``timeout_s``, or two seconds if that is longer, or the
                connection was closed.
        """
        future: asyncio.Future[bytes | None] = self._loop.create_future()

        def answer(reply: bytes | None) -> None:
            if not future.done():
                future.set_result(reply)

        expires = self._clock.boot_ns() + int(timeout_s * 1e9)
        give_up = self._loop.time() + min(timeout_s, 2.0)
        while not self.call(frame, expires, answer):  # the connection may still be in the making
            if self._closed or self._loop.time() > give_up:
                raise NotSent("not reachable; nothing was sent", where=self.endpoint)
            await asyncio.sleep(0.01)
        return await future

    def close(self) -> None:
        """Disconnect; every waiting call ends with None."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._channel.close()
        self.end_all()

    def sweep_later(self) -> None:
        """Look in a while what has expired."""
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    def look_later(self) -> None:
        """Look in the next turn of the loop what is to leave."""
        self._loop.call_soon(self.look)

    def _sweep(self) -> None:
        self._sweeper = None
        self.sweep(self._clock.boot_ns())


def _nothing(_: Message) -> None:
    """Leave a message alone: the calls have taken theirs before."""


Handler = Callable[["Request"], None]


@dataclass(slots=True)
class Request:
    """One request that came to a server; answer it once with ``reply``."""

    server: Server
    peer: bytes
    token: bytes
    frame: bytes

    def reply(self, frame: bytes) -> bool:
        """Answer; False if the peer is gone."""
        return self.server.channel.reply(self.peer, self.token, frame)


class Server:
    """A ROUTER that hands each request to a handler."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socket: sockets.Socket,
        handler: Handler,
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Serve at once. The socket must be bound already."""
        self._handler = handler
        self.malformed = 0
        """Messages that were not identity, token and frame."""
        self.channel = Channel(loop, socket, self._message, on_error)

    def close(self) -> None:
        """Close the socket."""
        self.channel.close()

    def _message(self, parts: Message) -> None:
        if len(parts) != 3 or len(parts[1]) > 64:
            self.malformed += 1
            if len(parts) >= 2:
                self._answer_malformed(parts)
            return
        # Of what is no bundle, or none that may be here, the handler says what it is.
        if not self.channel.hand_bundle(parts):
            self._handler(Request(self, *parts))

    def _answer_malformed(self, parts: Message) -> None:
        from jacquemart.runtime.wire import messages

        frame = messages.error(
            "bad_frame",
            f"a request has two parts (token up to 64 bytes, frame), not {len(parts) - 1}",
            where="request",
            advice="see docs/protocol.md, Requests",
        )
        token = parts[1] if len(parts[1]) <= 64 and len(parts) > 2 else b""
        self.channel.reply(parts[0], token, frame)
