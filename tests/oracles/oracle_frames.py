"""What a frame means, by the msgpack package and plain Python: slow, and easy to believe."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import msgpack

U64 = 2**64 - 1

Pick = Callable[[list[bytes]], bytes]


class Refused(Exception):
    """The frame breaks a rule."""


def _pairs(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    for key, _ in pairs:
        if type(key) not in (str, bytes, int):
            raise Refused("key")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("key twice")
    return found


def _depth(value: Any) -> int:
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, (msgpack.ExtType, msgpack.Timestamp)):
        raise Refused("ext")
    return 0


def unpack(frame: bytes) -> list[Any]:
    """Return the items of a frame, or refuse it."""
    try:
        items = msgpack.unpackb(frame, raw=False, strict_map_key=False, object_pairs_hook=_pairs)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
        raise Refused(str(error)) from error
    if type(items) is not list or len(items) < 2 or _depth(items) > 16:
        raise Refused("envelope")
    version, kind = items[:2]
    if type(version) is not int or version != 1 or type(kind) is not int or not 1 <= kind <= 13:
        raise Refused("version or kind")
    return items


def _text(value: Any, limit: int = 255) -> bool:
    return type(value) is str and len(value.encode()) <= limit


def _u64(value: Any, low: int = 0, high: int = U64) -> bool:
    return type(value) is int and low <= value <= high


def _id(value: Any) -> bool:
    return type(value) is bytes and len(value) == 16


def command(frame: bytes) -> tuple[Any, ...]:
    """Return the eleven fields of a command, or refuse the frame."""
    items = unpack(frame)
    if items[1] != 1 or len(items) not in (12, 13):
        raise Refused("not a command")
    value = items[7]
    if not (
        _id(items[2])
        and all(map(_text, (*items[3:7], items[8])))
        and (value is None or type(value) in (bool, int, float) or _text(value, 1024))
        and _u64(items[9], 1, 16) and all(map(_u64, items[10:]))
    ):  # fmt: skip
        raise Refused("field")
    return tuple(items[2:]) if len(items) == 13 else (*items[2:], 0)


def outcome(frame: bytes) -> tuple[Any, ...]:
    """Return the eleven fields of an outcome, or refuse the frame."""
    items = unpack(frame)
    if items[1] != 2 or len(items) != 10:
        raise Refused("not an outcome")
    value, stages = items[8:]
    if not (
        _id(items[2]) and _text(items[3]) and _text(items[4]) and _u64(items[5], 0, 255)
        and _text(items[6]) and _text(items[7], 1024)
        and (value is None or type(value) in (int, float))
        and type(stages) is list and len(stages) == 4 and all(map(_u64, stages))
    ):  # fmt: skip
        raise Refused("field")
    return (*items[2:8], None if value is None else float(value), *stages)


def heartbeat(frame: bytes) -> tuple[Any, ...]:
    """Return the four fields of a heartbeat, or refuse the frame."""
    items = unpack(frame)
    if items[1] != 4 or len(items) != 6 or not _text(items[2]) or not all(map(_u64, items[3:])):
        raise Refused("not a heartbeat")
    return tuple(items[2:])


def batch(frame: bytes) -> tuple[Any, ...]:
    """Return topic, epoch, sequence and the five columns as bytes, or refuse the frame."""
    items = unpack(frame)
    if items[1] != 3 or len(items) != 11:
        raise Refused("not a batch")
    count, columns = items[5], items[6:]
    if not (_text(items[2]) and all(map(_u64, items[3:6])) and count < 2**32):
        raise Refused("field")
    for column, width in zip(columns, (4, 8, 1, 8, 8), strict=True):
        if type(column) is not bytes or len(column) != width * count:
            raise Refused("column")
    return (*items[2:5], *columns)


def encodings(value: Any) -> list[bytes]:
    """Return every head-and-body by which msgpack can say a scalar, the shortest first."""
    if type(value) is int:
        numbers = [
            ("B", b"", 0, 127), ("b", b"", -32, -1), ("B", b"\xcc", 0, 2**8 - 1),
            (">H", b"\xcd", 0, 2**16 - 1), (">I", b"\xce", 0, 2**32 - 1), (">Q", b"\xcf", 0, U64),
            ("b", b"\xd0", -(2**7), 2**7 - 1), (">h", b"\xd1", -(2**15), 2**15 - 1),
            (">i", b"\xd2", -(2**31), 2**31 - 1), (">q", b"\xd3", -(2**63), 2**63 - 1),
        ]  # fmt: skip
        return [head + struct.pack(form, value) for form, head, low, high in numbers
                if low <= value <= high]  # fmt: skip
    if type(value) is float:
        wide = b"\xcb" + struct.pack(">d", value)
        try:
            short = struct.pack(">f", value)
        except OverflowError:
            return [wide]
        return [wide, b"\xca" + short] if struct.unpack(">f", short)[0] == value else [wide]
    if type(value) is str:
        body = value.encode()
        heads = [("B", b"", 32, 0xA0), (">B", b"\xd9", 2**8, 0), (">H", b"\xda", 2**16, 0),
                 (">I", b"\xdb", 2**32, 0)]  # fmt: skip
    elif type(value) is bytes:
        body = value
        heads = [(">B", b"\xc4", 2**8, 0), (">H", b"\xc5", 2**16, 0), (">I", b"\xc6", 2**32, 0)]
    else:
        return [msgpack.packb(value)]
    return [head + struct.pack(form, plus + len(body)) + body for form, head, limit, plus in heads
            if len(body) < limit]  # fmt: skip


def encode(items: list[Any], pick: Pick) -> bytes:
    """Encode an array of scalars and arrays, each in the form that ``pick`` chooses."""
    heads = [b"\xdc" + struct.pack(">H", len(items)), b"\xdd" + struct.pack(">I", len(items))]
    if len(items) < 16:
        heads.insert(0, bytes([0x90 | len(items)]))
    return pick(heads) + b"".join(
        encode(item, pick) if type(item) is list else pick(encodings(item)) for item in items
    )
