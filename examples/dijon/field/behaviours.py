"""How a cabinet answers: by the book, or in one of the ways that real ones go wrong.

A behaviour gets one request and returns the bytes to send now; none (``b""``), if it answers
later or never. What is executed and what is not stands with each, since the account rests on it;
a write whose answer does not tell its sender what became of it is noted as unclear.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from field.modbus import WRITES, exception

if TYPE_CHECKING:
    from field.connection import Connection

DRIBBLE_S = 0.02
"""Between two bytes of a dribbled reply."""
LATE_S = 1.5
"""How late a late reply comes; drivers commonly wait one second."""

LEAVES_OPEN = frozenset((4, 5, 8, 9, 11))
"""Exceptions that do not say whether a write was carried out (MODBUS Application Protocol V1.1b3,
§7: failed while executing, accepted for later, parity error, unassigned, target silent)."""

_HEADER = struct.Struct(">HHHB")

Behaviour = Callable[["Connection", int, int, bytes, float], bytes]
"""(connection, transaction, unit id, request PDU, now) -> bytes to send."""


def normal(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
    """Execute and answer."""
    reply = line.station.cabinet.answer(unit, pdu, now)
    return _HEADER.pack(transaction, 0, len(reply) + 1, unit) + reply


def silent(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
    """Execute nothing, answer nothing."""
    line.station.note_unclear(unit, pdu)
    return b""


def mute(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
    """Answer until the first write; execute that one, and be silent from then on, on every
    connection: nobody who is connected can know what became of it."""
    if pdu[0] not in WRITES:
        return normal(line, transaction, unit, pdu, now)
    line.station.cabinet.answer(unit, pdu, now)
    line.station.note_unclear(unit, pdu)
    line.station.behave("silent")
    return b""


def late(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
    """Execute at once, answer ``LATE_S`` later."""
    line.send_later(LATE_S, _unclear(line, transaction, unit, pdu, now))
    return b""


def dribble(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
    """Execute at once, answer one byte at a time."""
    line.dribble(normal(line, transaction, unit, pdu, now), DRIBBLE_S)
    return b""


def reset(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
    """Execute, send half the answer, and reset the connection."""
    frame = _unclear(line, transaction, unit, pdu, now)
    line.send_and_reset(frame[: len(frame) // 2])
    return b""


def wrong_function(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
    """Execute, and answer with the function code next to the right one."""
    frame = _unclear(line, transaction, unit, pdu, now)
    return frame[:7] + bytes((frame[7] ^ 1,)) + frame[8:]


def wrong_transaction(
    line: Connection, transaction: int, unit: int, pdu: bytes, now: float
) -> bytes:
    """Execute, and answer another transaction."""
    return _unclear(line, transaction ^ 0x5555, unit, pdu, now)


def wrong_unit(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
    """Execute, and answer in the name of another unit."""
    frame = _unclear(line, transaction, unit, pdu, now)
    return frame[:6] + bytes(((unit + 7) & 0xFF,)) + frame[7:]


def short(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
    """Execute, and answer with one register less, in a frame that is consistent in itself."""
    return _recounted(_unclear(line, transaction, unit, pdu, now), -1)


def long(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
    """Execute, and answer with one register more, in a frame that is consistent in itself."""
    return _recounted(_unclear(line, transaction, unit, pdu, now), 1)


def _unclear(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
    """Execute; the answer will not be one that a client may believe."""
    line.station.note_unclear(unit, pdu)
    return normal(line, transaction, unit, pdu, now)


def _recounted(frame: bytes, more: int) -> bytes:
    function = frame[7]
    if function in (1, 2, 3, 4, 23):
        step = 1 if function < 3 else 2
        data = frame[9:] + bytes(step) if more > 0 else frame[9:-step]
        reply = bytes((function, len(data))) + data
        return frame[:4] + struct.pack(">H", len(reply) + 1) + frame[6:7] + reply
    if function & 0x80:
        return frame
    # An echo has no length of its own: what is wrong then is the count or value it confirms.
    return frame[:-2] + struct.pack(">H", (frame[-2] << 8 | frame[-1]) + more & 0xFFFF)


def refusing(code: int) -> Behaviour:
    """Return a behaviour that executes nothing and answers all with one exception."""

    def answer(line: Connection, transaction: int, unit: int, pdu: bytes, now: float) -> bytes:
        if code in LEAVES_OPEN:
            line.station.note_unclear(unit, pdu)
        reply = exception(pdu[0], code)
        return _HEADER.pack(transaction, 0, len(reply) + 1, unit) + reply

    return answer


BEHAVIOURS: Mapping[str, Behaviour] = {
    "normal": normal,
    "silent": silent,
    "mute": mute,
    "late": late,
    "dribble": dribble,
    "reset": reset,
    "wrong_function": wrong_function,
    "wrong_transaction": wrong_transaction,
    "wrong_unit": wrong_unit,
    "short": short,
    "long": long,
    **{f"exception_{code}": refusing(code) for code in range(1, 12)},
}
