"""What a malformed frame is told: code, byte, field, and what is allowed."""

from __future__ import annotations

import pickle
import struct
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgpack
import pytest

from jacquemart.native import frames

ID = bytes(range(16))
GOOD: list[Any] = [1, 1, ID, "ann", "lamp-1", "set", "level", 80.0, "%", 8, 10**12, 3]
#: Where each item of GOOD starts.
STARTS = [sum(len(msgpack.packb(item)) for item in GOOD[:at]) + 1 for at in range(len(GOOD))]


def refusal(decode: Callable[[Any], Any], frame: Any) -> frames.MalformedFrame:
    with pytest.raises(frames.MalformedFrame) as caught:
        decode(frame)
    return caught.value


@pytest.mark.parametrize(
    ("position", "value", "code", "words"),
    [
        (0, 2, "bad_version", "item 0 (version)"),
        (0, -1, "bad_version", "version 1"),
        (0, "1", "bad_type", "str in item 0 (version)"),
        (0, True, "bad_type", "bool in item 0 (version)"),
        (1, 2, "bad_kind", "allowed: 1, a command"),
        (1, 14, "bad_kind", "a kind, 1 to 13"),
        (1, 0, "bad_kind", "item 1 (kind)"),
        (1, None, "bad_type", "nil in item 1 (kind)"),
        (2, ID[:15], "bad_field", "item 2 (id)"),
        (2, ID + b"x", "bad_field", "bin of 16 bytes"),
        (2, "0123456789abcdef", "bad_type", "str in item 2 (id)"),
        (3, "a" * 256, "bad_field", "str of at most 255 bytes"),
        (3, "é" * 128, "bad_field", "item 3 (principal)"),
        (3, b"ann", "bad_type", "bin in item 3 (principal)"),
        (4, None, "bad_type", "nil in item 4 (device)"),
        (5, 7, "bad_type", "int in item 5 (verb)"),
        (6, ["level"], "bad_type", "array in item 6 (point)"),
        (7, {"a": 1}, "bad_type", "map in item 7 (value)"),
        (7, b"80", "bad_type", "nil, bool, int, float or str"),
        (7, "v" * 1025, "bad_field", "str of at most 1,024 bytes"),
        (8, 1.5, "bad_type", "float in item 8 (unit)"),
        (9, 0, "bad_field", "int, 1 to 16"),
        (9, 17, "bad_field", "item 9 (priority)"),
        (9, True, "bad_type", "bool in item 9 (priority)"),
        (9, 8.0, "bad_type", "float in item 9 (priority)"),
        (10, -1, "bad_field", "item 10 (deadline_ns)"),
        (10, False, "bad_type", "bool in item 10 (deadline_ns)"),
        (11, None, "bad_type", "nil in item 11 (epoch)"),
        (11, msgpack.ExtType(4, b"x"), "bad_type", "an ext type in item 11 (epoch)"),
    ],
)
def test_a_wrong_field_is_named_with_its_byte(
    position: int, value: Any, code: str, words: str
) -> None:
    items = [*GOOD]
    items[position] = value
    error = refusal(frames.decode_command, msgpack.packb(items))
    assert (error.code, error.offset) == (code, STARTS[position])
    assert words in str(error)
    assert f"byte {error.offset}" in str(error)


