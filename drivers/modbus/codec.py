"""Raw registers to numbers and back: formats, word orders, scaling. No I/O.

*Theory.* A number of n registers has 2n bytes. Devices disagree about their order; the four in
use are named after where the bytes A (most significant) to D come on the wire: ``ABCD`` (as the
specification has it), ``CDAB`` (registers swapped), ``BADC`` (bytes swapped in each register)
and ``DCBA`` (all reversed). For four registers they mean the same: ``CDAB`` reverses the
registers, ``BADC`` the bytes within each. Each order is its own inverse.

*Rules.*

1. number = raw * scale + offset. A scale that is one over a whole number is applied as a
   division, so that raw 3 at 0.1 is 0.3 and not 0.30000000000000004.
2. Encoding rounds to the nearest raw value (ties to even) and refuses what does not fit; it
   never clips, and NaN or infinity never reach a device.
3. Integers beyond 2**53 lose their last digits: a reading is a float.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

Gather = Callable[[bytes], Sequence[int]]


class Unfit(ValueError):
    """A value has no raw form in a point's format: the caller's fault; nothing was sent."""


class Format(NamedTuple):
    """A raw format: registers it takes, its ``struct`` letter, and its range if an integer."""

    registers: int
    letter: str
    low: int
    high: int


FORMATS: dict[str, Format] = {
    "bool": Format(1, "H", 0, 1),
    "u16": Format(1, "H", 0, 2**16 - 1),
    "i16": Format(1, "h", -(2**15), 2**15 - 1),
    "u32": Format(2, "I", 0, 2**32 - 1),
    "i32": Format(2, "i", -(2**31), 2**31 - 1),
    "f32": Format(2, "f", 0, 0),
    "u64": Format(4, "Q", 0, 2**64 - 1),
    "i64": Format(4, "q", -(2**63), 2**63 - 1),
    "f64": Format(4, "d", 0, 0),
}
FLOATS = frozenset({"f32", "f64"})
WORD_ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the raw value of a point becomes its number; what follows from it is worked out once.

    Make it with :func:`encoding_of`, so that a template's thousand devices share one.
    """

    format: str
    word_order: str = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    form: Format = field(init=False, repr=False, compare=False)
    order: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """For each byte from the most significant on, its place on the wire."""
    straight: bool = field(init=False, repr=False, compare=False)
    """The bytes come most significant first."""
    multiplier: float = field(init=False, repr=False, compare=False)
    divisor: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        form = FORMATS[self.format]
        order = byte_order(self.word_order, form.registers)
        multiplier, divisor = factors(self.scale)
        derived = {
            "form": form,
            "order": order,
            "straight": order == tuple(range(len(order))),
            "multiplier": multiplier,
            "divisor": divisor,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)


@lru_cache(maxsize=1_024)
def encoding_of(
    format: str, word_order: str = "ABCD", scale: float = 1.0, offset: float = 0.0
) -> Encoding:
    """Return the one encoding of these values."""
    return Encoding(format, word_order, scale, offset)


def byte_order(word_order: str, registers: int) -> tuple[int, ...]:
    """Return, for each byte from the most significant on, its place on the wire."""
    places = list(range(2 * registers))
    if word_order in ("DCBA", "CDAB"):
        places.reverse()
    if word_order in ("CDAB", "BADC"):
        places = [place ^ 1 for place in places]
    return tuple(places)


def factors(scale: float) -> tuple[float, float]:
    """Return (multiplier, divisor) of a scale; one of them is 1."""
    inverse = 1.0 / scale
    whole = round(inverse)
    if abs(whole) > 1 and 1.0 / whole == scale:
        return 1.0, float(whole)
    return scale, 1.0


def encode(encoding: Encoding, value: float) -> bytes:
    """Return the registers of a number, in the order of the wire.

    Raises:
        Unfit: NaN, infinite, or outside of what the format can hold.
    """
    name = encoding.format
    if not math.isfinite(value):
        raise Unfit(f"{value} is not a finite number")
    scaled = (value - encoding.offset) * encoding.divisor / encoding.multiplier
    form = encoding.form
    try:
        if name in FLOATS:
            raw = struct.pack(">" + form.letter, scaled)
            if not math.isfinite(scaled):
                raise OverflowError
        else:
            rounded = round(scaled)
            if not form.low <= rounded <= form.high:
                raise OverflowError
            raw = struct.pack(">" + form.letter, rounded)
    except (OverflowError, ValueError):
        raise Unfit(f"{value} does not fit {_shown(encoding)}") from None
    if encoding.straight:
        return raw
    return bytes(raw[place] for place in encoding.order)


