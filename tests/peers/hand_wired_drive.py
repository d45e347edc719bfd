"""Steps of a story that every cell moved by hand knows: who comes, answers, waits and is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hand_wired_gateway import Sent


class HandWiredDrive:
    """Does the steps of a story to one cell, a hand-wired gateway or zone cell.

    ``message_of`` makes the message that is wanted, at a time; ``answer_of`` what a cell says to
    what it was sent: status, reason, and in which odd way.
    """

    def __init__(
        self,
        cell: Any,
        homes: Mapping[str, str],
        epochs: Mapping[str, int],
        message_of: Callable[[dict[str, Any], int], tuple[bytes, ...]],
        answer_of: Callable[[Sent, int, str, str], bytes],
    ) -> None:
        self._cell, self._homes, self._epochs = cell, homes, dict(epochs)
        self._message_of, self._answer_of = message_of, answer_of
        self._answered: set[tuple[str, bytes]] = set()
        cell.find(homes, self._epochs)

    def do(self, step: tuple[Any, ...]) -> None:
        getattr(self, f"do_{step[0]}")(*step[1:])

    def do_come(self, wanted: list[dict[str, Any]]) -> None:
        now = self._cell.clock.now_ns
        self._cell.come(*(self._message_of(one, now) for one in wanted))

    def do_answer(self, which: int, end: tuple[int, str], how: str) -> None:
        waiting = [
            sent for sent in self._cell.to_cells()
            if (sent.cell, sent.token) not in self._answered
        ]  # fmt: skip
        if not waiting:
            return
        sent = waiting[which % len(waiting)]
        self._answered.add((sent.cell, sent.token))
        frame = self._answer_of(sent, *end, how)
        for _ in range(2 if how == "twice" else 1):
            self._cell.answer(sent, frame)

    def do_pass(self, ms: int) -> None:
        self._cell.pass_ms(ms)

    def do_room(self, cell: str, has_room: bool) -> None:
        for socket in self._cell.context.sockets:
            if socket.endpoint.startswith(f"{cell}@"):
                socket.has_room = has_room

    def do_gone(self, peer: bytes, is_gone: bool) -> None:
        gone = self._cell.clients.gone
        (gone.add if is_gone else gone.discard)(peer)

    def do_find(self, moved: dict[str, str], restarted: str) -> None:
        if restarted:
            self._epochs[restarted] += 10
        self._cell.find({**self._homes, **moved}, self._epochs)


def broken_message(peer: bytes, token: bytes, frame: bytes, how: str) -> tuple[bytes, ...]:
    """Return a client's message with this wrong with it; of any other word, as it should be."""
    if how == "cut":
        frame = frame[:-1]
    elif how == "longer":
        frame += b"\xc0"
    elif how == "wide":  # another head of the same array: valid, and written by nobody
        frame = b"\xdc\x00" + bytes([frame[0] & 0x0F]) + frame[1:]
    elif how == "kind":
        frame = frame[:2] + b"\x02" + frame[3:]
    return (peer, token, frame)[: 2 if how == "parts" else 3]
