"""What may stand in the place of ZeroMQ: a context that makes sockets of its own.

``wire.sockets`` and ``wire.channel`` ask what kind of context or socket they were given, once,
when a socket is made; nothing else in the runtime knows of it. ``runtime.testing`` has such a
context, for cities in virtual time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # a command that asks one question needs no asyncio
    import asyncio

#: The four kinds of socket that the data plane uses.
Kind = Literal["router", "dealer", "xpub", "xsub"]
Message = tuple[bytes, ...]


class SubstituteSocket(ABC):
    """A socket and its pump in one. All methods are called on the loop of its owner."""

    @property
    @abstractmethod
    def received(self) -> int:
        """Messages taken so far."""

    @property
    @abstractmethod
    def sent(self) -> int:
        """Messages sent so far."""

    @property
    @abstractmethod
    def readable(self) -> bool:
        """Whether a message waits."""

    @abstractmethod
    def bind(self, endpoint: str) -> str:
        """Listen, and return the endpoint that others connect to.

        Raises:
            StartError: somebody listens there already.
        """

    @abstractmethod
    def connect(self, endpoint: str) -> None:
        """Connect, and connect again whenever the connection is lost."""

    @abstractmethod
    def send(self, *parts: bytes) -> bool:
        """Send one message; False if it does not fit or nobody is there.

        Raises:
            Unroutable: a ROUTER that does not know the peer.
        """

    @abstractmethod
    def receive(self, limit: int) -> list[Message]:
        """Take up to ``limit`` messages."""

    @abstractmethod
    def watch(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        """Have the loop call ``callback`` when messages have come."""

    @abstractmethod
    def unwatch(self) -> None:
        """Call nobody any more."""

    @abstractmethod
    def close(self) -> None:
        """Close; idempotent."""


class SubstituteContext(ABC):
    """Makes sockets that are not ZeroMQ's."""

    @abstractmethod
    def make(
        self, kind: Kind, *, identity: bytes, frame_limit: int, high_water: int
    ) -> SubstituteSocket:
        """Return a new socket that behaves as ZeroMQ's of this kind, with our settings."""

    @abstractmethod
    def term(self) -> None:
        """End; all sockets are closed by now."""

    @abstractmethod
    def destroy(self, linger: int | None = None) -> None:
        """Close all sockets and end."""