@pytest.mark.parametrize(
    ("frame", "code", "offset"),
    [
        (b"", "empty", 0),
        (b"\x01", "bad_type", 0),
        (b"\xc1", "bad_type", 0),
        (b"\x90", "bad_field", 0),
        (b"\x91\x01", "bad_field", 0),
        (b"\x92\x01", "truncated", 0),
        (b"\x82\x01\x07\x01\x07", "bad_type", 0),
        (b"\xdd\xff\xff\xff\xff", "truncated", 0),
        (b"\x93\x01\x07\xdd\xff\xff\xff\xff", "truncated", 3),
        (b"\x93\x01\x07\xdf\xff\xff\xff\xff" + bytes(99), "truncated", 3),
        (b"\x93\x01\x07\x82\x01\x02\x03", "truncated", 3),
        (b"\x93\x01\x07\xdb\xff\xff\xff\xff" + bytes(99), "truncated", 3),
        (b"\x93\x01\x07\xc6\x7f\xff\xff\xff" + bytes(99), "truncated", 3),
        (b"\x93\x01\x07\xcf\x01\x02", "truncated", 3),
        (b"\x93\x01\x07\xc7\x01\x01\x00", "bad_type", 3),
        (b"\x93\x01\x07\xd6\xff\x00\x00\x00\x00", "bad_type", 3),
        (b"\x92\x01\x07\x00", "trailing", 3),
        (b"\x92\x01\x07" + bytes(50_000), "trailing", 3),
        (b"\x93\x01\x07\x81\xc0\x01", "bad_type", 4),
        (b"\x93\x01\x07\x81\xcb" + bytes(9), "bad_type", 4),
        (b"\x93\x01\x07\x81\xc3\x01", "bad_type", 4),
        (b"\x93\x01\x07\x81\x90\x01", "bad_type", 4),
        (b"\x93\x01\x07\x82\x01\x02\xc2\x02", "bad_type", 6),
        (b"\x93\x01\x07" + b"\x91" * 15 + b"\xc0", "too_deep", 17 + 1),
        (b"\x93\x01\x07" + b"\x91" * 100_000, "too_deep", 18),
        (b"\x93\x01\x07" + b"\x81\x00" * 100_000, "too_deep", 33),
    ],
)
def test_a_broken_structure_is_refused_before_anything_is_built(
    frame: bytes, code: str, offset: int
) -> None:
    if code == "too_deep" and len(frame) < 100:
        assert frames.unpack(frame) == [1, 7, msgpack.unpackb(frame[3:])]
        frame = b"\x93\x01\x07" + b"\x91" + frame[3:]
    for decode in (frames.check, frames.unpack):
        error = refusal(decode, frame)
        assert (error.code, error.offset) == (code, offset), str(error)


def test_a_check_allocates_nothing_that_grows_with_the_frame() -> None:
    frame = frames.pack(12, [[{"a": 1, "b": [1.5, None]}] * 50] * 200)
    short = memoryview(frame)[:-1]
    frames.check(frame)
    tracemalloc.start()
    frames.check(frame)
    with pytest.raises(frames.MalformedFrame):
        frames.check(short)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(frame) > 90_000
    assert peak < 10_000


def test_a_frame_over_the_limit_is_refused_before_it_is_read() -> None:
    frame = frames.pack(9, "x" * 100)
    assert frames.check(frame, len(frame)) == frames.ERROR
    for decode in (frames.check, frames.unpack):
        with pytest.raises(frames.MalformedFrame, match="has 105 bytes, allowed: 104") as caught:
            decode(frame, len(frame) - 1)
        assert (caught.value.code, caught.value.offset) == ("too_big", 104)
    assert refusal(frames.check, bytes(2**24 + 1)).code == "too_big"
    assert refusal(frames.decode_batch, bytes(2**24 + 1)).code == "too_big"


def test_text_that_is_not_utf_8_is_a_bad_field_at_its_byte() -> None:
    frame = bytearray(msgpack.packb(GOOD))
    frame[STARTS[4] + 3] = 0xFF
    error = refusal(frames.decode_command, bytes(frame))
    assert (error.code, error.offset) == ("bad_field", STARTS[4] + 3)
    assert "item 4 (device)" in str(error)
    for broken in (b"\xa1\xff", b"\xa2\xc0\x80", b"\xa3\xed\xa0\x80", b"\x81\xa1\x80\x01"):
        cold = b"\x94\x01\x07\x05" + broken
        assert frames.check(cold) == 7
        error = refusal(frames.unpack, cold)
        assert (error.code, "item 3" in str(error)) == ("bad_field", True)


