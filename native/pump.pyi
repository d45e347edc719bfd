"""Typed stub of the native socket pump, on the libzmq that pyzmq has loaded."""

from collections.abc import Sequence
from typing import final

import zmq

class Unroutable(OSError):
    """EHOSTUNREACH: a ROUTER (with MANDATORY) does not know that peer."""

@final
class Pump:
    """Receives and sends whole multipart messages on one zmq socket, without blocking.

    One thread. Keeps the socket object alive. The entry points of libzmq are taken from the
    library that pyzmq loaded (dlopen RTLD_NOLOAD of its backend module, then dlsym); a second
    libzmq is never linked.
    """

    def __init__(self, socket: zmq.Socket[bytes]) -> None: ...
    def receive(self, limit: int = 256) -> list[tuple[bytes, ...]]:
        """Take up to ``limit`` waiting messages, each as a tuple of its parts; [] if none. The
        libzmq calls run without the GIL, many messages a release. Raises zmq.ZMQError on a
        terminated context or closed socket."""
    def wait_for_one(self) -> tuple[bytes, ...] | None:
        """Take the next message, and wait for it without the GIL: one call of libzmq does both.

        None: none came within the socket's RCVTIMEO, or a signal came first, whose handler has
        run. Raises as ``receive``, and what such a handler raises; no message is lost by that."""
    def send(self, *parts: bytes) -> bool:
        """Send one message; False if the peer's queue is full (EAGAIN; nothing was sent, no part
        either). Raises Unroutable, or zmq.ZMQError."""
    def send_many(self, messages: Sequence[tuple[bytes, ...]]) -> int:
        """Send messages until one does not fit; return how many were sent. Unroutable ones count
        as sent and are counted in ``unroutable``."""
    @property
    def readable(self) -> bool:
        """ZMQ_EVENTS & POLLIN, asked anew (the descriptor is edge-triggered: ask after every
        drain and every send)."""
    @property
    def writable(self) -> bool: ...
    @property
    def fd(self) -> int: ...
    @property
    def received(self) -> int: ...
    @property
    def sent(self) -> int: ...
    @property
    def unroutable(self) -> int: ...

LIBRARY: str
"""Path of what libzmq was found by; other native modules take theirs from there."""

def library_version() -> tuple[int, int, int]:
    """Version that zmq_version of the library in use reports; equals zmq.zmq_version_info()."""

def boot_ns() -> int:
    """CLOCK_BOOTTIME in ns: the clock of deadlines; comparable between processes of one host."""
