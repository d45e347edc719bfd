"""Whatever the bytes are: a valid frame, understood as the oracle does, or MalformedFrame."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Any

import msgpack
import oracle_frames as oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_frames_round_trip import (
    command_fields,
    heartbeat_fields,
    outcome_fields,
    outcome_items,
    same,
    trees,
)

from jacquemart.native import frames

CODES = {"empty", "truncated", "trailing", "too_big", "too_deep", "bad_type", "bad_version",
         "bad_kind", "bad_field"}  # fmt: skip


def fields_of_command(frame: bytes) -> tuple[Any, ...]:
    c = frames.decode_command(frame)
    return (c.id, c.principal, c.device, c.verb, c.point, c.value, c.unit, c.priority,
            c.deadline_ns, c.epoch, c.first_ns)  # fmt: skip


def fields_of_outcome(frame: bytes) -> tuple[Any, ...]:
    o = frames.decode_outcome(frame)
    return (o.id, o.device, o.point, o.status, o.reason, o.detail, o.value, o.received_ns,
            o.dispatched_ns, o.acknowledged_ns, o.finished_ns)  # fmt: skip


def fields_of_heartbeat(frame: bytes) -> tuple[Any, ...]:
    b = frames.decode_heartbeat(frame)
    return b.topic, b.epoch, b.sequence, b.sent_ns


def fields_of_batch(frame: bytes) -> tuple[Any, ...]:
    b = frames.decode_batch(frame)
    columns = (b.slots, b.values, b.qualities, b.source_ns, b.receive_ns)
    return (b.topic, b.epoch, b.sequence, *(column.tobytes() for column in columns))


PAIRS: list[tuple[Callable[[bytes], Any], Callable[[bytes], Any]]] = [
    (fields_of_command, oracle.command), (fields_of_outcome, oracle.outcome),
    (fields_of_heartbeat, oracle.heartbeat), (fields_of_batch, oracle.batch),
    (frames.unpack, oracle.unpack),
]  # fmt: skip


def judge(decode: Callable[[bytes], Any], frame: bytes) -> Any:
    """Return what was understood, or None; any other error than MalformedFrame fails the test."""
    refused = None
    try:
        return decode(frame)
    except frames.MalformedFrame as error:
        refused = error
    assert refused.code in CODES
    assert 0 <= refused.offset <= len(frame)
    assert str(refused)
    return None


def agree(frame: bytes) -> None:
    """Assert that native and oracle take and refuse the same, and understand the same."""
    for native, pure in PAIRS:
        try:
            expected = pure(frame)
        except oracle.Refused:
            expected = None
        found = judge(native, frame)
        assert same(found, expected), (native, frame.hex())
    kind, items = judge(frames.check, frame), judge(frames.unpack, frame)
    first = judge(frames.kind_of, frame)
    if items is not None:
        assert kind == first == items[1]
    if kind is not None:
        assert first == kind


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_or_understood(frame: bytes) -> None:
    agree(frame)


@given(st.integers(0x90, 0x9F), st.integers(0, 14), st.binary(max_size=120))
def test_arbitrary_bytes_behind_a_good_envelope_are_refused_or_understood(
    head: int, kind: int, rest: bytes
) -> None:
    agree(bytes([head, 1, kind]) + rest)


@given(
    st.lists(trees, max_size=14), st.integers(-1, 14) | trees, st.sampled_from([1, 1, 1, 2, True])
)
def test_any_well_formed_array_is_refused_or_understood(
    fields: list[Any], kind: Any, version: Any
) -> None:
    agree(msgpack.packb([version, kind, *fields]))


frames_of_all_kinds = st.one_of(
    command_fields.map(lambda fields: msgpack.packb([1, 1, *fields])),
    outcome_fields.map(lambda fields: msgpack.packb(outcome_items(fields))),
    heartbeat_fields.map(lambda fields: msgpack.packb([1, 4, *fields])),
    st.integers(0, 9).map(lambda n: frames.encode_batch(
        "r/z/1/", 1, 2, bytes(4 * n), bytes(8 * n), bytes(n), bytes(8 * n), bytes(8 * n))),
    st.lists(trees, max_size=4).map(lambda fields: frames.pack(7, *fields)),
)  # fmt: skip


@given(frames_of_all_kinds, st.data())
def test_a_damaged_frame_is_refused_or_understood(frame: bytes, data: st.DataObject) -> None:
    damaged = bytearray(frame)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(0, len(damaged) - 1)))
        what = data.draw(st.sampled_from(["flip", "set", "cut", "insert", "repeat"]))
        if what == "flip" and damaged:
            damaged[at] ^= 1 << data.draw(st.integers(0, 7))
        elif what == "set" and damaged:
            damaged[at] = data.draw(st.integers(0xC0, 0xDF))
        elif what == "cut":
            del damaged[at : at + data.draw(st.integers(1, 9))]
        elif what == "insert":
            damaged[at:at] = data.draw(st.binary(min_size=1, max_size=5))
        else:
            damaged[at:at] = damaged[at : at + 16]
    agree(bytes(damaged))


@given(command_fields)
@settings(max_examples=20)
def test_every_prefix_of_a_command_is_truncated_and_nothing_else(fields: Any) -> None:
    frame = frames.encode_command(frames.Command(*fields))
    for end in range(1, len(frame)):
        with pytest.raises(frames.MalformedFrame) as caught:
            frames.decode_command(frame[:end])
        assert caught.value.code == "truncated"
        with pytest.raises(frames.MalformedFrame, match="ends in") as caught:
            frames.check(frame[:end])
        assert caught.value.code == "truncated"


def test_a_hundred_thousand_decodings_of_noise_crash_nothing() -> None:
    """Structure-aware noise, seeded: heads with lengths near the truth and near the limits."""
    rng = random.Random(4747)
    lengths = [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 2**31, 2**32 - 1]

    def noise() -> bytes:
        head = rng.randrange(0x80, 0x100)
        width = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4,
                 0xDE: 2, 0xDF: 4}.get(head, 0)  # fmt: skip
        size = rng.choice(lengths) & ((1 << 8 * width) - 1) if width else 0
        return bytes([head]) + size.to_bytes(width, "big") + rng.randbytes(rng.randrange(12))

    refused = 0
    for _ in range(20_000):
        frame = bytes([rng.choice([0x92, 0x96, 0x9A, 0x9B, 0x9C]), 1, rng.randrange(1, 13)])
        frame += b"".join(noise() for _ in range(rng.randrange(6)))
        for decode in (frames.check, frames.unpack, frames.decode_command, frames.decode_outcome,
                       frames.decode_batch):  # fmt: skip
            refused += judge(decode, frame) is None
    assert refused > 50_000


@given(st.integers(0, 5), st.lists(st.integers(0, 5), min_size=5, max_size=5), st.booleans())
def test_a_column_that_does_not_fit_the_count_is_refused(
    count: int, counts: list[int], whole: bool
) -> None:
    widths = (4, 8, 1, 8, 8)
    columns = [bytes(n * width) for n, width in zip(counts, widths, strict=True)]
    if not whole:
        columns[1] = columns[1][:-1]
    agree(msgpack.packb([1, 3, "t", 1, 1, count, *columns]))
    agree(msgpack.packb([1, 3, "t", 1, 1, count, *(bytes(count * width) for width in widths)]))
    huge = b"\x9b\x01\x03\xa1t\x01\x01" + msgpack.packb(2**32 - 1 - count)
    agree(huge + b"\xc6" + struct.pack(">I", 2**32 - 4 * counts[0] - 4) + bytes(8))
