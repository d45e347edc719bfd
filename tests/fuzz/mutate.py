"""Mutations of msgpack frames and of texts: some know the structure, most do not."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

import msgpack

_EDGES = (0, 1, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC4, 0xC6, 0xCA, 0xCB, 0xCF,
          0xD3, 0xD9, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xE0, 0xFF)  # fmt: skip
_LENGTHS = (b"\xdd\xff\xff\xff\xff", b"\xdc\xff\xff", b"\xdf\x7f\xff\xff\xff",
            b"\xc6\xff\xff\xff\xff", b"\xdb\x80\x00\x00\x00", b"\xc9\x00\x01\x00\x00\x05",
            b"\x91" * 2_000)  # fmt: skip
_VALUES = (None, True, False, 0, -1, 2**63, 2**64 - 1, -(2**63), 1.5, float("nan"), float("inf"),
           "", "x" * 300, "\x00", "é", b"", bytes(17), [], [[]], {}, {"a": []}, {1: 2})  # fmt: skip
_WORDS = (b"-1", b"1e999", b"nan", b"[]", b"{}", b"''", b'"\xff"', b"true", b"[city]", b"=", b"\n",
          b"9" * 30, b"\x00", b"0x", b"1979-05-27", b'"""')  # fmt: skip


def mutate(dice: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return something like one of the seeds."""
    data = bytearray(dice.choice(seeds))
    if dice.random() < 0.4:
        data = bytearray(_other_item(dice, bytes(data)))
    for _ in range(dice.choice((0, 1, 1, 2, 3, 8))):
        _step(dice, data, seeds)
    return bytes(data)


def _step(dice: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    at = dice.randrange(len(data) + 1)
    way = dice.randrange(9)
    if way == 0 and data:
        data[at % len(data)] ^= 1 << dice.randrange(8)
    elif way == 1 and data:
        data[at % len(data)] = dice.choice(_EDGES)
    elif way == 2:
        del data[at:]
    elif way == 3:
        del data[at : at + dice.randrange(1, 9)]
    elif way == 4:
        data[at:at] = dice.randbytes(dice.randrange(1, 9))
    elif way == 5:
        data[at:at] = dice.choice(_LENGTHS)
    elif way == 6:
        other = dice.choice(seeds)
        begin = dice.randrange(len(other))
        data[at:] = other[begin:]
    elif way == 7:
        data[at:at] = dice.choice(_WORDS)
    else:
        data[at : at + 8] = struct.pack("<d", dice.choice((0.0, -0.0, float("nan"), 1e308)))


def _other_item(dice: random.Random, data: bytes) -> bytes:
    """Replace one item of a frame by another value; what is no frame stays as it is."""
    try:
        items = msgpack.unpackb(data, strict_map_key=False)
    except ValueError:
        return data
    if not isinstance(items, list) or not items:
        return data
    way = dice.randrange(4)
    if way == 0:
        items.insert(dice.randrange(len(items) + 1), dice.choice(_VALUES))
    elif way == 1:
        del items[dice.randrange(len(items))]
    else:
        items[dice.randrange(len(items))] = dice.choice(_VALUES)
    return bytes(msgpack.packb(items))
