"""Of all that waits for a place that takes nothing, one is tried at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.kernel.unwilling import PATIENCE_NS, Unwilling

LOOK_NS = 20_000_000
STEPS = st.lists(
    st.tuples(
        st.integers(0, 24),  # looks that the place needs to say what becomes of something
        st.booleans(),  # whether it takes it
    ),
    max_size=40,
)


@given(STEPS, st.integers(2, 256))
def test_a_place_that_sends_back_has_one_of_ours_at_a_time_however_slow_it_is(
    story: list[tuple[int, bool]], wanted: int
) -> None:
    unwilling: Unwilling[int] = Unwilling()
    unwilling.refused("east", -1)
    now = 0
    for what, (looks, takes) in enumerate(story):
        if unwilling.most("east", wanted, now) != 1:
            break
        unwilling.asked("east", what, now)
        for _ in range(looks):
            now += LOOK_NS
            assert unwilling.most("east", wanted, now) == 0, "it has not answered"
        if takes:
            unwilling.answered("east", what)
            assert unwilling.most("east", wanted, now) == wanted
            return
        unwilling.refused("east", what)
        assert unwilling.most("east", wanted, now) == 1


def test_what_left_before_and_comes_to_its_end_says_nothing_of_what_is_asked_now() -> None:
    unwilling: Unwilling[str] = Unwilling()
    unwilling.refused("east", "first")
    unwilling.asked("east", "second", 0)
    unwilling.answered("east", "sent long ago")
    assert unwilling.most("east", 256, LOOK_NS) == 0
    unwilling.refused("east", "sent before it was asked")
    assert unwilling.most("east", 256, LOOK_NS) == 0


def test_who_has_not_sent_it_back_for_long_has_taken_it() -> None:
    unwilling: Unwilling[str] = Unwilling()
    unwilling.refused("east", "first")
    unwilling.asked("east", "second", 0)
    assert unwilling.most("east", 256, PATIENCE_NS - 1) == 0
    assert unwilling.most("east", 256, PATIENCE_NS) == 256
    assert not unwilling


def test_the_others_are_free_and_all_are_when_the_places_have_changed_hands() -> None:
    unwilling: Unwilling[str] = Unwilling()
    unwilling.refused("east", "first")
    assert unwilling.most("west", 256, 0) == 256
    unwilling.clear()
    assert unwilling.most("east", 256, 0) == 256
