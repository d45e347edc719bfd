"""Calls to a peer on the caller's own thread: one request at a time, no loop, no hand-over."""

from __future__ import annotations

import threading
import time

import zmq

from jacquemart.native.pump import Pump
from jacquemart.runtime.model.errors import NotSent
from jacquemart.runtime.wire import sockets


class BlockingCaller:
    """A DEALER for callers without a loop. Thread-safe: one request at a time."""

    def __init__(self, endpoint: str) -> None:
        """Connect; the connection is made and kept by the socket."""
        self._context = sockets.new_context()
        self._socket = sockets.dealer(self._context, high_water=sockets.CLIENT_HIGH_WATER)
        self._socket.connect(endpoint)
        self._pump = Pump(self._socket)
        self._lock = threading.Lock()
        self._token = 0

    def ask(self, frame: bytes, timeout_s: float, connect_s: float) -> bytes | None:
        """Send a request and wait for its answer; None if none came in time.

        An answer that comes later is dropped by its token.

        Raises:
            NotSent: nobody was there for ``connect_s``.
        """
        give_up = time.monotonic() + timeout_s
        connect_by = time.monotonic() + min(connect_s, timeout_s)
        with self._lock:
            self._token += 1
            token = self._token.to_bytes(8, "little")
            while not self._pump.send(token, frame):
                left = connect_by - time.monotonic()
                if left <= 0:
                    raise NotSent("not reachable; nothing was sent")
                self._socket.poll(int(min(left, 0.05) * 1e3) + 1, zmq.POLLOUT)
            while True:
                for message in self._pump.receive(16):
                    if len(message) == 2 and message[0] == token:
                        return message[1]
                left = give_up - time.monotonic()
                if left <= 0:
                    return None
                self._socket.poll(int(left * 1e3) + 1)

    def close(self) -> None:
        """Disconnect."""
        self._socket.close()
        self._context.term()
