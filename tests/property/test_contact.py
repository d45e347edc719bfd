"""Lost after four seconds of silence, back after two of contact, and never to and fro."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.kernel.islanding import PATIENCE_NS, STEADY_NS, STEP_NS, Change, Contact

MS = 1_000_000
LOOK = 100 * MS
#: For each look whether the other one was heard just before it, and how old its echo was.
HISTORIES = st.lists(
    st.one_of(st.none(), st.sampled_from([0, 0, 0, 200, 900, 3_000, 9_000])), max_size=300
)


def run(history: list[int | None]) -> list[tuple[int, Change]]:
    contact, found = Contact(0), []
    for at, echo in enumerate(history, 1):
        if echo is not None:
            contact.heard(echo * MS)
        change = contact.look(at * LOOK)
        if change is not None:
            found.append((at * LOOK, change))
    return found


@given(HISTORIES)
def test_changes_alternate_and_lie_apart(history: list[int | None]) -> None:
    found = run(history)
    assert [change for _, change in found[::2]] == [Change.LOST] * len(found[::2])
    assert [change for _, change in found[1::2]] == [Change.BACK] * len(found[1::2])
    for (before, _), (after, _) in pairwise(found):
        assert after - before >= STEADY_NS


@given(HISTORIES)
def test_silence_as_a_naive_model_sees_it(history: list[int | None]) -> None:
    contact, last = Contact(0), 0  # the moment for which contact is proven
    for at, echo in enumerate(history, 1):
        if echo is not None:
            contact.heard(echo * MS)
            last = max(last, (at - 1) * LOOK - echo * MS)
        contact.look(at * LOOK)
        assert contact.silent_ns == at * LOOK - last
        if contact.silent_ns >= PATIENCE_NS:
            assert contact.lost


@given(st.lists(st.integers(0, 35), min_size=1, max_size=40))
def test_n7_who_is_heard_every_few_seconds_is_never_lost(pauses: list[int]) -> None:
    history: list[int | None] = []
    for pause in pauses:
        history += [None] * pause + [0]
    assert run(history) == []


def test_a_centre_is_lost_after_four_seconds_and_back_after_two() -> None:
    history: list[int | None] = [0] * 20 + [None] * 60 + [0] * 40
    assert run(history) == [(5_900 * MS, Change.LOST), (10_000 * MS, Change.BACK)]


def test_n2_a_centre_that_does_not_hear_us_is_lost_too() -> None:
    deaf: list[int | None] = [0, *range(0, 8_000, 100)]
    assert [change for _, change in run(deaf)] == [Change.LOST]


@given(st.integers(1, 200))
def test_whoever_was_frozen_itself_has_lost_nobody_by_that(seconds: int) -> None:
    contact = Contact(0)
    assert contact.look(LOOK) is None
    assert contact.look(seconds * 10**9) is None
    assert contact.silent_ns <= LOOK + STEP_NS
    contact.heard()
    assert contact.look(seconds * 10**9 + LOOK) is None


def test_a_clock_that_stands_or_goes_back_changes_nothing() -> None:
    contact = Contact(10**9)
    assert contact.look(10**9) is None
    assert contact.look(5) is None
    assert contact.silent_ns == 0
    assert contact.now_ns == 10**9
