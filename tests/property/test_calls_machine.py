"""The native calls equal their oracle: each call has one end, whatever comes, expires or raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fake_line import FakeLine, FakePump
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from oracle_calls import Answer, OracleCalls

from jacquemart.native.calls import Awaited, Calls


class Ours(Calls):
    """Native calls over a fake connection."""

    def __init__(self, on_error: Callable[[BaseException], object]) -> None:
        self.pump, self.wire, self.planned = FakePump(), FakeLine(), 0
        self.strays: list[tuple[bytes, ...]] = []
        self.wire.begin(self.pump, self.strays.append, on_error, 256)
        self.carry(self.wire, on_error)

    def sweep_later(self) -> None:
        """Count."""
        self.planned += 1

    def come(self, messages: list[tuple[bytes, ...]]) -> None:
        """Have messages come, all in one turn."""
        self.pump.come += messages
        self.wire.drain()

    def close(self) -> None:
        """End as a connection does."""
        self.wire.end()
        self.end_all()


class Pair(RuleBasedStateMachine):
    """Does the same to both."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.number = 0
        self.open = True
        self.told: dict[str, list[tuple[int, bytes | None]]] = {"ours": [], "oracle": []}
        self.errors: dict[str, list[str]] = {"ours": [], "oracle": []}
        self.ours = Ours(lambda error: self.errors["ours"].append(repr(error)))
        self.sent: list[tuple[bytes, ...]] = []
        self.oracle = OracleCalls(
            self._send, lambda error: self.errors["oracle"].append(repr(error))
        )

    def _send(self, *parts: bytes) -> bool:
        if self.open and self.ours.pump.takes:
            self.sent.append(parts)
        return self.open and self.ours.pump.takes

    def _answer(self, who: str, calls: Any, number: int, how: str) -> Answer:
        def answer(frame: bytes | None) -> None:
            self.told[who].append((number, frame))
            if how == "raises":
                raise ValueError(number)
            if how == "calls":
                calls.call(b"again", self.now + 5, self._answer(who, calls, -number, "tells"))
            if how == "ends all":
                calls.end_all()

        return answer

    @rule(
        within=st.integers(-1, 20),
        how=st.sampled_from(["tells", "tells", "raises", "calls", "ends all"]),
    )
    def call(self, within: int, how: str) -> None:
        self.number += 1
        frame, expires = b"frame %d" % self.number, self.now + within
        went = [
            calls.call(frame, expires, self._answer(who, calls, self.number, how))
            for who, calls in (("ours", self.ours), ("oracle", self.oracle))
        ]
        assert went[0] == went[1] == (self.open and self.ours.pump.takes)

    @rule(takes=st.booleans())
    def has_room_or_none(self, takes: bool) -> None:
        self.ours.pump.takes = takes

    @rule(data=st.data(), number=st.integers(1, 4))
    def come(self, data: st.DataObject, number: int) -> None:
        """Answers, also a second time, to nobody, and what is no answer at all."""
        tokens = [parts[0] for parts in self.sent] + [b"", b"nobody", b"\xff" * 8]
        parts = st.tuples(st.sampled_from(tokens), st.binary(max_size=3))
        three = st.tuples(st.sampled_from(tokens), st.just(b"a"), st.just(b"b"))
        message = st.one_of(parts, parts, parts, st.tuples(st.binary(max_size=3)), three)
        messages = [data.draw(message) for _ in range(number)]
        if self.open:
            self.ours.come(messages)
            for one in messages:
                self.oracle.message(one)

    @rule(later=st.integers(0, 10))
    def sweep(self, later: int) -> None:
        self.now += later
        self.ours.sweep(self.now)
        self.oracle.sweep(self.now)

    @rule()
    def close(self) -> None:
        self.open = False
        self.ours.close()
        self.oracle.end_all()

    @invariant()
    def both_have_said_the_same(self) -> None:
        assert self.told["ours"] == self.told["oracle"]
        assert self.errors["ours"] == self.errors["oracle"]
        assert self.ours.waiting == self.oracle.waiting
        assert self.ours.planned == self.oracle.planned
        assert self.ours.pump.sent == self.sent
        assert not self.ours.strays

    def teardown(self) -> None:
        self.close()
        ends = [number for number, _ in self.told["ours"]]
        assert len(ends) == len(set(ends)), "a call had two ends"
        assert self.ours.waiting == 0


Pair.TestCase.settings = settings(max_examples=120, stateful_step_count=30)
TestPair = Pair.TestCase


def test_what_waits_natively_waits_for_one_call_at_a_time() -> None:
    errors: list[BaseException] = []
    ours, waiter = Ours(errors.append), Awaited()
    assert ours.call(b"one", 1, waiter)
    with pytest.raises(RuntimeError, match="already"):
        ours.call(b"two", 1, waiter)
    assert len(ours.pump.sent) == ours.waiting == 1
    ours.sweep(1)
    assert isinstance(errors.pop(), NotImplementedError), "the base alone takes no end"
    assert ours.call(b"three", 1, waiter), "it has had its end"


def test_a_deadline_beyond_all_times_is_kept_waiting_for() -> None:
    ours, told = Ours(pytest.fail), []
    assert ours.call(b"late", 2**64, told.append)
    ours.sweep(2**63 - 2)
    assert ours.waiting == 1
    ours.close()
    assert told == [None]


def test_calls_stay_with_their_line() -> None:
    ours = Ours(pytest.fail)
    with pytest.raises(TypeError, match="stay with their line"):
        ours.carry(FakeLine(), pytest.fail)
