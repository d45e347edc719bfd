"""Results of bulk commands are written and read natively as the long way writes and reads them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jacquemart.native import frames
from jacquemart.native.results import Names, join, split
from jacquemart.native.table import column_of
from jacquemart.runtime.model.errors import FrameError
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.messages import BulkResult

ID = bytes(range(16))
TEXTS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["x" * 31, "x" * 32, "é" * 127, "y" * 255, "y" * 256, "z" * 65_536]),
)


@st.composite
def results(draw: st.DrawFn) -> tuple[Any, ...]:
    """Return the fields of a result."""
    devices = draw(st.lists(TEXTS, max_size=20))
    count = len(devices)
    columns = [draw(st.binary(min_size=n * count, max_size=n * count)) for n in (1, 8, 8, 8)]
    rows = draw(st.dictionaries(st.integers(0, 70_000), st.tuples(TEXTS, TEXTS), max_size=20))
    return (ID, devices, *columns, rows)


def packed(fields: tuple[Any, ...]) -> bytes:
    """Return the frame as msgpack has it."""
    *columns, rows = fields
    return frames.pack(frames.BULK_OUTCOME, *columns, [[at, *why] for at, why in rows.items()])


def joined(fields: tuple[Any, ...]) -> bytes:
    *columns, rows = fields
    return join(*columns, [(at, *why) for at, why in rows.items()])


def many(count: int) -> tuple[Any, ...]:
    devices = [f"lamp-{n}" for n in range(count)]
    return (ID, devices, bytes(count), *[bytes(8 * count)] * 3, {})


@given(results())
@example(many(15))
@example(many(16))
@example(many(65_535))
@example(many(65_536))
def test_a_result_is_the_same_frame_either_way_and_says_the_same(fields: tuple[Any, ...]) -> None:
    frame = joined(fields)
    assert frame == packed(fields)
    found = split(frame)
    assert found == fields
    assert BulkResult(*found) == messages._judged_bulk_result(frame)
    assert joined(found) == frame, "names are written as they came"


@given(results(), st.data())
def test_what_is_broken_is_never_read_otherwise_than_the_long_way_reads_it(
    fields: tuple[Any, ...], data: st.DataObject
) -> None:
    frame = bytearray(joined(fields)[:2_000])
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(frame) - 1), st.integers(0, 255)), max_size=3)
    ):
        frame[at] = byte
    broken = bytes(frame[: data.draw(st.integers(0, len(frame)))])
    said = split(broken)
    if said is not None:
        assert BulkResult(*said) == messages._judged_bulk_result(broken)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ((ID, ["a"], b"", bytes(8), bytes(8), bytes(8), []), "disagree in length"),
        ((ID, ["a"], b"\0", bytes(8), bytes(9), bytes(8), []), "disagree in length"),
        ((ID, [1], b"\0", bytes(8), bytes(8), bytes(8), []), "a device of position 3"),
        ((ID, [], b"", b"", b"", b"", [["x"]]), "exceptions"),
        ((ID, [], b"", b"", b"", b""), "positions"),
        (("id", [], b"", b"", b"", b"", []), "'id'"),
    ],
)
def test_what_is_no_result_is_none_natively_and_the_long_way_says_why(
    fields: tuple[Any, ...], why: str
) -> None:
    frame = frames.pack(frames.BULK_OUTCOME, *fields)
    assert split(frame) is None
    with pytest.raises(FrameError, match=why):
        messages.decode_bulk_result(frame)


def test_names_that_are_no_utf8_are_none() -> None:
    frame = joined(many(3)).replace(b"lamp-1", b"lamp\xff1")
    assert split(frame) is None
    with pytest.raises(FrameError):
        messages.decode_bulk_result(frame)


@given(st.lists(TEXTS, max_size=20))
def test_names_are_a_sequence_of_their_texts(texts: list[str]) -> None:
    names = Names.of(texts)
    assert (len(names), list(names), names == texts, texts == names) == (
        len(texts), texts, True, True,
    )  # fmt: skip
    assert names[1:] == texts[1:]
    assert [names[at] for at in range(len(names))] == texts
    assert names != [*texts, "more"]
    assert names == Names.of(names)
    assert all(text in names for text in texts)
    with pytest.raises(IndexError):
        names[len(texts)]


@pytest.mark.parametrize("text", [None, 1, b"bytes"])
def test_names_are_texts(text: object) -> None:
    with pytest.raises(TypeError):
        Names.of([text])  # type: ignore[list-item]


def test_names_are_utf8() -> None:
    with pytest.raises(UnicodeEncodeError):
        Names.of(["\ud800"])


@given(st.lists(st.one_of(st.floats(), st.integers(), st.none(), st.booleans()), max_size=9))
def test_a_column_is_made_of_floats_alone(answers: list[Any]) -> None:
    column = column_of(answers)
    if all(type(answer) is float for answer in answers):
        assert column is not None
        assert str(memoryview(column).cast("d").tolist()) == str(answers)
    else:
        assert column is None
