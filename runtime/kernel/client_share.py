"""What one client of a gateway may have under way at a time, and what it may have answered. Pure.

*Theory.* Each client has bounds of its own, so that what one asks for is no other's loss. Questions
that make a zone work (**heavy**: lists, snapshots, values) run a few at a time, and others wait
here in their order; questions that only wait for something are cheap. Answers are what a client can
cost most by: one who asks and never reads fills the memory of its gateway until its connection is
cut. So a client has a credit of bytes, which grows back with time. Each answer is taken from it,
however large; who has none left is told when to ask again, before any work is done for it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

#: Questions of a client without an answer, and their bytes.
MOST_QUESTIONS = 1_000
MOST_BYTES = 2 * 2**20
#: Heavy ones that run at a time.
MOST_HEAVY = 8
#: Bytes of answers at once, and how many grow back in a second.
CREDIT_BYTES = 16 * 2**20
CREDIT_A_SECOND = 8 * 2**20
#: Who has too many questions under way shall ask again after so long.
RETRY_MS = 100
SECOND = 1_000_000_000

Item = TypeVar("Item")


class Share(NamedTuple):
    """Exactly one of the three."""

    runs: bool = False
    """Do it now."""
    waits: bool = False
    """It waits, and ``done`` gives it back when its turn comes."""
    retry_ms: int = 0
    """Too much: nothing is done; it may be asked again after so long."""
    why: str = ""


@dataclass
class _Client(Generic[Item]):
    questions: int = 0
    bytes: int = 0
    heavy: int = 0
    """Running now."""
    waiting: deque[Item] = field(default_factory=deque)
    credit: int = CREDIT_BYTES
    at_ns: int = 0
    """When ``credit`` was so much."""

    def grow(self, now_ns: int) -> None:
        passed = max(0, now_ns - self.at_ns)
        self.credit = min(CREDIT_BYTES, self.credit + passed * CREDIT_A_SECOND // SECOND)
        self.at_ns = now_ns


class ClientShares(Generic[Item]):
    """The shares of all clients that have any questions, or little credit."""

    def __init__(self) -> None:
        """Know of no client."""
        self._clients: dict[bytes, _Client[Item]] = {}
        self.refused = 0

    def __len__(self) -> int:
        return len(self._clients)

    def of(self, client: bytes) -> tuple[int, int, int, int]:
        """Return questions, their bytes, heavy ones that run, and those that wait."""
        found = self._clients.get(client)
        if found is None:
            return (0, 0, 0, 0)
        return (found.questions, found.bytes, found.heavy, len(found.waiting))

    def ask(self, client: bytes, size: int, item: Item, now_ns: int, *, heavy: bool) -> Share:
        """Take a question of ``size`` bytes at boot-time ``now_ns``; ``done`` follows, if taken."""
        one = self._clients.get(client)
        if one is None:
            one = self._clients[client] = _Client(at_ns=now_ns)
        one.grow(now_ns)
        refusal: Share | None = None
        if one.credit <= 0:
            ms = 1 + -one.credit * 1_000 // CREDIT_A_SECOND
            refusal = Share(retry_ms=ms, why="this client was told more than it may be for now")
        elif one.questions >= MOST_QUESTIONS or one.bytes + size > MOST_BYTES:
            why = f"this client has {one.questions} questions under way ({one.bytes:,} bytes)"
            refusal = Share(retry_ms=RETRY_MS, why=why)
        if refusal is not None:
            self.refused += 1
            return refusal
        one.questions += 1
        one.bytes += size
        if not heavy:
            return Share(runs=True)
        if one.heavy >= MOST_HEAVY:
            one.waiting.append(item)
            return Share(waits=True)
        one.heavy += 1
        return Share(runs=True)

    def done(
        self, client: bytes, size: int, answered: int, now_ns: int, *, heavy: bool
    ) -> Item | None:
        """Take that a question has its answer of so many bytes; return the next to run, if any."""
        one = self._clients[client]
        one.grow(now_ns)
        one.questions -= 1
        one.bytes -= size
        one.credit -= answered
        if not heavy:
            return None
        if one.waiting:
            return one.waiting.popleft()
        one.heavy -= 1
        return None

    def charge(self, client: bytes, answered: int, now_ns: int) -> None:
        """Take that a client was told so many bytes that it did not ask a question for."""
        one = self._clients.get(client)
        if one is None:
            one = self._clients[client] = _Client(at_ns=now_ns)
        one.grow(now_ns)
        one.credit -= answered

    def forget_idle(self, now_ns: int) -> None:
        """Forget those who have no questions, and all their credit."""
        for client, one in list(self._clients.items()):
            one.grow(now_ns)
            if not one.questions and one.credit >= CREDIT_BYTES:
                del self._clients[client]
