"""The ledger of a cell: what it is doing now, kept where its own end cannot take it.

*Theory.* A memory-mapped file on the cell's host. To write is to store into memory, with no call
of the kernel, about a microsecond a command; what a process has stored stays in the file however
it ends (SIGKILL, a crash in native code), and is lost only with the host. Whoever adopts the
cell's devices reads it and knows two things for certain:

- a command whose digest is not among those **sent** never reached a driver, so it may be executed
  by somebody else; one that is there may have taken effect, and is never sent again;
- which messages were **in hand** when the process died, so that one that kills every process that
  touches it is found out (``kernel.poison``).

*Rules.* One writer, the cell's loop; the watchdog's thread writes its own field. A reader may look
at any moment. Nothing here tells of another host: a path is worth something on one host only.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, Self

import msgpack  # type: ignore[import-untyped]

from jacquemart.native.marks import Marks
from jacquemart.runtime.cell import ledger_layout as at
from jacquemart.runtime.cell.digests import device_key, digest, part_of
from jacquemart.runtime.cell.ledger_reading import InHand, Left, number, read, whole
from jacquemart.runtime.kernel.poison import Attempts
from jacquemart.runtime.model.errors import StartError

__all__ = ["Attempts", "InHand", "Left", "Ledger", "device_key", "digest", "part_of"]

#: Slots that are kept free for handlers that end in the same turn.
KEPT_FREE = 64


class Message(Protocol):
    """What a ledger wants to know of a command; a ``Ticket`` is one."""

    id: bytes
    principal: str
    device: str
    verb: str
    point: str
    value: float | int | bool | str | None
    unit: str
    priority: int

    @property
    def of_bulk(self) -> bool:
        """Whether others, to other devices, have the same identity."""
        ...


class Ledger(Marks):
    """Writes a cell's ledger. Not thread-safe, but for ``held``.

    Of messages, ``native.marks`` writes: ``handling``, ``returned``, ``handled`` and ``sent``.
    """

    def __init__(self) -> None:
        """Write to nowhere; see ``begin``."""
        self.path = ""
        self._map: mmap.mmap | None = None
        self._numbers: memoryview[int] | None = None
        self._view: memoryview | None = None
        self._pack = msgpack.Packer().pack

    @classmethod
    def create(cls, path: str) -> Self:
        """Return a ledger that writes to ``path``; see ``begin``."""
        ledger = cls()
        ledger.begin(path)
        return ledger

    def begin(self, path: str) -> None:
        """Make a file for one incarnation of a cell; an empty path: go on keeping nothing.

        Raises:
            StartError: the file exists, or cannot be made. Whoever chose the path is wrong.
        """
        if not path:
            return
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(fd, at.SIZE)
                self._open(mmap.mmap(fd, at.SIZE))
            finally:
                os.close(fd)
        except OSError as error:
            raise StartError(f"no ledger can be made: {error.strerror}", where=path) from error
        self.path = path

    def _open(self, pages: mmap.mmap) -> None:
        self._map = pages
        self._view = memoryview(pages)
        numbers = self._numbers = self._view.cast("Q")
        numbers[at.AT_PID] = os.getpid()
        numbers[at.AT_VERSION] = at.VERSION
        numbers[at.AT_MAGIC] = at.MAGIC  # last: before this, it is no ledger
        self.attach(
            pages, entries=at.SLOTS, at_entries=at.AT_SLOTS, entry_size=at.SLOT.size,
            text_size=at.TEXT, kept_free=KEPT_FREE, at_running=at.AT_RUNNING, at_count=at.AT_SENT,
            at_ring=at.AT_RING, ring_size=at.RING, at_blocks=at.AT_BLOCKS, block_size=at.BLOCK,
        )  # fmt: skip

    # Messages --------------------------------------------------------------------------------

    def content_of(self, message: Message) -> bytes:
        """Return what is kept of a message that is too long, or has a number beyond eight bytes."""
        try:
            content: bytes = self._pack((
                message.id, message.principal, message.device, message.verb, message.point,
                message.value, message.unit, message.priority, message.of_bulk,
            ))  # fmt: skip
        except (ValueError, OverflowError):  # a whole number beyond eight bytes
            content = b""
        return content if 0 < len(content) <= at.TEXT else self._shortened(message)

    def _shortened(self, message: Message) -> bytes:
        parts = (message.principal, message.device, message.verb, message.point)
        content: bytes = self._pack((message.id, *(_cut(part) for part in parts)))
        return content

    def starting(self, device: str) -> None:
        """Note that an actor's start runs; it can end a process, too."""
        pages = self._map
        if pages is not None:
            name = device.encode()[:96]
            at.HELD.pack_into(pages, at.AT_STARTING, 1, len(name), name, 1)

    def started(self) -> None:
        """Note that no actor is being started."""
        numbers = self._numbers
        if numbers is not None:
            numbers[at.AT_STARTING // 8] = 0

    def blind_until(self, now_ns: int) -> None:
        """Note that nobody here knows what others did before; ``now_ns``: boot-time clock."""
        numbers = self._numbers
        if numbers is not None:
            numbers[at.AT_BLIND] = max(now_ns, numbers[at.AT_BLIND])

    def take_over(self, path: str) -> None:
        """Know what another ledger has as sent, before anything was sent here.

        Raises:
            StartError: as of ``read``.
        """
        pages, numbers = self._map, self._numbers
        if pages is None or numbers is None:
            return
        content = whole(path)
        for place in range(at.AT_BLOCKS, at.AT_BLOCKS + at.BLOCKS):
            numbers[place] = number(content, place)
        pages[at.AT_RING : at.SIZE] = content[at.AT_RING : at.SIZE]
        numbers[at.AT_BLIND] = number(content, at.AT_BLIND)
        self.sent_count = number(content, at.AT_SENT)

    # What is handed on -----------------------------------------------------------------------

    def write_attempts(self, attempts: Mapping[bytes, Attempts]) -> None:
        """Replace the attempts; the newest that find room are kept."""
        pages = self._map
        if pages is None:
            return
        newest = list(attempts.items())[-at.ATTEMPTS :]
        for place in range(at.ATTEMPTS):
            offset = at.AT_ATTEMPTS + place * at.ATTEMPT.size
            if place < len(newest):
                key, found = newest[place]
                device = found.device.encode()[:80]
                stamp = self.next_stamp()
                at.ATTEMPT.pack_into(
                    pages, offset, stamp, found.deaths, key, len(device), device, stamp
                )
            else:
                pages[offset : offset + 8] = bytes(8)

    def held(self, device: str, ms: int) -> None:
        """Note that the process ends now, since the loop was held; from the watchdog's thread."""
        pages, numbers = self._map, self._numbers
        if pages is None or numbers is None:
            return
        name = device.encode()[:96]
        at.HELD.pack_into(pages, at.AT_HELD_BY, 1, len(name), name, 1)
        numbers[at.AT_HELD_MS] = ms

    def close(self, *, remove: bool = False) -> None:
        """Let go of the file, and remove it if asked; idempotent."""
        self.detach()
        for view in (self._numbers, self._view):
            if view is not None:
                view.release()
        if self._map is not None:
            self._map.close()
        self._map = self._view = self._numbers = None
        if remove and self.path:
            Path(self.path).unlink(missing_ok=True)

    @staticmethod
    def read(path: str) -> Left:
        """Return what a process has left; an empty path: nothing.

        Raises:
            StartError: the file is gone or is no ledger. Nothing is known then, so everything
                that was with the process may have been sent.
        """
        return read(path)


def _cut(text: str) -> str:
    return text.encode()[:100].decode(errors="ignore")
