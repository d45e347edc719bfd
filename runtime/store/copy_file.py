"""A copy of a journal's records, kept by somebody else than its owner: bounded and checked.

A file of chunks, each a header (length u32, CRC-32 u32, little-endian) and a msgpack list of rows
``[sequence, epoch, wall_ns, kind, packed body]``. A torn or altered chunk ends what can be read;
what follows is asked for again. When a file is full, it becomes the older one of two.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Any, cast

import msgpack  # type: ignore[import-untyped]

from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.model.record import Record, RecordKind
from jacquemart.runtime.store.folder import file_name
from jacquemart.runtime.store.format import unpack_body

_HEADER = struct.Struct("<II")
#: A file of more bytes than this is followed by a new one; one older file is kept.
FULL = 64 * 2**20
_KINDS = {int(kind): kind for kind in RecordKind}

Row = Sequence[Any]


class CopyFile:
    """The copy of one zone's journal in a folder."""

    def __init__(self, folder: Path, zone: str, full: int = FULL) -> None:
        """Open it, or begin it; what is torn at its end is cut off.

        Raises:
            JournalError: the disk.
        """
        self.path = copy_path(folder, zone)
        self._full = full
        self.last = 0
        """Number of the last record that it has."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sound = 0
            for end, rows in _chunks(self.path):
                self._sound, self.last = end, int(rows[-1][0])
            if not self._sound:
                for _, rows in _chunks(_older(self.path)):
                    self.last = int(rows[-1][0])
            self._file = self._open()
        except OSError as error:
            raise _disk(error, self.path) from error

    def append(self, rows: Sequence[Row]) -> None:
        """Add records; those that do not follow on the last one begin the copy anew.

        Raises:
            JournalError: the disk; the copy has them not, or not all.
        """
        if not rows:
            return
        packed: bytes = msgpack.packb(rows, use_bin_type=True)
        chunk = _HEADER.pack(len(packed), zlib.crc32(packed)) + packed
        try:
            if self._file.closed:  # what is torn since the disk failed must not stand in between
                self._file = self._open()
            if self.last and rows[0][0] != self.last + 1:
                _older(self.path).unlink(missing_ok=True)
                self._file.truncate(0)
                self._sound = 0
            elif self._sound > self._full:
                self._file.close()
                os.replace(self.path, _older(self.path))
                self._sound = 0
                self._file = self._open()
            if self._file.write(chunk) != len(chunk):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self.close()
            raise _disk(error, self.path) from error
        self._sound += len(chunk)
        self.last = int(rows[-1][0])

    def _open(self) -> FileIO:
        """Open the file behind its last sound chunk, and cut off what is torn."""
        file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed by ``close``
        file.truncate(self._sound)
        return file

    def close(self) -> None:
        """Close it; idempotent."""
        with contextlib.suppress(OSError):
            self._file.close()


def copy_path(folder: Path, zone: str) -> Path:
    """Return where the copy of a zone's journal is."""
    return folder / f"{file_name(zone)}.records"


def records_of(folder: Path, zone: str) -> Iterator[Record]:
    """Yield the records that a copy has, in order; none if there is no copy."""
    path = copy_path(folder, zone)
    for one in (_older(path), path):
        for _, rows in _chunks(one):
            for sequence, epoch, wall_ns, number, body in rows:
                # A kind that is not known is a later version's, and is kept as it is.
                kind = _KINDS.get(number, cast(RecordKind, number))
                yield Record(sequence, epoch, wall_ns, kind, unpack_body(body))


def _older(path: Path) -> Path:
    return path.with_suffix(".older")


def _chunks(path: Path) -> Iterator[tuple[int, list[Row]]]:
    """Yield the end of each sound chunk in a file, and its rows."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        while len(header := file.read(_HEADER.size)) == _HEADER.size:
            length, check = _HEADER.unpack(header)
            packed = file.read(length) if length <= 2 * FULL else b""
            if len(packed) != length or zlib.crc32(packed) != check or not length:
                return
            rows = msgpack.unpackb(packed, raw=False, strict_map_key=False)
            if not rows:
                return
            yield file.tell(), rows


def _disk(error: OSError, path: Path) -> JournalError:
    return JournalError(f"the copy cannot be written: {error.strerror}", where=str(path))