def encode_bit(value: float) -> bool:
    """Return the coil of a number, which must round to 0 or 1.

    Raises:
        Unfit: it does not.
    """
    if not math.isfinite(value) or round(value) not in (0, 1):
        raise Unfit(f"{value} is neither 0 nor 1")
    return bool(round(value))


def _shown(encoding: Encoding) -> str:
    text = encoding.format
    if encoding.scale != 1.0:
        text += f" with scale {encoding.scale:g}"
    if encoding.offset != 0.0:
        text += f" and offset {encoding.offset:g}"
    return text


class Field(NamedTuple):
    """One value inside a block: its first byte, its encoding, and its bit (-1: none)."""

    first: int
    encoding: Encoding
    bit: int = -1


class RegisterDecoder:
    """Decode all values of a block of registers at once; compiled when the read is planned.

    One ``struct`` takes the whole block apart; if values overlap or their bytes are not in
    order, their bytes are gathered first.
    """

    __slots__ = ("_bits", "_gather", "_pairs", "_same", "_unpack", "floats")

    def __init__(self, fields: Sequence[Field], size: int) -> None:
        """Compile for the fields of a block of ``size`` bytes, in the order of the result."""
        layout = _padded(fields, size)
        self._gather: Gather | None = None
        if layout is None:
            layout = ">" + "".join([f.encoding.form.letter for f in fields])
            places = [f.first + place for f in fields for place in f.encoding.order]
            self._gather = itemgetter(*places)
        self._unpack: Callable[[bytes], tuple[Any, ...]] = struct.Struct(layout).unpack
        self._pairs: Sequence[tuple[float, float, float]] = ()
        self._bits: Sequence[tuple[int, int]] = ()
        self.floats: Sequence[int] = ()
        """Positions whose value may be NaN or infinite."""
        first = fields[0]
        one = first.encoding
        self._same = (one.multiplier, one.divisor, one.offset)
        if all(f.encoding is one and f.bit == first.bit for f in fields):
            if one.format in FLOATS:
                self.floats = range(len(fields))
            elif first.bit >= 0 or one.format == "bool":
                self._bits = [(at, first.bit) for at in range(len(fields))]
            return
        self._compile_mixed(fields)

    def _compile_mixed(self, fields: Sequence[Field]) -> None:
        codings = [f.encoding for f in fields]
        pairs = [(coding.multiplier, coding.divisor, coding.offset) for coding in codings]
        if len(set(pairs)) > 1:
            self._pairs = pairs
        self._bits = [
            (at, f.bit) for at, f in enumerate(fields) if f.bit >= 0 or f.encoding.format == "bool"
        ]
        self.floats = [at for at, coding in enumerate(codings) if coding.format in FLOATS]

    def __call__(self, data: bytes) -> list[float]:
        """Return the numbers of a block, in the order of its fields."""
        raw = self._unpack(data if self._gather is None else bytes(self._gather(data)))
        if self._pairs:
            values = [r * m / d + o for r, (m, d, o) in zip(raw, self._pairs, strict=True)]
        else:
            multiplier, divisor, offset = self._same
            if multiplier == divisor == 1.0 and not offset:
                values = list(map(float, raw))
            else:
                values = [r * multiplier / divisor + offset for r in raw]
        for at, bit in self._bits:
            values[at] = float(raw[at] >> bit & 1 if bit >= 0 else raw[at] != 0)
        return values


class BitDecoder:
    """Decode all values of a block of coils or discrete inputs at once."""

    __slots__ = ("_offsets",)

    floats: Sequence[int] = ()

    def __init__(self, offsets: Sequence[int]) -> None:
        """Compile for the places of the values, counted from the block's first bit."""
        self._offsets = tuple(offsets)

    def __call__(self, data: bytes) -> list[float]:
        """Return 0.0 or 1.0 for each value."""
        packed = int.from_bytes(data, "little")
        return [1.0 if packed >> offset & 1 else 0.0 for offset in self._offsets]


def _padded(fields: Sequence[Field], size: int) -> str | None:
    """Return one ``struct`` layout for the whole block, or None if bytes must be gathered."""
    layout = [">"]
    at = 0
    for first, encoding, _ in fields:
        if first < at or not encoding.straight:
            return None
        letter = encoding.form.letter
        layout.append(letter if first == at else f"{first - at}x{letter}")
        at = first + 2 * encoding.form.registers
    layout.append(f"{size - at}x")
    return "".join(layout)
