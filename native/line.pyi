"""Typed stub of the line."""

from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

Message: TypeAlias = tuple[bytes, ...]

class Taker:
    """Is offered each message of a line before anybody else; subclasses are native."""

class Carrier(Taker):
    """Takes what it can carry by itself of the requests of peers; subclasses are native."""

    open: bool

class Line:
    """The hot half of a channel: messages between a socket and who takes them, on one loop.

    At most ``turn`` messages a turn of the loop. The descriptor of a socket is edge-triggered and
    speaks of both directions, so it is asked again after every drain and every send.
    """

    @property
    def behind(self) -> int:
        """Full turns since it last found that nothing more waits; 0: it keeps pace."""
    taker: Taker | None
    """Is offered each message first; the rest goes to ``on_message``."""

    inside: bool
    """Whether what is handed on now came inside of another message."""

    def begin(
        self, pump: Any, on_message: Callable[[Message], None],
        on_error: Callable[[BaseException], None], turn: int,
    ) -> None:  # fmt: skip
        """Carry the messages of ``pump``, a Pump or what stands in its place; once."""
    def end(self) -> None:
        """Carry nothing any more; idempotent. To be called before the socket is closed."""
    @property
    def is_open(self) -> bool:
        """Whether it carries anything."""
    @property
    def waiting(self) -> dict[bytes, deque[Message]]:
        """What waits for each peer that has no room."""
    def send(self, *parts: bytes) -> bool:
        """Send one message at once; False if it does not fit or nobody is there.

        Raises zmq.ZMQError: the context is gone.
        """
    def reply(self, *parts: bytes) -> bool:
        """Send to the peer named by the first part; wait for it in bounded memory if it is slow.

        False: the peer is gone, or has too much waiting already.
        """
    def drain(self) -> None:
        """Take what waits, a turn of it at most."""
    def hand_all(self, messages: list[Message]) -> None:
        """Give messages that were taken past the line to who takes them; then look for more."""
    def hand_bundle(self, message: Message) -> bool:
        """Give what is in a bundle to who takes it, one by one, and answer the bundle.

        Each of its messages is offered to the taker first, as if it had come alone, and counts in
        its turn. Answers to them that are given meanwhile leave as the bundle's own answer, up to
        32 KiB of them; all others leave alone, when they are there. A turn of messages that
        this is a part of goes on after it.

        Args:
            message: peer, token and frame.

        Returns:
            False: it is none, or a broken one, or came inside of another; nothing has happened.
        """
    def look_again(self) -> None:
        """Look whether something has come, at once."""
    def look_after(self) -> None:
        """Look whether something has come meanwhile: the socket was used past the line."""
    def look_soon(self) -> None:
        """Have ``look_again`` called in the next turn of the loop; subclasses do."""
    def keep(self, parts: Message) -> bool:
        """Keep a message until its peer has room; whether it is kept; subclasses do."""
    def count_lost(self, messages: int) -> None:
        """Take note of messages that reach nobody; subclasses do."""
