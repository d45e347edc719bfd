"""Every frame comes back as it went, and is byte for byte what the oracle understands."""

from __future__ import annotations

import math
import random
from array import array
from typing import Any

import msgpack
import oracle_frames as oracle
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.native import frames

names = st.text(max_size=60)
u64 = st.integers(0, 2**64 - 1)
ids = st.binary(min_size=16, max_size=16)
command_values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(max_size=200)
)
command_fields = st.tuples(
    ids, names, names, names, names, command_values, names, st.integers(1, 16), u64, u64,
    st.just(0) | u64,
)  # fmt: skip
outcome_fields = st.tuples(
    ids, names, names, st.integers(0, 255), names, st.text(max_size=200),
    st.none() | st.floats(), u64, u64, u64, u64,
)  # fmt: skip
heartbeat_fields = st.tuples(names, u64, u64, u64)
i64 = st.integers(-(2**63), 2**63 - 1)
points = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.floats(), st.integers(0, 255), i64, i64), max_size=40
)


def same(one: Any, other: Any) -> bool:
    """Return whether two decoded values are equal in type and value, NaN included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    return bool(one == other)


def outcome_items(fields: tuple[Any, ...]) -> list[Any]:
    """Return an outcome's fields as they stand on the wire: the four stages in one array."""
    return [1, 2, *fields[:7], list(fields[7:])]


def command_of(fields: tuple[Any, ...]) -> tuple[Any, ...]:
    command = frames.Command(*fields)
    names = ("id", "principal", "device", "verb", "point", "value", "unit", "priority",
             "deadline_ns", "epoch", "first_ns")  # fmt: skip
    return tuple(getattr(command, name) for name in names)


@given(command_fields)
def test_a_command_comes_back_and_reads_as_msgpack(fields: tuple[Any, ...]) -> None:
    command = frames.Command(*fields)
    assert same(command_of(fields), fields)
    frame = frames.encode_command(command)
    assert frame == msgpack.packb([1, 1, *(fields if fields[-1] else fields[:-1])])
    assert same(oracle.command(frame), fields)
    decoded = frames.decode_command(frame)
    assert decoded == command
    assert hash(decoded) == hash(command)
    assert frames.encode_command(decoded) == frame
    assert frames.check(frame) == frames.kind_of(frame) == frames.COMMAND


@given(outcome_fields)
def test_an_outcome_comes_back_and_reads_as_msgpack(fields: tuple[Any, ...]) -> None:
    outcome = frames.OutcomeFrame(*fields)
    frame = frames.encode_outcome(outcome)
    assert frame == msgpack.packb(outcome_items(fields))
    assert same(oracle.outcome(frame), fields)
    decoded = frames.decode_outcome(frame)
    assert decoded == outcome
    assert hash(decoded) == hash(outcome)
    assert frames.encode_outcome(decoded) == frame


@given(heartbeat_fields)
def test_a_heartbeat_comes_back_and_reads_as_msgpack(fields: tuple[Any, ...]) -> None:
    beat = frames.Heartbeat(*fields)
    frame = frames.encode_heartbeat(beat)
    assert frame == msgpack.packb([1, 4, *fields])
    assert oracle.heartbeat(frame) == fields
    decoded = frames.decode_heartbeat(frame)
    assert (decoded.topic, decoded.epoch, decoded.sequence, decoded.sent_ns) == fields
    assert decoded == beat
    assert hash(decoded) == hash(beat)


@given(st.text(max_size=80), u64, u64, points, st.booleans())
def test_a_batch_comes_back_from_arrays_and_from_plain_bytes_alike(
    topic: str, epoch: int, sequence: int, rows: list[tuple[Any, ...]], plain: bool
) -> None:
    codes = ("I", "d", "B", "q", "q")
    columns = [array(code, [row[at] for row in rows]) for at, code in enumerate(codes)]
    given_columns: list[Any] = [c.tobytes() for c in columns] if plain else list(columns)
    frame = frames.encode_batch(topic, epoch, sequence, *given_columns)
    blobs = [column.tobytes() for column in columns]
    assert frame == msgpack.packb([1, 3, topic, epoch, sequence, len(rows), *blobs])
    assert oracle.batch(frame) == (topic, epoch, sequence, *blobs)

    batch = frames.decode_batch(frame)
    assert (batch.topic, batch.epoch, batch.sequence) == (topic, epoch, sequence)
    assert batch.count == len(rows)
    views = (batch.slots, batch.values, batch.qualities, batch.source_ns, batch.receive_ns)
    for view, column, code in zip(views, columns, codes, strict=True):
        assert view.format == code
        assert view.readonly
        assert view.nbytes == len(rows) * view.itemsize
        assert view.tobytes() == column.tobytes()


@given(st.integers(), command_fields, outcome_fields, heartbeat_fields)
def test_any_valid_encoding_of_a_field_is_understood(
    seed: int, command: Any, outcome: Any, beat: Any
) -> None:
    pick = random.Random(seed).choice
    assert frames.decode_command(oracle.encode([1, 1, *command], pick)) == frames.Command(*command)
    frame = oracle.encode(outcome_items(outcome), pick)
    assert frames.decode_outcome(frame) == frames.OutcomeFrame(*outcome)
    frame = oracle.encode([1, 4, *beat], pick)
    assert frames.decode_heartbeat(frame) == frames.Heartbeat(*beat)


@given(st.integers(), st.text(max_size=40), u64, points)
def test_a_batch_of_another_encoder_is_understood_wherever_its_columns_lie(
    seed: int, topic: str, sequence: int, rows: list[tuple[Any, ...]]
) -> None:
    columns = [array(code, [row[at] for row in rows]).tobytes() for at, code in enumerate("IdBqq")]

    pick = random.Random(seed).choice
    frame = oracle.encode([1, 3, topic, 7, sequence, len(rows), *columns], pick)
    for form in (frame, memoryview(bytearray(frame)), memoryview(b"x" + frame)[1:]):
        batch = frames.decode_batch(form)
        views = (batch.slots, batch.values, batch.qualities, batch.source_ns, batch.receive_ns)
        assert [view.tobytes() for view in views] == columns


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(max_size=20),
    st.binary(max_size=20),
)  # fmt: skip
keys = st.one_of(st.text(max_size=5), st.binary(max_size=5), st.integers(-(2**63), 2**64 - 1))
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)
)


@given(st.integers(5, 12), st.lists(trees, max_size=6))
def test_a_cold_frame_comes_back_and_reads_as_msgpack(kind: int, fields: list[Any]) -> None:
    frame = frames.pack(kind, *fields)
    assert frame == msgpack.packb([1, kind, *fields])
    assert frames.check(frame) == kind
    assert same(frames.unpack(frame), [1, kind, *fields])
    assert same(frames.unpack(memoryview(frame)), oracle.unpack(frame))