def test_a_key_twice_in_a_map_is_a_bad_field_at_the_second() -> None:
    error = refusal(frames.unpack, b"\x93\x01\x07\x82\xa1a\x01\xa1a\x02")
    assert (error.code, error.offset) == ("bad_field", 7)
    assert frames.unpack(b"\x93\x01\x07\x82\xa1a\x01\xc4\x01a\x02")[2] == {"a": 1, b"a": 2}


@pytest.mark.parametrize(
    ("position", "value", "words"),
    [
        (5, 256, "item 5 (status)"),
        (5, True, "bool in item 5 (status)"),
        (7, "d" * 1025, "str of at most 1,024 bytes"),
        (8, True, "bool in item 8 (value)"),
        (8, "80", "str in item 8 (value)"),
        (9, 7, "int in item 9 (stages)"),
        (9, [1, 2, 3], "an array of 4 items"),
        (9, [1, 2, 3, 4, 5], "item 9 (stages)"),
        (9, [1, 2, 3, None], "nil in item 9 (stages)"),
        (9, [1, -2, 3, 4], "item 9 (stages)"),
    ],
)
def test_a_wrong_field_of_an_outcome_is_named(position: int, value: Any, words: str) -> None:
    items: list[Any] = [1, 2, ID, "lamp-1", "level", 0, "ok", "", None, [1, 2, 3, 4]]
    assert frames.decode_outcome(msgpack.packb(items)).finished_ns == 4
    items[position] = value
    error = refusal(frames.decode_outcome, msgpack.packb(items))
    assert error.code in ("bad_field", "bad_type")
    assert words in str(error)


@pytest.mark.parametrize(
    ("first_ns", "code"),
    [(-1, "bad_field"), (True, "bad_type"), (None, "bad_type"), ("1", "bad_type")],
)
def test_a_wrong_time_in_a_repeat_is_named(first_ns: Any, code: str) -> None:
    frame = msgpack.packb([*GOOD, first_ns])
    error = refusal(frames.decode_command, frame)
    assert (error.code, error.offset) == (code, len(msgpack.packb(GOOD)))
    assert "item 12 (first_ns)" in str(error)
    assert refusal(frames.decode_command, msgpack.packb([*GOOD, 7]) + b"\0").code == "trailing"


def test_a_wrong_number_of_items_is_refused() -> None:
    for items in (GOOD[:-1], [*GOOD, 1, 1]):
        error = refusal(frames.decode_command, msgpack.packb(items))
        assert (error.code, error.offset) == ("bad_field", 0)
        assert "array of 12 or 13 items" in str(error)
    assert refusal(frames.decode_outcome, msgpack.packb(GOOD)).code == "bad_kind"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -0.0, 2**64 - 1,
                                   -(2**63), True, None, "on"])  # fmt: skip
def test_numbers_that_only_the_receiver_can_judge_pass_unchanged(value: Any) -> None:
    items = [*GOOD]
    items[7] = value
    found = frames.decode_command(msgpack.packb(items)).value
    assert type(found) is type(value)
    assert struct.pack("d", found) == struct.pack("d", value) if isinstance(value, float) \
        else found == value  # fmt: skip


def test_a_malformed_frame_says_it_again_after_pickling() -> None:
    error = refusal(frames.check, b"\x92\x02\x07")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, frames.MalformedFrame)
    assert (str(again), again.code, again.offset) == (str(error), error.code, error.offset)


@pytest.mark.parametrize("decode", [frames.check, frames.kind_of, frames.unpack,
                                    frames.decode_command, frames.decode_outcome,
                                    frames.decode_batch, frames.decode_heartbeat])  # fmt: skip
def test_what_is_not_bytes_is_the_callers_fault(decode: Callable[[Any], Any]) -> None:
    for wrong in ("text", None, 7, [1, 7]):
        with pytest.raises(TypeError):
            decode(wrong)
    with pytest.raises(BufferError):
        decode(memoryview(bytes(10))[::2])
