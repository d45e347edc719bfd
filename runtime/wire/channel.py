"""A socket on a loop: drains natively, a bounded number of messages a turn.

The descriptor of a zmq socket is edge-triggered and speaks of both directions, so it is asked
again after every drain and after every send.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from jacquemart.native import frames
from jacquemart.native.line import Line
from jacquemart.native.pump import Pump, Unroutable
from jacquemart.native.stream import BatchIntake, send_batches
from jacquemart.native.table import PointTable
from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.substitute import Message, SubstituteSocket

#: Messages a turn, so that timers and other sockets are not starved.
TURN = 256
#: Messages kept for one peer whose queue is full, before further ones are refused.
OUTBOX = 1_000
#: Bytes of them; one message alone may be larger.
OUTBOX_BYTES = 8 * 2**20
_RETRY_S = 0.002

__all__ = ["OUTBOX", "TURN", "Channel", "Message"]


class Channel(Line):
    """One socket, owned by one loop. ``on_message`` gets each message as its parts.

    What is done for each message is native (``native.line``): drains, sends, and the question
    after them whether the socket has more.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socket: sockets.Socket,
        on_message: Callable[[Message], None],
        on_error: Callable[[BaseException], None],
        pump: BatchIntake | None = None,
    ) -> None:
        """Start reading at once; an exception of ``on_message`` goes to ``on_error``.

        ``pump``: what reads the socket instead of a plain pump.
        """
        self.socket = socket
        self.lost = 0
        """Messages refused because a peer's outbox was full, or the peer was gone."""
        self._loop = loop
        self._pump: Pump | BatchIntake | SubstituteSocket
        self._outbox_bytes: dict[bytes, int] = {}
        self._retry: asyncio.TimerHandle | None = None
        if isinstance(socket, SubstituteSocket):
            self._pump = socket
            self.begin(socket, on_message, on_error, TURN)
            socket.watch(loop, self.drain)
            self._unwatch: Callable[[], object] = socket.unwatch
        else:
            self._pump = pump or Pump(socket)
            self.begin(self._pump, on_message, on_error, TURN)
            loop.add_reader(self._pump.fd, self.drain)
            self._unwatch = partial(loop.remove_reader, self._pump.fd)
        self.look_soon()

    @property
    def received(self) -> int:
        """Messages received so far."""
        return self._pump.received

    @property
    def sent(self) -> int:
        """Messages sent so far."""
        return self._pump.sent

    def close(self) -> None:
        """Stop reading and close the socket; idempotent."""
        if not self.is_open:
            return
        self.end()
        self._unwatch()
        if self._retry is not None:
            self._retry.cancel()
        self._outbox_bytes.clear()
        self.socket.close()

    def send_batches(
        self, table: PointTable, topic: bytes, epoch: int, sequence: int, rows: int
    ) -> int:
        """Send what is dirty in a table as batches, and clear it; return how many numbers it took.

        ``rows``: the most readings in one of them.
        """
        if not self.is_open:
            return 0
        if isinstance(self._pump, Pump):
            count = send_batches(self._pump, table, topic, epoch, sequence, rows)
            self.look_after()
            return count
        columns = table.drain()
        if columns is None:
            return 0
        self.send(topic, frames.encode_batch(topic.decode(), epoch, sequence, *columns))
        return 1

    def look_soon(self) -> None:
        """Have the next turn of the loop look whether something has come."""
        self._loop.call_soon(self.look_again)

    def count_lost(self, messages: int) -> None:
        """Take note of messages that reach nobody."""
        self.lost += messages

    def keep(self, parts: Message) -> bool:
        """Keep a message until its peer, the first part, has room; False: too much waits already.

        One message alone may be larger than what is kept.
        """
        peer = parts[0]
        waiting = self.waiting.get(peer)
        if waiting is None:
            waiting = self.waiting[peer] = deque()
            if self._retry is None:
                self._retry = self._loop.call_later(_RETRY_S, self._flush)
        size = sum(map(len, parts)) + self._outbox_bytes.get(peer, 0)
        if len(waiting) >= OUTBOX or (waiting and size > OUTBOX_BYTES):
            self.lost += 1
            return False
        self._outbox_bytes[peer] = size
        waiting.append(parts)
        return True

    def _flush(self) -> None:
        self._retry = None
        for peer in list(self.waiting):
            waiting = self.waiting[peer]
            while waiting:
                try:
                    if not self._pump.send(*waiting[0]):
                        break
                except Unroutable:
                    self.lost += len(waiting)
                    waiting.clear()
                    break
                self._outbox_bytes[peer] -= sum(map(len, waiting.popleft()))
            if not waiting:
                del self.waiting[peer], self._outbox_bytes[peer]
        if self.waiting:
            self._retry = self._loop.call_later(_RETRY_S, self._flush)
        self.look_after()
