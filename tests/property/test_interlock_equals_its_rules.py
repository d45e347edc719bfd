"""The native interlock allows what its rules allow, and nothing else, whatever it is asked."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_interlock import OracleInterlock
from signal_draws import likely, matrices

from jacquemart.native.interlock import Cleared, Interlock

ANYTHING = st.one_of(
    st.none(), st.floats(), st.text(), st.binary(max_size=9), st.integers(-(2**70), 2**70),
    st.lists(st.integers()),
)  # fmt: skip


def story(asked: dict[str, Any], seed: int, steps: int) -> tuple[int, int]:
    """Ask both the same for a while; return how often they allowed, and refused, green."""
    chance = random.Random(seed)
    native, oracle = Interlock(**asked), OracleInterlock(**asked)
    count, now, longest = native.count, 0, asked["longest_step"]
    allowed = refused = 0
    for _ in range(steps):
        now += chance.choice([0, 100, 100, 200, 300, 500, longest, longest + 1, -50, 10**7])
        shown = native.shown or bytes([255] * count)
        proposed = bytes(
            likely(shown[at], chance.randrange(100), asked["yellow"][at], asked["red_yellow"][at])
            for at in range(count)
        )
        seen = None
        if chance.random() < 0.03:
            seen = bytes(chance.choice([shown[at], chance.randrange(8)]) for at in range(count))
        if not chance.randrange(12):
            proposed = native.fallback
        yes = native.look(proposed, now, seen)
        assert yes is oracle.look(proposed, now, seen), (proposed, native.finding)
        allowed += yes and (3 in proposed or 4 in proposed)
        refused += not yes
        if not yes and chance.random() < 0.9:
            proposed = shown  # whoever asked first knows that it cannot be
        cleared = native.write(proposed, now, seen)
        assert cleared.aspects == oracle.write(proposed, now, seen)
        assert native.shown == cleared.aspects
    return allowed, refused


@given(matrices(), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_it_allows_what_its_rules_allow_and_nothing_else(asked: dict[str, Any], seed: int) -> None:
    story(asked, seed, 60)


def test_both_answers_come_often_enough_to_mean_something() -> None:
    asked = {
        "intergreen": [[None, 500, 300], [700, None, None], [500, None, None]],
        "yields": [set(), set(), {0}],
        "min_green": [500, 300, 300],
        "yellow": [300, 300, 0],
        "red_yellow": [100, 0, 0],
        "in_flash": [6, 6, 0],
        "start_red": 300,
        "longest_step": 1_000,
    }
    told = [story(asked, seed, 300) for seed in range(20)]
    assert sum(allowed for allowed, _ in told) > 300
    assert sum(refused for _, refused in told) > 1_000


@given(matrices(), ANYTHING, ANYTHING, ANYTHING)
@settings(max_examples=200, deadline=None)
def test_it_answers_anything_and_answers_safely(
    asked: dict[str, Any], proposed: object, now: object, seen: object
) -> None:
    native, oracle = Interlock(**asked), OracleInterlock(**asked)
    for _ in range(2):
        assert native.look(proposed, now, seen) is oracle.look(proposed, now, seen)
        cleared = native.write(proposed, now, seen)
        assert cleared.aspects in (native.fallback, bytes(native.count))
        assert cleared.aspects == oracle.write(proposed, now, seen)


def test_nothing_but_the_interlock_makes_what_an_output_takes() -> None:
    with pytest.raises(TypeError):
        Cleared()
    with pytest.raises(TypeError):
        Cleared.__new__(Cleared, object())  # type: ignore[call-arg]
    one = Interlock(intergreen=[[None]], yields=[()], min_green=[0], yellow=[0], red_yellow=[0],
                    in_flash=[6], start_red=0, longest_step=0)  # fmt: skip
    cleared = one.write(b"\x03", 0)
    assert cleared.fallback
    with pytest.raises(AttributeError):
        cleared.aspects = b"\x03"  # type: ignore[misc]


def at_a_turn() -> tuple[Interlock, int]:
    """Return one of a road (0) that goes and a turn (1) that may give way to it, and the time."""
    lock = Interlock(
        intergreen=[[None, 1_000], [700, None]], yields=[(), (0,)], min_green=[0, 0],
        yellow=[300, 300], red_yellow=[0, 0], in_flash=[6, 6], start_red=0, longest_step=1_000,
    )  # fmt: skip
    now = 0
    for shown in (b"\x06\x06", b"\x05\x05", b"\x01\x01", b"\x01\x01", b"\x03\x01"):
        assert lock.write(shown, now).aspects == shown, lock.finding
        now += 1_000
    return lock, now


def test_a_turn_starts_giving_way_while_the_road_goes_and_goes_on_when_it_ends() -> None:
    lock, now = at_a_turn()
    for shown in (b"\x03\x04", b"\x05\x04", b"\x01\x04"):
        assert not lock.write(shown, now).fallback, lock.finding
        now += 300
    assert not lock.look(b"\x01\x03", now), "full green 600 ms after the road ended"
    assert lock.finding == (7, 1, 0, 1_000, 600)
    assert lock.look(b"\x01\x03", now + 400)


def test_a_turn_that_gives_way_waits_for_the_road_that_has_ended() -> None:
    lock, now = at_a_turn()
    assert not lock.look(b"\x05\x04", now), "it ends in the very step"
    lock.write(b"\x05\x01", now)
    assert not lock.look(b"\x05\x04", now + 200)
    lock.write(b"\x01\x01", now + 300)
    assert not lock.look(b"\x01\x04", now + 999)
    assert lock.finding == (7, 1, 0, 1_000, 999)
    assert lock.look(b"\x01\x04", now + 1_000)


def test_the_road_waits_for_a_turn_that_gave_way_and_has_ended() -> None:
    lock, now = at_a_turn()
    for shown in (b"\x05\x01", b"\x01\x01", b"\x01\x04", b"\x01\x04"):
        assert not lock.write(shown, now).fallback, lock.finding
        now += 500
    assert lock.look(b"\x03\x04", now), "it goes on giving way"
    lock.write(b"\x01\x05", now)
    lock.write(b"\x01\x01", now + 300)
    assert not lock.look(b"\x03\x01", now + 699)
    assert lock.look(b"\x03\x01", now + 700)
