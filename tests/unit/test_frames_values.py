"""The frames as values: what their constructors refuse, and what equal means."""

from __future__ import annotations

import gc
import pickle
from array import array
from enum import IntEnum, StrEnum
from typing import Any

import pytest

from jacquemart.native import frames

ID = bytes(range(16))
FIELDS: dict[str, Any] = {
    "id": ID, "principal": "ann", "device": "lamp-1", "verb": "set", "point": "level",
    "value": 80.0, "unit": "%", "priority": 8, "deadline_ns": 10**12, "epoch": 3,
}  # fmt: skip
OUTCOME: list[Any] = [ID, "lamp-1", "level", 0, "ok", "", 80.0, 1, 2, 3, 4]


def command(**changes: Any) -> frames.Command:
    return frames.Command(**{**FIELDS, **changes})


class Word(StrEnum):
    SET = "set"


class Number(IntEnum):
    SEVEN = 7


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"id": "0123456789abcdef"}, TypeError, "id is str"),
        ({"id": b"short"}, ValueError, "id has 5 bytes, allowed: 16"),
        ({"device": 7}, TypeError, "device is int, allowed: str"),
        ({"device": "é" * 128}, ValueError, "device has 256 bytes, allowed: at most 255"),
        ({"unit": "\ud800"}, ValueError, "unit cannot be written as UTF-8"),
        ({"value": b"80"}, TypeError, "value is bytes"),
        ({"value": [80]}, TypeError, "value is list"),
        ({"value": 2**64}, ValueError, "value is 18446744073709551616"),
        ({"value": -(2**63) - 1}, ValueError, "allowed: -2"),
        ({"value": "v" * 1025}, ValueError, "value has 1025 bytes"),
        ({"priority": 0}, ValueError, "priority is 0, allowed: 1 to 16"),
        ({"priority": 17}, ValueError, "priority is 17"),
        ({"priority": True}, TypeError, "priority is bool"),
        ({"priority": 8.0}, TypeError, "priority is float"),
        ({"deadline_ns": -1}, ValueError, "deadline_ns is -1"),
        ({"epoch": 2**64}, ValueError, "epoch is 18446744073709551616"),
        ({"first_ns": -1}, ValueError, "first_ns is -1"),
    ],
)
def test_a_command_that_no_frame_can_hold_is_refused(
    changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        command(**changes)


def test_fields_of_a_subclass_become_plain() -> None:
    made = command(verb=Word.SET, value=Number.SEVEN)
    assert (type(made.verb), type(made.value)) == (str, int)
    assert made == command(value=7)
    assert frames.OutcomeFrame(ID, "d", "p", Number.SEVEN, "ok", "", 7, 0, 0, 0, 0).value == 7.0


def test_equal_commands_say_the_same() -> None:
    assert command(value=80) == command(value=80.0)
    assert command(value=float("nan")) == command(value=float("nan"))
    assert command(value=1) != command(value=True)
    assert command(value="1") != command(value=1)
    for name, other in [("id", bytes(16)), ("principal", "bob"), ("device", "lamp-2"),
                        ("verb", "go"), ("point", "mode"), ("value", 81.0), ("unit", ""),
                        ("priority", 9), ("deadline_ns", 1), ("epoch", 4),
                        ("first_ns", 5)]:  # fmt: skip
        assert command(**{name: other}) != command()
    assert command() != ID
    assert len({command(), command(), command(value=1)}) == 2


def test_equal_outcomes_say_the_same() -> None:
    outcome = frames.OutcomeFrame(*OUTCOME)
    others: list[Any] = [bytes(16), "x", "x", 1, "x", "x", None, 9, 9, 9, 9]
    for at, other in enumerate(others):
        changed = [*OUTCOME]
        changed[at] = other
        assert frames.OutcomeFrame(*changed) != outcome
    assert frames.OutcomeFrame(*OUTCOME) == outcome
    assert frames.Heartbeat("t", 1, 2, 3) != frames.Heartbeat("t", 1, 2, 4)


@pytest.mark.parametrize("made", [command(), frames.OutcomeFrame(*OUTCOME),
                                  frames.Heartbeat("t", 1, 2, 3)])  # fmt: skip
def test_a_frame_is_immutable_and_survives_pickling(made: Any) -> None:
    assert pickle.loads(pickle.dumps(made)) == made
    assert eval(repr(made), {type(made).__name__: type(made)}) == made
    for name in ("id", "topic", "value", "epoch", "new"):
        with pytest.raises(AttributeError):
            setattr(made, name, 1)
    with pytest.raises(TypeError, match="immutable"):
        made.__init__(*made.__reduce__()[1])


def test_a_route_changes_the_principal_and_the_epoch_only() -> None:
    routed = command(principal="").with_route("ann", 9)
    assert routed == command(principal="ann", epoch=9)
    assert command(first_ns=5).with_route("ann", 3) == command(), "a mark goes on if it is said"
    assert command().with_route("ann", 3, 5) == command(first_ns=5)
    with pytest.raises(TypeError, match="principal"):
        command().with_route(b"ann", 9)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="epoch"):
        command().with_route("ann", -1)


