"""Calls to a peer on the caller's own thread: one request at a time, no loop, no hand-over."""

from __future__ import annotations

import select
import threading
import time

import zmq

from jacquemart.native.pump import Pump
from jacquemart.runtime.model.errors import NotSent, UsageError
from jacquemart.runtime.wire import sockets

#: How long a thread that waits for an answer may take to see that the caller is being closed.
_LOOK_S = 0.1
_TURN = 16


class BlockingCaller:
    """A DEALER for callers without a loop. Thread-safe: one request at a time."""

    def __init__(self, endpoint: str) -> None:
        """Connect; the connection is made and kept by the socket."""
        self._context = sockets.new_context()
        self._socket = sockets.dealer(self._context, high_water=sockets.CLIENT_HIGH_WATER)
        self._socket.connect(endpoint)
        self._pump = Pump(self._socket)
        # The descriptor has edges: only to wait on it after a look that found nothing.
        self._edge = select.poll()
        self._edge.register(self._pump.fd, select.POLLIN)
        self._lock = threading.Lock()
        self._token = 0
        self._closing = False

    def ask(self, frame: bytes, timeout_s: float, connect_s: float) -> bytes | None:
        """Send a request and wait for its answer; None if none came in time.

        An answer that comes later is dropped by its token. None too if another thread closes
        the caller meanwhile.

        Raises:
            NotSent: nobody was there for ``connect_s``.
            UsageError: it is closed.
        """
        with self._lock:  # another thread's request may take its time: ours begins now
            give_up = time.monotonic() + timeout_s
            connect_by = time.monotonic() + min(connect_s, timeout_s)
            self._require_open()
            self._token += 1
            token = self._token.to_bytes(8, "little")
            while not self._pump.send(token, frame):
                left = connect_by - time.monotonic()
                if left <= 0:
                    raise NotSent("not reachable; nothing was sent")
                self._socket.poll(int(min(left, 0.05) * 1e3) + 1, zmq.POLLOUT)
                self._require_open()
            while not self._closing:
                found = self._pump.receive(_TURN)
                for message in found:
                    if len(message) == 2 and message[0] == token:
                        return message[1]
                left = give_up - time.monotonic()
                if left <= 0:
                    return None
                if len(found) < _TURN:  # it looked until nothing was left
                    self._edge.poll(min(left, _LOOK_S) * 1e3 + 1)
            return None

    def close(self) -> None:
        """Disconnect; idempotent. A request of another thread ends first, without an answer."""
        self._closing = True
        with self._lock:
            self._socket.close()
            self._context.term()

    def _require_open(self) -> None:
        if self._closing:
            raise UsageError("this client is closed")
