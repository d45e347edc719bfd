"""Modbus requests and replies as bytes: a PDU in, a PDU out.

Written from the MODBUS Application Protocol Specification V1.1b3; paragraph numbers refer to it.
Checks come in its order: function (exception 1), quantity (3), address (2), value (3).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Protocol

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
GATEWAY_NO_PATH = 10
GATEWAY_NO_ANSWER = 11

READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT = 1, 2, 3, 4
WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS = 5, 6, 15, 16
MASK_WRITE, READ_WRITE = 22, 23
WRITES = frozenset(
    {WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS, MASK_WRITE, READ_WRITE}
)

_TWO = struct.Struct(">HH")
_THREE = struct.Struct(">HHH")
_FOUR = struct.Struct(">HHHH")


class Refusal(Exception):
    """The request is refused with a Modbus exception code."""

    def __init__(self, code: int) -> None:
        """Keep the code, 1 to 11."""
        super().__init__(code)
        self.code = code


class Unit(Protocol):
    """What answers behind a unit id. Every method may raise ``Refusal``."""

    def read_bits(self, function: int, address: int, count: int, now: float) -> Sequence[bool]:
        """Return coils (function 1) or discrete inputs (function 2)."""

    def read_registers(self, function: int, address: int, count: int, now: float) -> bytes:
        """Return holding (function 3) or input registers (function 4), big-endian."""

    def write_coils(self, address: int, values: Sequence[bool], now: float) -> None:
        """Set coils: all of them, or none and a refusal."""

    def write_registers(self, address: int, values: Sequence[int], now: float) -> None:
        """Set holding registers: all of them, or none and a refusal."""


def answer(unit: Unit, pdu: bytes, now: float) -> bytes:
    """Return the reply to a request PDU of at least one byte."""
    function = pdu[0]
    serve = _SERVICES.get(function)
    try:
        if serve is None:
            raise Refusal(ILLEGAL_FUNCTION)
        return serve(unit, pdu, now)
    except Refusal as refusal:
        return exception(function, refusal.code)


def exception(function: int, code: int) -> bytes:
    """Return the exception reply to a function (§7)."""
    return bytes((function | 0x80, code))


def written_registers(pdu: bytes) -> range:
    """Return the holding registers that a well-formed write request names, else none."""
    if len(pdu) == 5 and pdu[0] == WRITE_REGISTER:
        address, count = _TWO.unpack_from(pdu, 1)[0], 1
    elif len(pdu) >= 6 and pdu[0] == WRITE_REGISTERS:
        address, count = _TWO.unpack_from(pdu, 1)
    elif len(pdu) == 7 and pdu[0] == MASK_WRITE:
        address, count = _TWO.unpack_from(pdu, 1)[0], 1
    elif len(pdu) >= 10 and pdu[0] == READ_WRITE:
        address, count = _TWO.unpack_from(pdu, 5)
    else:
        return range(0)
    return range(address, address + count)


def _need(true: bool, code: int = ILLEGAL_VALUE) -> None:
    if not true:
        raise Refusal(code)


def _read_registers(unit: Unit, pdu: bytes, now: float) -> bytes:
    """§6.3, §6.4."""
    if len(pdu) != 5:
        raise Refusal(ILLEGAL_VALUE)
    address, count = _TWO.unpack_from(pdu, 1)
    if not 1 <= count <= 125:
        raise Refusal(ILLEGAL_VALUE)
    registers = unit.read_registers(pdu[0], address, count, now)
    return bytes((pdu[0], 2 * count)) + registers


def _read_bits(unit: Unit, pdu: bytes, now: float) -> bytes:
    """§6.1, §6.2: the first bit asked for is the lowest bit of the first byte."""
    _need(len(pdu) == 5)
    address, count = _TWO.unpack_from(pdu, 1)
    _need(1 <= count <= 2000)
    bits = unit.read_bits(pdu[0], address, count, now)
    packed = sum(1 << position for position, bit in enumerate(bits) if bit)
    size = (count + 7) // 8
    return bytes((pdu[0], size)) + packed.to_bytes(size, "little")


def _write_coil(unit: Unit, pdu: bytes, now: float) -> bytes:
    """§6.5: only 0xFF00 and 0x0000 are values."""
    _need(len(pdu) == 5)
    address, value = _TWO.unpack_from(pdu, 1)
    _need(value in (0x0000, 0xFF00))
    unit.write_coils(address, (value == 0xFF00,), now)
    return pdu


def _write_register(unit: Unit, pdu: bytes, now: float) -> bytes:
    """§6.6."""
    _need(len(pdu) == 5)
    address, value = _TWO.unpack_from(pdu, 1)
    unit.write_registers(address, (value,), now)
    return pdu


def _write_coils(unit: Unit, pdu: bytes, now: float) -> bytes:
    """§6.11."""
    _need(len(pdu) >= 6)
    address, count = _TWO.unpack_from(pdu, 1)
    size = (count + 7) // 8
    _need(1 <= count <= 1968 and pdu[5] == size and len(pdu) == 6 + size)
    packed = int.from_bytes(pdu[6:], "little")
    unit.write_coils(address, [bool(packed >> n & 1) for n in range(count)], now)
    return pdu[:5]


def _write_registers(unit: Unit, pdu: bytes, now: float) -> bytes:
    """§6.12."""
    _need(len(pdu) >= 6)
    address, count = _TWO.unpack_from(pdu, 1)
    _need(1 <= count <= 123 and pdu[5] == 2 * count and len(pdu) == 6 + 2 * count)
    unit.write_registers(address, struct.unpack_from(f">{count}H", pdu, 6), now)
    return pdu[:5]


def _mask_write(unit: Unit, pdu: bytes, now: float) -> bytes:
    """§6.16: (old AND and_mask) OR (or_mask AND NOT and_mask)."""
    _need(len(pdu) == 7)
    address, and_mask, or_mask = _THREE.unpack_from(pdu, 1)
    old = int.from_bytes(unit.read_registers(READ_HOLDING, address, 1, now), "big")
    unit.write_registers(address, ((old & and_mask) | (or_mask & ~and_mask),), now)
    return pdu


def _read_write(unit: Unit, pdu: bytes, now: float) -> bytes:
    """§6.17: the write comes before the read."""
    _need(len(pdu) >= 10)
    read_address, read_count, address, count = _FOUR.unpack_from(pdu, 1)
    _need(1 <= read_count <= 125 and 1 <= count <= 121)
    _need(pdu[9] == 2 * count and len(pdu) == 10 + 2 * count)
    # Looked up before anything is written: a refused request must change nothing.
    unit.read_registers(READ_HOLDING, read_address, read_count, now)
    unit.write_registers(address, struct.unpack_from(f">{count}H", pdu, 10), now)
    registers = unit.read_registers(READ_HOLDING, read_address, read_count, now)
    return bytes((pdu[0], 2 * read_count)) + registers


_SERVICES: dict[int, Callable[[Unit, bytes, float], bytes]] = {
    READ_COILS: _read_bits,
    READ_DISCRETE: _read_bits,
    READ_HOLDING: _read_registers,
    READ_INPUT: _read_registers,
    WRITE_COIL: _write_coil,
    WRITE_REGISTER: _write_register,
    WRITE_COILS: _write_coils,
    WRITE_REGISTERS: _write_registers,
    MASK_WRITE: _mask_write,
    READ_WRITE: _read_write,
}
