"""Requests as bytes, and answers checked whole. No I/O.

Written from the MODBUS Application Protocol Specification V1.1b3 (paragraphs named below). A
request or answer here is a PDU: function code and data, without the header of the transport.

*Rules.*

1. An answer is what was asked for, to the byte, or an exception to this very function, or it is
   :class:`BrokenAnswer`; there is no fourth kind.
2. A write answers with the first five bytes of its request (§6.5, §6.6, §6.11, §6.12).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

READ_FUNCTION = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS = 5, 6, 15, 16

MAX_READ_REGISTERS = 125
MAX_READ_BITS = 2_000
MAX_WRITE_REGISTERS = 123
MAX_WRITE_COILS = 1_968

EXCEPTION = 0x80
COIL_ON = 0xFF00

_SPAN = struct.Struct(">BHH")
_BLOCK = struct.Struct(">BHHB")


class BrokenAnswer(Exception):
    """An answer that breaks the protocol, or answers another question."""


class Refusal(Exception):
    """An exception answer to this request (§7)."""

    def __init__(self, code: int) -> None:
        """Keep the exception code, 0 to 255."""
        super().__init__(code)
        self.code = code


def read_request(table: str, start: int, count: int) -> bytes:
    """Return a request for a span of one table (§6.1 to §6.4)."""
    return _SPAN.pack(READ_FUNCTION[table], start, count)


def data_size(table: str, count: int) -> int:
    """Return the bytes that a span takes in an answer."""
    return (count + 7) // 8 if table in ("coil", "discrete") else 2 * count


def write_coil(address: int, on: bool) -> bytes:
    """Return a request to set one coil (§6.5)."""
    return _SPAN.pack(WRITE_COIL, address, COIL_ON if on else 0)


def write_register(address: int, raw: bytes) -> bytes:
    """Return a request to set one register to two bytes (§6.6)."""
    return _SPAN.pack(WRITE_REGISTER, address, int.from_bytes(raw, "big"))


def write_coils(address: int, states: Sequence[bool]) -> bytes:
    """Return a request to set 1 to 1,968 neighbouring coils (§6.11)."""
    count = len(states)
    size = (count + 7) // 8
    packed = sum(1 << place for place, on in enumerate(states) if on)
    return _BLOCK.pack(WRITE_COILS, address, count, size) + packed.to_bytes(size, "little")


def write_registers(address: int, raw: bytes) -> bytes:
    """Return a request to set 1 to 123 neighbouring registers (§6.12)."""
    return _BLOCK.pack(WRITE_REGISTERS, address, len(raw) // 2, len(raw)) + raw


def read_data(request: bytes, answer: bytes, size: int) -> bytes:
    """Return the data of a read's answer.

    Args:
        request: what was sent.
        answer: what came back.
        size: the bytes of data that were asked for, 1 to 250.

    Raises:
        Refusal: the unit said no, by the book.
        BrokenAnswer: the unit broke the protocol; nothing of the answer may be used.
    """
    if len(answer) == size + 2 and answer[0] == request[0] and answer[1] == size:
        return answer[2:]
    _check_function(request, answer)
    raise BrokenAnswer(f"{_counted(answer)} instead of {size}")


def check_written(request: bytes, answer: bytes) -> None:
    """Accept a write's answer.

    Raises:
        Refusal: the unit said no, by the book.
        BrokenAnswer: the unit broke the protocol; whether it wrote is unknown.
    """
    if answer == request[:5]:
        return
    _check_function(request, answer)
    raise BrokenAnswer(f"echo {answer[:16].hex(' ')} instead of {request[:5].hex(' ')}")


def _check_function(request: bytes, answer: bytes) -> None:
    asked = request[0]
    if not answer:
        raise BrokenAnswer("an answer without a function code")
    found = answer[0]
    if found == asked | EXCEPTION:
        if len(answer) != 2:
            raise BrokenAnswer(f"an exception of {len(answer)} bytes instead of 2")
        raise Refusal(answer[1])
    if found == asked:
        return
    if found & EXCEPTION:
        raise BrokenAnswer(f"an exception to function {found & 0x7F} instead of {asked}")
    raise BrokenAnswer(f"an answer to function {found} instead of {asked}")


def _counted(answer: bytes) -> str:
    if len(answer) < 2:
        return "no byte count"
    if len(answer) - 2 != answer[1]:
        return f"{len(answer) - 2} bytes of data, counted as {answer[1]},"
    return f"{answer[1]} bytes of data"
