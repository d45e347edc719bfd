"""A socket on a loop: drains natively, a bounded number of messages a turn.

The descriptor of a zmq socket is edge-triggered and speaks of both directions, so it is asked
again after every drain and after every send.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import zmq

from jacquemart.native.pump import Pump, Unroutable
from jacquemart.runtime.wire import sockets

#: Messages a turn, so that timers and other sockets are not starved.
TURN = 256
#: Messages kept for one peer whose queue is full, before further ones are refused.
OUTBOX = 1_000
_RETRY_S = 0.002

Message = tuple[bytes, ...]


class Channel:
    """One socket, owned by one loop. ``on_message`` gets each message as its parts."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socket: sockets.Socket,
        on_message: Callable[[Message], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Start reading at once; an exception of ``on_message`` goes to ``on_error``."""
        self.socket = socket
        self.lost = 0
        """Messages refused because a peer's outbox was full, or the peer was gone."""
        self._loop = loop
        self._pump = Pump(socket)
        self._fd = self._pump.fd
        self._on_message = on_message
        self._on_error = on_error
        self._outbox: dict[bytes, deque[Message]] = {}
        self._retry: asyncio.TimerHandle | None = None
        self._again = False
        self._draining = False
        self._touched = False
        self._open = True
        loop.add_reader(self._fd, self._drain)
        self._look_again()

    @property
    def received(self) -> int:
        """Messages received so far."""
        return self._pump.received

    @property
    def sent(self) -> int:
        """Messages sent so far."""
        return self._pump.sent

    def send(self, *parts: bytes) -> bool:
        """Send one message at once; False if it does not fit or nobody is there."""
        if not self._open:
            return False
        try:
            sent = self._pump.send(*parts)
        except Unroutable:
            self.lost += 1
            sent = False
        self._look_after_send()
        return sent

    def reply(self, *parts: bytes) -> bool:
        """Send to the peer named by the first part; wait for it in bounded memory if it is slow.

        Returns False if the peer is gone or has too much waiting already.
        """
        peer = parts[0]
        waiting = self._outbox.get(peer)
        if waiting is None:
            try:
                if self._pump.send(*parts):
                    self._look_after_send()
                    return True
            except Unroutable:
                self.lost += 1
                return False
            waiting = self._outbox[peer] = deque()
            if self._retry is None:
                self._retry = self._loop.call_later(_RETRY_S, self._flush)
        if len(waiting) >= OUTBOX:
            self.lost += 1
            return False
        waiting.append(parts)
        return True

    def close(self) -> None:
        """Stop reading and close the socket; idempotent."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._fd)
        if self._retry is not None:
            self._retry.cancel()
        self._outbox.clear()
        self.socket.close()

    def _look_after_send(self) -> None:
        """Sending may have taken the edge of a message that came meanwhile."""
        if self._draining:
            self._touched = True  # one look at the end of the drain is enough
        elif not self._again and self._pump.readable:
            self._look_again()

    def _look_again(self) -> None:
        self._again = True
        self._loop.call_soon(self._drain_again)

    def _drain_again(self) -> None:
        self._again = False
        self._drain()

    def _drain(self) -> None:
        if not self._open:
            return
        try:
            messages = self._pump.receive(TURN)
        except zmq.ZMQError as error:
            self._on_error(error)
            return
        # What ended before TURN found nothing more, so the next message makes an edge.
        self._touched = len(messages) == TURN
        self._draining = True
        for message in messages:
            try:
                self._on_message(message)
            except Exception as error:  # noqa: BLE001 - one bad message never stops the others
                self._on_error(error)
        self._draining = False
        if self._touched and not self._again and self._open and self._pump.readable:
            self._look_again()

    def _flush(self) -> None:
        self._retry = None
        for peer in list(self._outbox):
            waiting = self._outbox[peer]
            while waiting:
                try:
                    if not self._pump.send(*waiting[0]):
                        break
                except Unroutable:
                    self.lost += len(waiting)
                    waiting.clear()
                    break
                waiting.popleft()
            if not waiting:
                del self._outbox[peer]
        if self._outbox:
            self._retry = self._loop.call_later(_RETRY_S, self._flush)
        self._look_after_send()
