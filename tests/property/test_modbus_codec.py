"""Formats, word orders and scaling against a decoder that knows nothing of ours."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.drivers.modbus.codec import (
    FORMATS,
    WORD_ORDERS,
    BitDecoder,
    Encoding,
    Field,
    RegisterDecoder,
    Unfit,
    encode,
    encode_bit,
)

INTEGERS = {"u16": (16, False), "i16": (16, True), "u32": (32, False), "i32": (32, True),
            "u64": (64, False), "i64": (64, True)}  # fmt: skip
SCALES = st.sampled_from([1.0, 0.1, 0.01, 0.5, 2.0, 10.0, -0.1, 0.25])


def words_to_integer(words: list[int], order: str, signed: bool) -> int:
    """Naive: words as they came, turned into one number by the meaning of the order's letters."""
    if order in ("BADC", "DCBA"):
        words = [(word & 0xFF) << 8 | word >> 8 for word in words]
    if order in ("CDAB", "DCBA"):
        words = words[::-1]
    number = 0
    for word in words:
        number = number * 65536 + word
    if signed and number >= 1 << (16 * len(words) - 1):
        number -= 1 << (16 * len(words))
    return number


def words_of(raw: bytes) -> list[int]:
    return [raw[at] * 256 + raw[at + 1] for at in range(0, len(raw), 2)]


def decode(encoding: Encoding, raw: bytes, bit: int = -1) -> float:
    return RegisterDecoder([Field(0, encoding, bit)], len(raw))(raw)[0]