def test_a_detail_too_long_is_shortened_and_the_outcome_kept() -> None:
    long, broken = [*OUTCOME], [*OUTCOME]
    long[5], broken[5] = "é" * 2_000, "line \ud800"
    outcome = frames.decode_outcome(frames.encode_outcome(frames.OutcomeFrame(*long)))
    assert outcome.detail == "é" * 510 + "…"
    assert len(outcome.detail.encode()) <= 1_024
    assert frames.OutcomeFrame(*broken).detail == "line ?"


def test_an_integer_value_of_another_language_becomes_a_float_in_an_outcome() -> None:
    frame = bytearray(frames.encode_outcome(frames.OutcomeFrame(*OUTCOME)))
    at = frame.index(b"\xcb\x40\x54")
    frame[at : at + 9] = b"\x50"
    assert repr(frames.decode_outcome(bytes(frame)).value) == "80.0"


def test_unbuilt_frames_are_refused_and_crash_nothing() -> None:
    for kind, encode in [(frames.Command, frames.encode_command),
                         (frames.OutcomeFrame, frames.encode_outcome),
                         (frames.Heartbeat, frames.encode_heartbeat)]:  # fmt: skip
        with pytest.raises(TypeError):
            encode(kind.__new__(kind))
        with pytest.raises(TypeError):
            encode(None)
    with pytest.raises(TypeError, match="decode_batch"):
        frames.Batch()
    empty = frames.Batch.__new__(frames.Batch)
    assert (empty.count, empty.slots.tolist(), empty.values.nbytes) == (0, [], 0)


def columns(n: int) -> list[Any]:
    return [array("I", range(n)), array("d", range(n)), bytes(n), array("q", [1] * n),
            array("q", [2] * n)]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "column", "words"),
    [
        (0, array("I", [1]), "values has 2 points, slots has 1"),
        (0, array("H", [1, 2]), "slots has items b'H' of 2 bytes"),
        (0, b"123", "slots has 3 bytes, allowed: a multiple of 4"),
        (1, array("q", [1, 2]), "values has items b'q'"),
        (1, array("f", [1, 2]), "values has items b'f'"),
        (2, b"123", "qualities has 3 points"),
        (3, array("d", [1, 2]), "source_ns has items b'd'"),
        (4, array("i", [1, 2]), "receive_ns has items b'i'"),
    ],
)
def test_columns_of_a_wrong_type_or_length_are_refused(at: int, column: Any, words: str) -> None:
    wrong = columns(2)
    wrong[at] = column
    with pytest.raises(ValueError, match=words):
        frames.encode_batch("r/z/1/", 1, 1, *wrong)
    for odd, error in [([1, 2], TypeError), (memoryview(bytes(64))[::4], BufferError)]:
        wrong[at] = odd
        with pytest.raises(error):
            frames.encode_batch("r/z/1/", 1, 1, *wrong)


def test_a_batch_over_the_size_limit_is_refused() -> None:
    n = 2**24 // 29 + 1
    with pytest.raises(ValueError, match="over 16777216 bytes"):
        frames.encode_batch(
            "r/z/1/", 1, 1, bytes(4 * n), bytes(8 * n), bytes(n), bytes(8 * n), bytes(8 * n)
        )


def test_columns_keep_their_frame_alive_and_refuse_writes() -> None:
    frame = bytearray(frames.encode_batch("r/z/1/", 1, 1, *columns(100)))
    batch = frames.decode_batch(memoryview(frame))
    values, slots = batch.values, batch.slots
    with pytest.raises(BufferError):
        frame.clear()  # the batch points into it
    del batch, frame
    gc.collect()
    assert values.tolist() == [float(n) for n in range(100)]
    assert slots.tolist() == list(range(100))
    with pytest.raises(TypeError):
        values[0] = 1.0


def test_a_cold_frame_is_packed_only_if_it_can_be_read() -> None:
    assert frames.unpack(frames.pack(frames.QUERY, "ls", {"zone": None}, (1, 2))) == [
        1, 7, "ls", {"zone": None}, [1, 2]]  # fmt: skip
    deep: list[Any] = []
    for _ in range(16):
        deep = [deep]
    for fields, error in [
        ((), TypeError), (("7",), TypeError), ((4, "t"), ValueError), ((13,), ValueError),
        ((7, {1.5: 2}), ValueError), ((7, deep), ValueError), ((7, "\ud800"), ValueError),
        ((7, object()), TypeError), ((7, 2**64), OverflowError), ((True, 1), TypeError),
    ]:  # fmt: skip
        with pytest.raises(error):
            frames.pack(*fields)
