"""Format 1 of a record on disk, and the chain of hashes that holds a journal together. Pure.

A record is a header and a body. The header is little-endian: sequence (u64), epoch (u64), POSIX
ns (i64), kind (u16), length of the body (u32). The body is msgpack. The hash of a record is
SHA-256 over the hash of the record before, the header and the body; before record 1 stands
``GENESIS``. Records that were committed together lie in one row, one after the other, with the
hash of the last one: so a commit of many records is one row, and the whole 32 bytes cost nothing.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, cast

import msgpack  # type: ignore[import-untyped]

from jacquemart.runtime.model.record import Record, RecordKind

HEADER = struct.Struct("<QQqHI")
GENESIS = bytes(32)
_KINDS = {int(kind): kind for kind in RecordKind}


class Tip(NamedTuple):
    """A place in a chain: the number and the hash of a record."""

    sequence: int
    digest: bytes


START = Tip(0, GENESIS)


class Parcel(NamedTuple):
    """Records of one moment that wait for their numbers on disk and their hashes."""

    first: int
    wall_ns: int
    bodies: Sequence[tuple[int, bytes]]
    """Kind and packed body of each."""


class Broken(ValueError):
    """Bytes that are not what was written, or records that do not follow on each other."""

    def __init__(self, sequence: int, what: str) -> None:
        """Say which record is the first that cannot be trusted."""
        super().__init__(f"record {sequence}: {what}")
        self.sequence = sequence


class _Packer(threading.local):
    """One for each thread: to make one costs more than to pack with it."""

    def __init__(self) -> None:
        self.packer = msgpack.Packer(autoreset=True, use_bin_type=True)


_local = _Packer()


def pack_body(body: Mapping[str, Any]) -> bytes:
    """Return a body as it is written.

    Raises:
        TypeError, ValueError, OverflowError: it holds what no record may hold.
    """
    packer = _local.packer
    try:
        packed: bytes = packer.pack(body)
    except Exception:
        packer.reset()
        raise
    return packed


def unpack_body(packed: bytes) -> dict[str, Any]:
    """Return the body that was packed.

    Raises:
        ValueError: it is none.
    """
    try:
        found = msgpack.unpackb(packed, raw=False, strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        # TypeError: a map whose key is no key.
        raise ValueError(f"no body: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("no body: not a map")
    return found


def chain(tip: Tip, epoch: int, parcels: Iterable[Parcel]) -> tuple[Tip, bytes]:
    """Return where the chain is after some records, and what to write for them."""
    digest = tip.digest
    pack = HEADER.pack
    written: list[bytes] = []
    sequence = tip.sequence
    for sequence, wall_ns, bodies in parcels:
        for kind, body in bodies:
            record = pack(sequence, epoch, wall_ns, kind, len(body)) + body
            digest = sha256(digest + record).digest()
            written.append(record)
            sequence += 1
    return Tip(sequence - 1, digest), b"".join(written)


class Link(NamedTuple):
    """A record that was read, and its hash."""

    record: Record
    digest: bytes


def blob(value: object) -> bytes:
    """Return the bytes of a column: where one is altered, SQLite may give a number or a text.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} where bytes belong")
    return value


#: Sequence, epoch, POSIX ns, kind and packed body of a record.
Row = tuple[int, int, int, int, bytes]


def read_rows(tip: Tip, rows: bytes) -> list[tuple[Row, bytes]]:
    """Return the records that follow on a place of the chain, each with its hash.

    Their bodies stay packed: what the hash covers is what was written.

    Raises:
        Broken: they do not follow on it, or are no records; those before that one are lost with
            it, since the row's hash covers them all.
    """
    sequence, digest = tip
    place, found = 0, []
    while place < len(rows):
        sequence += 1
        if len(rows) - place < HEADER.size:
            raise Broken(sequence, "its header is cut off")
        number, epoch, wall_ns, kind, length = HEADER.unpack_from(rows, place)
        begin = place + HEADER.size
        end = begin + length
        if number != sequence:
            raise Broken(sequence, f"number {number} stands in its place")
        if end > len(rows):
            raise Broken(sequence, "its body is cut off")
        digest = sha256(digest + rows[place:end]).digest()
        found.append(((sequence, epoch, wall_ns, kind, rows[begin:end]), digest))
        place = end
    return found


def read_chain(tip: Tip, rows: bytes) -> list[Link]:
    """Return the records that follow on a place of the chain; see ``read_rows``.

    Raises:
        Broken: likewise, or a body is none.
    """
    links = []
    for (sequence, epoch, wall_ns, kind, packed), digest in read_rows(tip, rows):
        try:
            body = unpack_body(packed)
        except ValueError as error:
            raise Broken(sequence, str(error)) from error
        # A kind that is not known is a later version's, and whoever replays passes over it.
        known = _KINDS.get(kind, cast(RecordKind, kind))
        links.append(Link(Record(sequence, epoch, wall_ns, known, body), digest))
    return links