@given(st.sampled_from(sorted(INTEGERS)), st.sampled_from(WORD_ORDERS), st.data())
def test_registers_decode_as_the_letters_of_the_order_say(
    name: str, order: str, data: st.DataObject
) -> None:
    size, signed = INTEGERS[name]
    words = data.draw(st.lists(st.integers(0, 65535), min_size=size // 16, max_size=size // 16))
    raw = struct.pack(f">{len(words)}H", *words)
    assert decode(Encoding(name, order), raw) == float(words_to_integer(words, order, signed))


@given(st.sampled_from(sorted(INTEGERS)), st.sampled_from(WORD_ORDERS), st.data())
def test_an_integer_survives_encoding_and_decoding(
    name: str, order: str, data: st.DataObject
) -> None:
    size, signed = INTEGERS[name]
    low, high = (-(1 << size - 1), (1 << size - 1) - 1) if signed else (0, (1 << size) - 1)
    value = float(data.draw(st.integers(max(low, -(2**53)), min(high, 2**53))))
    raw = encode(Encoding(name, order), value)
    assert words_to_integer(words_of(raw), order, signed) == value
    assert decode(Encoding(name, order), raw) == value


@given(st.sampled_from(["f32", "f64"]), st.sampled_from(WORD_ORDERS), st.data())
def test_a_float_survives_encoding_and_decoding(name: str, order: str, data: st.DataObject) -> None:
    width = 32 if name == "f32" else 64
    value = data.draw(st.floats(width=width, allow_nan=False, allow_infinity=False))
    raw = encode(Encoding(name, order), value)
    assert decode(Encoding(name, order), raw) == value
    as_integer = words_to_integer(words_of(raw), order, signed=False)
    naive = struct.unpack(">f" if width == 32 else ">d", as_integer.to_bytes(width // 8, "big"))[0]
    assert naive == value


@given(st.integers(0, 65535), SCALES, st.sampled_from([0.0, 5.0, -40.0]))
def test_a_scaled_raw_value_encodes_back_to_itself(raw: int, scale: float, offset: float) -> None:
    encoding = Encoding("u16", scale=scale, offset=offset)
    value = decode(encoding, struct.pack(">H", raw))
    assert math.isclose(value, raw * scale + offset, rel_tol=1e-12, abs_tol=1e-12)
    assert encode(encoding, value) == struct.pack(">H", raw)


@given(st.floats(0.0, 100.0))
def test_encoding_rounds_to_the_nearest_raw_value(value: float) -> None:
    (raw,) = struct.unpack(">H", encode(Encoding("u16", scale=0.1), value))
    assert abs(raw * 0.1 - value) <= 0.05 + 1e-9


def test_tenths_are_exact_decimals() -> None:
    encoding = Encoding("u16", scale=0.1)
    assert [decode(encoding, struct.pack(">H", raw)) for raw in (3, 7, 803)] == [0.3, 0.7, 80.3]


@given(st.sampled_from(sorted(FORMATS)), st.sampled_from([math.nan, math.inf, -math.inf]))
def test_what_is_not_a_number_never_leaves_the_house(name: str, value: float) -> None:
    with pytest.raises(Unfit):
        encode(Encoding(name), value)
    with pytest.raises(Unfit):
        encode_bit(value)


@given(st.sampled_from(sorted(INTEGERS)), st.integers(1, 2**70), st.booleans())
def test_what_does_not_fit_is_refused_and_never_clipped(
    name: str, beyond: int, below: bool
) -> None:
    form = FORMATS[name]
    value = float(form.low - beyond if below else form.high + beyond)
    if form.low <= value <= form.high:
        value = math.nextafter(form.low, -math.inf) - 1 if below else 2.0 * form.high
    with pytest.raises(Unfit, match=name):
        encode(Encoding(name), value)


@pytest.mark.parametrize(
    ("name", "value"), [("f32", 1e39), ("bool", 2.0), ("bool", -1.0), ("u16", 65535.6)]
)
def test_other_misfits_are_refused(name: str, value: float) -> None:
    with pytest.raises(Unfit):
        encode(Encoding(name), value)


def test_a_scale_can_push_a_number_out_of_its_format() -> None:
    assert encode(Encoding("u16", scale=0.1), 6553.5) == b"\xff\xff"
    with pytest.raises(Unfit, match=r"u16 with scale 0\.1"):
        encode(Encoding("u16", scale=0.1), 6553.6)
    with pytest.raises(Unfit):
        encode(Encoding("f64", scale=1e-12), 1e300)


@given(st.lists(st.booleans(), min_size=1, max_size=2000), st.data())
def test_bits_decode_from_the_lowest_of_the_first_byte_on(
    bits: list[bool], data: st.DataObject
) -> None:
    packed = bytearray((len(bits) + 7) // 8)
    for place, bit in enumerate(bits):
        packed[place // 8] |= bit << place % 8
    wanted = data.draw(st.lists(st.integers(0, len(bits) - 1), min_size=1, max_size=20))
    decoded = BitDecoder(wanted)(bytes(packed))
    assert decoded == [float(bits[place]) for place in wanted]


@given(st.binary(min_size=40, max_size=40), st.data())
def test_a_block_of_anything_decodes_like_its_values_one_by_one(
    raw: bytes, data: st.DataObject
) -> None:
    fields = []
    for _ in range(data.draw(st.integers(1, 8))):
        name = data.draw(st.sampled_from(["bool", "u16", "i16", "u32", "i32", "u64", "i64"]))
        encoding = Encoding(name, data.draw(st.sampled_from(WORD_ORDERS)), data.draw(SCALES))
        if name == "bool":
            encoding = Encoding(name)
        bit = data.draw(st.integers(-1, 15)) if name == "bool" else -1
        first = 2 * data.draw(st.integers(0, 20 - FORMATS[name].registers))
        fields.append(Field(first, encoding, bit))
    if data.draw(st.booleans()):
        fields.sort(key=lambda field: field.first)
    expected = []
    for field in fields:
        words = words_of(
            raw[field.first : field.first + 2 * FORMATS[field.encoding.format].registers]
        )
        number = words_to_integer(
            words, field.encoding.word_order, field.encoding.format.startswith("i")
        )
        if field.bit >= 0:
            expected.append(float(number >> field.bit & 1))
        elif field.encoding.format == "bool":
            expected.append(float(number != 0))
        else:
            expected.append(number * field.encoding.scale)
    assert RegisterDecoder(fields, len(raw))(raw) == pytest.approx(expected, rel=1e-12)
