"""The pure parts of a journal: its chain of hashes, its watermark, and what is judged of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.store import mark
from jacquemart.runtime.store.format import (
    START,
    Broken,
    Parcel,
    Tip,
    chain,
    pack_body,
    read_chain,
    unpack_body,
)
from jacquemart.runtime.store.intake import Intake
from jacquemart.runtime.store.judgement import Found, judge
from jacquemart.runtime.store.mark import Mark
from jacquemart.runtime.store.settings import StoreSettings

BODIES = st.lists(st.binary(max_size=30).map(lambda data: pack_body({"a": data})), min_size=1)
JOURNAL = b"j" * 16


def parcel(first: int, bodies: list[bytes]) -> Parcel:
    return Parcel(first, 5, [(2, body) for body in bodies])


@given(BODIES, st.data())
def test_the_chain_is_the_same_however_records_were_committed(
    bodies: list[bytes], data: st.DataObject
) -> None:
    whole, rows = chain(START, 7, [parcel(1, bodies)])
    cut = data.draw(st.integers(0, len(bodies) - 1))
    tip, first = chain(START, 7, [parcel(1, bodies[:cut])]) if cut else (START, b"")
    tip, second = chain(tip, 7, [parcel(cut + 1, bodies[cut:])])
    assert (tip, first + second) == (whole, rows)
    links = read_chain(START, rows)
    assert links[-1].digest == whole.digest
    assert [link.record.sequence for link in links] == list(range(1, len(bodies) + 1))


@given(BODIES, st.data())
def test_any_change_of_the_bytes_is_another_chain_or_none(
    bodies: list[bytes], data: st.DataObject
) -> None:
    whole, rows = chain(START, 7, [parcel(1, bodies)])
    place = data.draw(st.integers(0, len(rows) - 1))
    other = bytearray(rows)
    other[place] ^= data.draw(st.integers(1, 255))
    for changed in (bytes(other), rows[:place], rows + b"\0"):
        try:
            links = read_chain(START, changed)
        except Broken:
            continue
        assert not links or links[-1].digest != whole.digest


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32))
def test_a_mark_is_read_as_it_was_written_and_a_torn_one_is_none(
    sequence: int, epoch: int, digest: bytes
) -> None:
    written = Mark(JOURNAL, epoch, Tip(sequence, digest), 3)
    slot = mark.pack(written)
    assert mark.unpack(slot) == written
    for end in range(0, len(slot), 7):
        assert mark.unpack(slot[:end] + bytes(len(slot) - end)) in (None, written)
    older = mark.pack(Mark(JOURNAL, epoch, START, 2)).ljust(mark.STRIDE, b"\0")
    assert mark.newest(older + slot) == written
    assert mark.newest(older + slot[:50]) == Mark(JOURNAL, epoch, START, 2)
    assert mark.newest(b"") is None


A, B = b"a" * 32, b"b" * 32


@pytest.mark.parametrize(
    ("tip", "broken", "at_mark", "marked", "corrupt", "cut"),
    [
        (0, "", None, None, "", False),  # a new journal
        (9, "", None, None, "watermark is lost", False),
        (9, "", A, 9, "", False),
        (9, "", A, 7, "", False),  # a commit that was whole, but not acknowledged: it counts
        (9, "torn", A, 9, "", True),
        (9, "torn", None, 10, "lost or altered: 10", False),
        (9, "", None, 12, "lost or altered: 10 to 12", False),
        (0, "", None, 12, "lost or altered: 1 to 12", False),
        (9, "", B, 9, "not what was written", False),
        (9, "", None, 8, "cannot be found", False),
        (9, "", None, 4, "", False),  # before what was read: a slot of before a snapshot
    ],
)
def test_what_is_behind_the_watermark_is_cut_and_what_is_before_it_is_lost(
    tip: int, broken: str, at_mark: bytes | None, marked: int | None, corrupt: str, cut: bool
) -> None:
    seen = Found(JOURNAL, Tip(tip, A), broken, at_mark, 5)
    told = Mark(JOURNAL, 1, Tip(marked, A)) if marked is not None else None
    verdict = judge(seen, told)
    assert corrupt in verdict.corrupt
    assert bool(verdict.corrupt) == bool(corrupt)
    assert verdict.cut == cut
    if told is not None:
        assert "another journal" in judge(seen, told._replace(journal=b"k" * 16)).corrupt


def test_what_waits_is_bounded_by_number_and_by_bytes() -> None:
    intake = Intake(StoreSettings(waiting_records=4, waiting_bytes=100), 10)

    def put(count: int, size: int) -> Any:
        return intake.put([(2, bytes(size))] * count, count * size, 0, lambda error: None)

    assert put(2, 10) == 12
    assert isinstance(put(3, 1), JournalError)
    assert put(1, 60) == 13
    assert isinstance(put(1, 30), JournalError)
    work = intake.take(0)
    assert isinstance(put(1, 30), JournalError)  # it is being written, and counts until it is
    intake.settle(work.appends)
    assert put(1, 30) == 14
    refused = intake.stop(JournalError("the disk"))
    assert [append.parcel.first for append in refused] == [14]
    assert str(put(1, 1)) == "the disk"
    intake.settle(refused)
    intake.go_on(13)
    assert put(1, 1) == 14


def test_a_body_with_a_key_that_is_no_key_is_no_body() -> None:
    for packed in (b"\x81\x81\xa1a\x00\x00", b"\x81\x90\x00"):
        with pytest.raises(ValueError, match="no body"):
            unpack_body(packed)
