"""Reads a ledger that a process has left, at whatever moment it was cut off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from struct import unpack_from
from typing import Any

import msgpack  # type: ignore[import-untyped]

from jacquemart.runtime.cell import ledger_layout as at
from jacquemart.runtime.cell.digests import digest, part_of
from jacquemart.runtime.kernel.poison import Attempts
from jacquemart.runtime.model.errors import StartError


@dataclass(frozen=True, slots=True)
class InHand:
    """A message that was in hand when its process ended."""

    id: bytes
    principal: str
    device: str
    verb: str
    point: str
    value: float | int | bool | str | None
    unit: str
    priority: int
    whole: bool
    """Whether all of it is here; the value of a very long one is not."""
    running: bool
    """Its handler was on the loop's stack at that moment."""
    of_bulk: bool = False

    @property
    def digest(self) -> bytes:
        """What stands for it."""
        if self.of_bulk:
            return part_of(self.principal, self.device, self.id)
        return digest(self.principal, self.id)


@dataclass(frozen=True, slots=True)
class Left:
    """What a process has left behind."""

    handling: tuple[InHand, ...] = ()
    sent: frozenset[bytes] = frozenset()
    """Digests of (principal, id); see ``digest``."""
    attempts: Mapping[bytes, Attempts] = field(default_factory=dict)
    """By key: the digest of a message, or ``device_key``."""
    sent_since_ns: int = 0
    """``sent`` has everything since that moment (boot-time clock); 0: since the beginning."""
    held_by: str = ""
    """The watchdog ended the process, since this device held its loop; "?" if nobody knows who."""
    held_ms: int = 0
    starting: str = ""
    """The device whose ``on_start`` ran."""
    pid: int = 0
    blind_until_ns: int = 0
    """What was done to the field before is not known (boot-time clock); 0: that was not told."""

    def may_have_sent(self, principal: str, id: bytes, accepted_ns: int) -> bool:
        """Return whether a command that came at ``accepted_ns`` may have reached its driver."""
        return digest(principal, id) in self.sent or accepted_ns < self.sent_since_ns


def read(path: str) -> Left:
    """Return what a process has left; an empty path: nothing.

    Raises:
        StartError: the file is gone or is no ledger. Nothing is known then, so everything that
            was with the process may have been sent.
    """
    if not path:
        return Left()
    content = whole(path)
    sent, since_ns = _sent(content)
    held_ms = number(content, at.AT_HELD_MS)
    return Left(
        _handling(content), sent, _attempts(content), since_ns,
        (_text(content, at.AT_HELD_BY) or "?") if held_ms else "", held_ms,
        _text(content, at.AT_STARTING), number(content, at.AT_PID), number(content, at.AT_BLIND),
    )  # fmt: skip


def whole(path: str) -> bytes:
    """Return the content of a ledger's file.

    Raises:
        StartError: see ``read``.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise StartError(f"the ledger cannot be read: {error.strerror}", where=path) from error
    if len(content) != at.SIZE or number(content, at.AT_MAGIC) != at.MAGIC:
        raise StartError("this is no ledger, or it was never begun", where=path)
    version = number(content, at.AT_VERSION)
    if version != at.VERSION:
        raise StartError(f"the ledger has version {version}, known: {at.VERSION}", where=path)
    return content


def number(content: bytes, place: int) -> int:
    """Return the number at a place of eight bytes."""
    found: int = unpack_from("@Q", content, 8 * place)[0]
    return found


def _sent(content: bytes) -> tuple[frozenset[bytes], int]:
    """Return the digests, and since when they are all there.

    The one that the next to be sent would overwrite may be half of either, once the ring is full.
    """
    count = number(content, at.AT_SENT)
    first = max(0, count - at.RING + 1)
    places = (at.AT_RING + number % at.RING * at.DIGEST for number in range(first, count))
    found = frozenset(content[place : place + at.DIGEST] for place in places)
    if not first:
        return found, 0
    # What was sent since a block began is all there if its first entry is.
    block = -(-first // at.BLOCK)
    return found, number(content, at.AT_BLOCKS + block % at.BLOCKS)


def _handling(content: bytes) -> tuple[InHand, ...]:
    running = number(content, at.AT_RUNNING)
    found: list[tuple[int, InHand]] = []
    for slot in range(at.SLOTS):
        offset = at.AT_SLOTS + slot * at.SLOT.size
        if not content[offset : offset + 8].strip(b"\0"):
            continue
        stamp, length, text, again = at.SLOT.unpack_from(content, offset)
        message = _message(text[:length], slot + 1 == running) if stamp == again else None
        if message is not None:
            found.append((stamp, message))
    return tuple(message for _, message in sorted(found, key=lambda pair: pair[0]))


def _message(text: bytes, running: bool) -> InHand | None:
    """Return a message; None if its entry is not one, which an old stamp over it may make it."""
    try:
        fields: Any = msgpack.unpackb(text)
        id, principal, device, verb, point, *rest = fields
    except (ValueError, TypeError, msgpack.UnpackException):
        return None
    value, unit, priority, part = rest if len(rest) == 4 else (None, "", 16, False)
    return InHand(
        id, principal, device, verb, point, value, unit, priority, bool(rest), running, part
    )


def _attempts(content: bytes) -> dict[bytes, Attempts]:
    found = {}
    for place in range(at.ATTEMPTS):
        offset = at.AT_ATTEMPTS + place * at.ATTEMPT.size
        stamp, deaths, key, length, device, again = at.ATTEMPT.unpack_from(content, offset)
        if stamp and stamp == again:
            found[key] = Attempts(deaths, device[:length].decode(errors="replace"))
    return found


def _text(content: bytes, place: int) -> str:
    """Return a stamped text of the header; empty if it was never written, or not to its end."""
    stamp, length, text, again = at.HELD.unpack_from(content, place)
    found: str = text[:length].decode(errors="replace") if stamp and stamp == again else ""
    return found
