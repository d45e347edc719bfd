"""Calls to a peer on the caller's own thread: one request at a time, no loop, no hand-over."""

from __future__ import annotations

import threading
import time
from typing import Protocol

import zmq

from jacquemart.native.pump import Pump, boot_ns
from jacquemart.runtime.model.errors import NotSent, UsageError
from jacquemart.runtime.wire import sockets

#: How long a thread that waits for an answer may take to see that the caller is being closed.
_LOOK_S = 0.1
#: A request without an answer for so long: is the peer still who it was?
PROBE_S = 1.0
#: After so long without an answer, what may be sent twice is; then after twice as long, and so on.
AGAIN_S = 2.0
#: When to ask again after an answer that is none.
NOT_FINAL_S = 0.2
_PROBE = b"probe"


class Probe(Protocol):
    """Finds out whether a peer is another one than it was: its predecessor's requests are lost."""

    question: bytes

    def is_another(self, answer: bytes) -> bool:
        """Take the answer; return True once for each new peer."""
        ...

    def again(self, frame: bytes, first_ns: int) -> bytes:
        """Return a request as it is sent once more; ``first_ns``: boot-time of its first time."""
        ...

    def is_final(self, answer: bytes) -> bool:
        """Return whether this answers a request that was sent more than once."""
        ...


class BlockingCaller:
    """A DEALER for callers without a loop. Thread-safe: one request at a time."""

    def __init__(self, endpoint: str) -> None:
        """Connect; the connection is made and kept by the socket."""
        self._context = sockets.new_context()
        socket = sockets.dealer(self._context, high_water=sockets.CLIENT_HIGH_WATER)
        assert isinstance(socket, zmq.Socket)  # so it is of a context of ZeroMQ's
        self._socket = socket
        self._socket.connect(endpoint)
        self._socket.setsockopt(zmq.RCVTIMEO, int(_LOOK_S * 1e3))
        self._pump = Pump(self._socket)
        self._lock = threading.Lock()
        self._token = 0
        self._closing = False

    def ask(
        self, frame: bytes, timeout_s: float, connect_s: float, probe: Probe | None = None
    ) -> bytes | None:
        """Send a request and wait for its answer; None if none came in time.

        An answer that comes later is dropped by its token. None too if another thread closes
        the caller meanwhile.

        Args:
            frame: the request.
            timeout_s: how long to wait for the answer.
            connect_s: how long to wait for somebody to send it to.
            probe: finds out whether the peer is another one than before, which does not have the
                request; it is sent to that one too. Only for what may be sent twice: without an
                answer it also goes to the same peer again after ``AGAIN_S``, twice that, and so
                on, since an answer is lost with a connection that breaks under it.

        Raises:
            NotSent: nobody was there for ``connect_s``.
            UsageError: it is closed.
        """
        with self._lock:  # another thread's request may take its time: ours begins now
            give_up, first_ns = time.monotonic() + timeout_s, boot_ns()
            token = self._send(frame, time.monotonic() + min(connect_s, timeout_s))
            sent = time.monotonic()
            look, again, pause, repeated = sent + PROBE_S, sent + AGAIN_S, AGAIN_S, False
            while not self._closing:
                message = self._wait(give_up)
                if message is not None and len(message) == 2:
                    if message[0] == token:
                        if probe is None or not repeated or probe.is_final(message[1]):
                            return message[1]
                        again = time.monotonic() + NOT_FINAL_S
                    elif (
                        probe is not None and message[0] == _PROBE and probe.is_another(message[1])
                    ):
                        more = probe.again(frame, first_ns)
                        repeated = self._pump.send(token, more) or repeated
                now = time.monotonic()
                if now >= give_up:
                    return None
                if probe is not None and now >= look:
                    look = now + PROBE_S
                    self._pump.send(_PROBE, probe.question)
                if probe is not None and now >= again:
                    pause *= 2
                    again = now + pause
                    more = probe.again(frame, first_ns)
                    repeated = self._pump.send(token, more) or repeated
            return None

    def post(self, frame: bytes, connect_s: float) -> None:
        """Send a request, and wait for no answer: it is asked for in another way.

        Raises:
            NotSent: nobody was there for ``connect_s``.
            UsageError: it is closed.
        """
        with self._lock:
            self._send(frame, time.monotonic() + connect_s)

    def _send(self, frame: bytes, connect_by: float) -> bytes:
        self._require_open()
        self._token += 1
        token = self._token.to_bytes(8, "little")
        while not self._pump.send(token, frame):
            left = connect_by - time.monotonic()
            if left <= 0:
                raise NotSent("not reachable; nothing was sent")
            self._socket.poll(int(min(left, 0.05) * 1e3) + 1, zmq.POLLOUT)
            self._require_open()
        return token

    def _wait(self, until: float) -> tuple[bytes, ...] | None:
        """Return the next message; None: none has come, though it may be worth to look again."""
        left = until - time.monotonic()
        if left >= _LOOK_S:
            return self._pump.wait_for_one()
        self._socket.setsockopt(zmq.RCVTIMEO, max(0, int(left * 1e3)) + 1)
        try:
            return self._pump.wait_for_one()
        finally:
            self._socket.setsockopt(zmq.RCVTIMEO, int(_LOOK_S * 1e3))

    def close(self) -> None:
        """Disconnect; idempotent. A request of another thread ends first, without an answer."""
        self._closing = True
        with self._lock:
            self._socket.close()
            self._context.term()

    def _require_open(self) -> None:
        if self._closing:
            raise UsageError("this client is closed")
