"""The watermark of a journal: which record was the last that was acknowledged. In its own file.

SQLite drops a commit of which one byte is wrong, and all commits behind it, without a word: it
takes them for the torn end of a crash. The watermark tells the two apart. It is written and on
disk *before* a record is acknowledged, in two slots that take turns, each with its own hash: a
torn slot leaves the other one, which is one commit older.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from jacquemart.runtime.store.format import START, Tip

_MAGIC = b"JQMK"
_VERSION = 1
_SLOT = struct.Struct("<4sHHQ16sQQ32s")
_DIGEST = 16
#: Slots lie in sectors of their own.
STRIDE = 4096
_SIZE = 2 * STRIDE


class Mark(NamedTuple):
    """What was acknowledged, of which journal and by which owner."""

    journal: bytes
    """Identifies the journal, 16 bytes."""
    epoch: int
    tip: Tip
    turn: int = 0
    """Counts the writes; the higher one of two slots is the newer."""


def pack(mark: Mark) -> bytes:
    """Return a slot."""
    body = _SLOT.pack(
        _MAGIC, _VERSION, 0, mark.turn, mark.journal, mark.epoch, mark.tip.sequence, mark.tip.digest
    )
    return body + sha256(body).digest()[:_DIGEST]


def unpack(slot: bytes) -> Mark | None:
    """Return the mark of a slot, or None if it holds no whole one."""
    body, digest = slot[: _SLOT.size], slot[_SLOT.size : _SLOT.size + _DIGEST]
    if len(digest) < _DIGEST or sha256(body).digest()[:_DIGEST] != digest:
        return None
    magic, version, _, turn, journal, epoch, sequence, tip = _SLOT.unpack(body)
    if magic != _MAGIC or version != _VERSION:
        return None
    return Mark(journal, epoch, Tip(sequence, tip), turn)


def newest(content: bytes) -> Mark | None:
    """Return the newer whole mark of a file's content, or None if there is none."""
    found = (unpack(content[place : place + STRIDE]) for place in (0, STRIDE))
    return max((mark for mark in found if mark), key=lambda mark: mark.turn, default=None)


def read(path: Path) -> Mark | None:
    """Return the mark of a file; None if there is no file, or no whole mark in it.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return newest(path.read_bytes())
    except FileNotFoundError:
        return None


class MarkFile:
    """The file of one journal, open for its owner."""

    def __init__(self, path: Path, journal: bytes, epoch: int) -> None:
        """Open the file, or make it with a mark before the first record.

        Raises:
            OSError: it can neither be opened nor be made.
        """
        self._path = path
        self._journal = journal
        self._epoch = epoch
        before = read(path)
        self._turn = before.turn if before else 0
        # O_DSYNC: a write returns when it is on disk. It is one call and not two, and so gives the
        # interpreter lock away once.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_DSYNC
        self._fd = os.open(path, flags, 0o600)
        try:
            if before is None:
                self._put(bytes(_SIZE), 0)
                self.write(START)
        except OSError:
            self.close()
            raise

    @property
    def fd(self) -> int:
        """The descriptor: what is written by it is on disk when the call returns."""
        return self._fd

    def next(self, tip: Tip) -> tuple[bytes, int]:
        """Return the next mark as bytes, and where in the file it belongs; see ``tried``."""
        turn = self._turn + 1
        return pack(Mark(self._journal, self._epoch, tip, turn)), turn % 2 * STRIDE

    def tried(self) -> None:
        """Take note that the next mark was written, or may be there: the one after it is next."""
        self._turn += 1

    def write(self, tip: Tip) -> None:
        """Have a mark on disk.

        Raises:
            OSError: it may be there or not; open the file again, and write it again.
        """
        slot, place = self.next(tip)
        self.tried()
        self._put(slot, place)

    def _put(self, content: bytes, place: int) -> None:
        if os.pwrite(self._fd, content, place) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1
