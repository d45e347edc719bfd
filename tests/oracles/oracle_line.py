"""The line in plain Python: what ``native.line`` must equal, for a line that nobody takes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import zmq
from oracle_bundle import bundle, unbundle

Message = tuple[bytes, ...]


class OracleLine:
    """Messages between a pump and who takes them, a bounded number a turn."""

    def __init__(
        self,
        pump: Any,
        on_message: Callable[[Message], object],
        on_error: Callable[[BaseException], object],
        turn: int,
    ) -> None:
        """Carry the messages of ``pump``."""
        self._pump, self._turn = pump, turn
        self._on_message, self._on_error = on_message, on_error
        self.waiting: dict[bytes, list[Message]] = {}
        self.is_open = True
        self.lost = self.looks = 0
        self._draining = self._looking = False
        self._inside = 0
        """Messages of this drain that came inside of others."""
        self._asked: tuple[bytes, set[bytes]] | None = None
        self._answers: list[tuple[bytes, bytes]] = []

    def end(self) -> None:
        """Carry nothing any more."""
        self.is_open = False
        self.waiting.clear()

    def send(self, *parts: bytes) -> bool:
        """Send one message at once."""
        if not self.is_open:
            return False
        sent = self._give(parts)
        self.lost += sent is None
        self._look_after()
        return bool(sent)

    def reply(self, *parts: bytes) -> bool:
        """Answer a peer; keep it if there is no room, behind what waits already."""
        if not self.is_open:
            return False
        if self._asked and parts[0] == self._asked[0] and parts[1] in self._asked[1]:
            size = len(bundle([*self._answers, parts[1:]]))  # type: ignore[list-item]
            assert size < 30_000, "of so much, what leaves together depends on how it is written"
            if len(self._answers) < 64:
                self._answers.append(parts[1:])  # type: ignore[arg-type]
                return True
        sent = self._give(parts) if parts[0] not in self.waiting else False
        if parts[0] not in self.waiting and sent is not False:
            self._look_after()
            self.lost += sent is None
            return bool(sent)
        self.waiting.setdefault(parts[0], []).append(parts)
        return True

    def drain(self) -> None:
        """Take a turn's messages at most: one alone, then the rest."""
        if not self.is_open:
            return
        taken, nested = 0, self._inside > 0
        self._inside, self._draining = 0, True
        while taken + self._inside < self._turn and self.is_open:
            try:
                one = not taken or self._inside or nested
                messages = self._pump.receive(1 if one else self._turn - taken)
            except zmq.ZMQError as error:
                self._draining = False
                self._on_error(error)
                return
            if not messages:
                self._draining = False
                return
            taken += len(messages)
            self._hand_on(messages)
        self._draining = False
        self._look_if_more()

    def hand_all(self, messages: list[Message]) -> None:
        """Give messages to who takes them."""
        self._draining = True
        self._hand_on(messages)
        self._draining = False
        self._look_if_more()

    def hand_bundle(self, message: Message) -> bool:
        """Give what is in a bundle to who takes it, and answer it."""
        inside = unbundle(message[2]) if len(message) == 3 else None
        if inside is None or self._asked or not self.is_open:
            return False
        self._inside += len(inside)
        self._asked, self._answers = (message[0], {token for token, _ in inside}), []
        self._hand_on([(message[0], *one) for one in inside])
        self._asked = None
        self.reply(*message[:2], canonical(self._answers))
        return True

    def look_again(self) -> None:
        """Do what was planned."""
        self._looking = False
        self.drain()

    def _give(self, parts: Message) -> bool | None:
        """Send; None: nobody of that name is there."""
        try:
            return bool(self._pump.send(*parts))
        except OSError as error:
            if isinstance(error, zmq.ZMQError):
                raise
            return None

    def _hand_on(self, messages: list[Message]) -> None:
        for message in messages:
            try:
                self._on_message(message)
            except Exception as error:  # noqa: BLE001 - as the native one
                self._on_error(error)

    def _look_after(self) -> None:
        if not self._draining:
            self._look_if_more()

    def _look_if_more(self) -> None:
        if not self._looking and self.is_open and self._pump.readable:
            self._looking = True
            self.looks += 1


def canonical(messages: list[tuple[bytes, bytes]]) -> bytes:
    """Return a bundle as cities write it: the head of an array of 16 bits, whatever is in it."""
    items = 2 + 2 * len(messages)
    packed = bundle(messages)
    head = 1 if packed[0] & 0xF0 == 0x90 else 3
    return b"\xdc" + items.to_bytes(2, "big") + packed[head:]
