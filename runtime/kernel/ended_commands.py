"""Ended commands in little memory: a zone keeps tens of thousands, a city has dozens of zones.

Each is two byte strings and a place in a dictionary, about half of what plain tuples take. They
leave by their deadlines, which are put in order by the ``SPAN_NS`` only: one is forgotten up to so
much later than it could be, and never sooner.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, MutableMapping
from heapq import heappop, heappush
from typing import NamedTuple

Key = tuple[str, bytes]

#: Deadlines are in order as far as they lie further apart than this.
SPAN_NS = 2_000_000_000
_HEAD = struct.Struct("<QB")
_ID = struct.Struct("<B")
_LATEST_NS = 2**64 - 1


class Ended(NamedTuple):
    """A command that has its end."""

    deadline_ns: int
    digest: bytes
    frame: bytes
    """The OUTCOME."""


class EndedCommands(MutableMapping[Key, Ended]):
    """Principal and id -> its end."""

    __slots__ = ("_kept", "_spans", "_starts")

    def __init__(self) -> None:
        """Have none."""
        self._kept: dict[bytes, bytes] = {}
        self._spans: dict[int, list[bytes]] = {}
        """Number of a span -> what has its deadline in it, and may have gone meanwhile."""
        self._starts: list[int] = []
        """The numbers, as a heap."""

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and _packed(key) in self._kept

    def __getitem__(self, key: Key) -> Ended:
        return _ended(self._kept[_packed(key)])

    def get(self, key: Key, default: Ended | None = None) -> Ended | None:  # type: ignore[override]
        """Return the end of a command; None: it is not known."""
        found = self._kept.get(_packed(key))
        return _ended(found) if found is not None else default

    def __setitem__(self, key: Key, ended: Ended) -> None:
        """Keep an end.

        Raises:
            ValueError: id or digest have more than 255 bytes; whoever checks frames is wrong.
        """
        packed = _packed(key)
        deadline_ns, digest, frame = ended
        if not 0 <= deadline_ns <= _LATEST_NS:
            deadline_ns = min(max(0, deadline_ns), _LATEST_NS)
        if len(digest) > 255:
            raise ValueError(f"a digest has {len(digest)} bytes, allowed: up to 255")
        self._kept[packed] = _HEAD.pack(deadline_ns, len(digest)) + digest + frame
        span = -(-deadline_ns // SPAN_NS)  # it is over when all of it is
        found = self._spans.get(span)
        if found is None:
            self._spans[span] = [packed]
            heappush(self._starts, span)
        else:
            found.append(packed)

    def __delitem__(self, key: Key) -> None:
        del self._kept[_packed(key)]

    def __iter__(self) -> Iterator[Key]:
        return map(_key, self._kept)

    def rows(self) -> tuple[int, Iterator[tuple[Key, Ended]]]:
        """Return how many there are, and each, as of now: what comes later is not among them."""
        kept = list(self._kept.items())
        return len(kept), ((_key(packed), _ended(value)) for packed, value in kept)

    def due(self, now_ns: int) -> bool:
        """Return whether one may leave at boot-time ``now_ns``."""
        while self._starts and not self._spans[self._starts[0]]:
            del self._spans[heappop(self._starts)]
        return bool(self._starts) and self._starts[0] * SPAN_NS <= now_ns

    def drop_first(self) -> int:
        """Forget one of those with the earliest deadlines; return its deadline.

        0: that one had gone before. Call it only when one is ``due``.
        """
        span = self._starts[0]
        packed = self._spans[span].pop()
        found = self._kept.get(packed)
        deadline_ns = _HEAD.unpack_from(found)[0] if found is not None else 0
        if found is None or -(-deadline_ns // SPAN_NS) != span:
            return 0  # it has gone, or come again with another deadline
        del self._kept[packed]
        return int(deadline_ns)

    def shifted(self, offset_ns: int) -> EndedCommands:
        """Return the same commands with their deadlines shifted; none before zero."""
        made = EndedCommands()
        for key, ended in self.rows()[1]:
            made[key] = ended._replace(deadline_ns=max(0, ended.deadline_ns + offset_ns))
        return made


def _packed(key: Key) -> bytes:
    principal, id = key
    return _ID.pack(len(id)) + id + principal.encode("utf-8", "surrogatepass")


def _key(packed: bytes) -> Key:
    end = 1 + packed[0]
    return packed[end:].decode("utf-8", "surrogatepass"), packed[1:end]


def _ended(value: bytes) -> Ended:
    deadline_ns, length = _HEAD.unpack_from(value)
    begin = _HEAD.size + length
    return Ended(deadline_ns, value[_HEAD.size : begin], value[begin:])
