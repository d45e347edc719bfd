"""A subscriber's channel whose batches go into point tables without an object for each.

*Rules.* What is stored here was judged here: it follows the batch before it, in the same epoch,
and its table has all its slots. Everything else comes as a message, as from any channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import zmq

from jacquemart.native.stream import BatchIntake, Feed
from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.channel import TURN, Channel, Message


class FeedChannel(Channel):
    """A channel of an XSUB; ``on_stored`` hears which feeds have stored something."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socket: sockets.ZmqSocket,
        on_message: Callable[[Message], None],
        on_error: Callable[[BaseException], None],
        on_stored: Callable[[Sequence[Feed]], None],
    ) -> None:
        """Know of no feed yet. ``on_stored`` is called before the messages behind are told."""
        self._on_stored = on_stored
        self._on_error = on_error
        self._intake = BatchIntake(socket)
        super().__init__(loop, socket, on_message, on_error, self._intake)

    def add(self, feed: Feed) -> None:
        """Store the batches of a feed whenever it is armed."""
        self._intake.add(feed)

    def remove(self, feed: Feed) -> None:
        """Know a feed no more; idempotent."""
        self._intake.remove(feed)

    def drain(self) -> None:
        """Store what waits, and hand on what is for somebody else."""
        if not self.is_open:
            return
        try:
            found = self._intake.receive(TURN)
        except zmq.ZMQError as error:
            self._on_error(error)
            return
        stored = self._intake.touched()
        if stored:
            try:
                self._on_stored(stored)
            except Exception as error:  # noqa: BLE001 - the messages behind are told all the same
                self._on_error(error)
        self.hand_all(found)
