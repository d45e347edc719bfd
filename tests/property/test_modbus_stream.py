"""The answer stream against any bytes, cut anywhere."""

from __future__ import annotations

import itertools
import struct

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.drivers.modbus.stream import AnswerStream

PDUS = st.binary(min_size=1, max_size=253)


def frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(st.lists(st.binary(min_size=1, max_size=600), max_size=20), st.integers(1, 65000))
def test_any_bytes_never_crash_and_a_fault_is_final(chunks: list[bytes], transaction: int) -> None:
    stream = AnswerStream()
    stream.expect(transaction)
    for chunk in chunks:
        before = stream.fault
        found = stream.feed(chunk)
        if before:
            assert found is None
            assert stream.fault == before


@given(
    st.lists(st.tuples(PDUS, st.integers(0, 255), st.sampled_from(["answer", "late", "twice"])),
             min_size=1, max_size=8),
    st.lists(st.integers(0, 5000), max_size=12),
)  # fmt: skip
def test_each_request_gets_its_own_answer_however_the_bytes_are_cut(
    exchanges: list[tuple[bytes, int, str]], places: list[int]
) -> None:
    """A late answer comes in front of the next one, its end possibly after the next request."""
    stream = AnswerStream()
    pending = b""
    for transaction, (pdu, unit, how) in enumerate(exchanges, start=1):
        whole = frame(transaction, unit, pdu)
        stream.expect(transaction)
        if how == "late":
            half = len(whole) // 2
            for piece in cut(pending + whole[:half], places):
                assert stream.feed(piece) is None
            pending = whole[half:]
            stream.give_up()
            continue
        arriving = pending + whole * (2 if how == "twice" else 1)
        pending = b""
        found = [answer for piece in cut(arriving, places) if (answer := stream.feed(piece))]
        assert found == [(unit, pdu)]
        assert not stream.fault
        assert not stream.partial
    assert stream.dropped >= sum(how == "twice" for _, _, how in exchanges)


@given(PDUS, st.integers(1, 65000), st.integers(1, 65000))
def test_an_answer_to_what_was_never_asked_is_a_fault(
    pdu: bytes, asked: int, answered: int
) -> None:
    stream = AnswerStream()
    stream.expect(asked)
    found = stream.feed(frame(answered, 1, pdu))
    if asked == answered:
        assert found == (1, pdu)
    else:
        assert found is None
        assert "was not asked" in stream.fault


@given(st.integers(0, 65535), st.integers(1, 65535), st.integers(0, 65535))
def test_a_header_of_another_protocol_is_a_fault_at_its_third_byte(
    transaction: int, protocol: int, length: int
) -> None:
    stream = AnswerStream()
    stream.expect(transaction)
    head = struct.pack(">HHH", transaction, protocol, length)
    assert stream.feed(head[:4]) is None
    assert stream.fault


@given(st.integers(0, 65535).filter(lambda length: not 2 <= length <= 254))
def test_an_impossible_length_is_a_fault_before_its_bytes_come(length: int) -> None:
    stream = AnswerStream()
    stream.expect(1)
    stream.feed(struct.pack(">HHH", 1, 0, length))
    assert "impossible length" in stream.fault


def test_an_answer_after_giving_up_is_dropped_and_counted() -> None:
    stream = AnswerStream()
    stream.expect(1)
    stream.give_up()
    stream.expect(2)
    assert stream.feed(frame(1, 1, b"\3\2\0\1")) is None
    assert stream.feed(frame(2, 1, b"\3\2\0\2")) == (1, b"\3\2\0\2")
    assert stream.dropped == 1
    assert not stream.fault
