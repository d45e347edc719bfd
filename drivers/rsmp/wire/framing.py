"""The bytes of one connection cut into packets. No I/O.

*Theory.* A packet is JSON text in UTF-8 and ends with a form feed, 0x0C (RSMP core 3.2.2,
"Wrapping of packets"), which JSON text cannot hold. TCP keeps the order of bytes and nothing
else: packets come in pieces or several at once.

*Rules.*

1. What comes out depends on the bytes alone, never on how they were split.
2. Form feeds too many are no packets ("must not be sent, but must be handled").
3. A packet longer than the limit is told once, as :data:`TOO_LONG`, as soon as it is too long;
   the rest of it is dropped up to its form feed, and never kept in memory.
"""

from __future__ import annotations

from typing import Final

FORM_FEED: Final = b"\x0c"
#: Longest packet that is taken, in bytes. A whole configuration (S0098) is the longest message.
MAX_PACKET: Final = 1_000_000
#: Stands for a packet that was longer than the limit.
TOO_LONG: Final = b""
_BLANK: Final = b" \t\r\n"


class Framing:
    """Cut one connection's bytes into packets."""

    __slots__ = ("_limit", "_parts", "_size", "_skipping")

    def __init__(self, limit: int = MAX_PACKET) -> None:
        """Start with nothing; ``limit`` is the longest packet taken, in bytes."""
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._skipping = False

    @property
    def pending(self) -> int:
        """Return how many bytes of an unfinished packet are kept."""
        return self._size

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the packets they end, without form feeds, blanks stripped."""
        packets: list[bytes] = []
        *ended, rest = data.split(FORM_FEED)
        for piece in ended:
            self._take(piece, packets)
            if not self._skipping:
                packet = b"".join(self._parts).strip(_BLANK)
                if packet:
                    packets.append(packet)
            self._forget()
            self._skipping = False
        self._take(rest, packets)
        return packets

    def _take(self, piece: bytes, packets: list[bytes]) -> None:
        if self._skipping or not piece:
            return
        self._size += len(piece)
        if self._size > self._limit:
            packets.append(TOO_LONG)
            self._skipping = True
            self._forget()
        else:
            self._parts.append(piece)

    def _forget(self) -> None:
        self._parts.clear()
        self._size = 0
