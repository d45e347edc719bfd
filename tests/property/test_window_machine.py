"""The native window of commands equals its oracle, whatever comes, ends and is forgotten."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from oracle_window import OracleWindow

from jacquemart.runtime.kernel.dedup import DedupWindow

KEYS = st.tuples(st.sampled_from("ab"), st.integers(0, 8).map(lambda n: n.to_bytes(16, "big")))
CONTENTS = st.sampled_from([("lamp", "set", 1.0), ("lamp", "set", 2.0)])


class Windows(RuleBasedStateMachine):
    """Does the same to both."""

    @initialize(capacity=st.integers(0, 6))
    def begin_small(self, capacity: int) -> None:
        self.native: DedupWindow[str] = DedupWindow(capacity)
        self.oracle: OracleWindow[str] = OracleWindow(capacity)
        self.now = 0
        self.told: list[tuple[str, Any]] = []

    @rule(key=KEYS, content=CONTENTS)
    def begins(self, key: tuple[str, bytes], content: Any) -> None:
        found, known = self.native.begin(key, content), self.oracle.begin(key, content)
        assert (found[0].name, found[1]) == (known[0].name, known[1])

    @rule(key=KEYS, result=st.sampled_from(["applied", "failed"]), later=st.integers(0, 3))
    def finishes(self, key: tuple[str, bytes], result: str, later: int) -> None:
        self.now += later
        ours = self.native.finish(key, result, self.now)
        assert ours == self.oracle.finish(key, result, self.now)

    @rule(key=KEYS)
    def waits(self, key: tuple[str, bytes]) -> None:
        def waiter(result: str) -> None:
            self.told.append((result, key))

        try:
            self.oracle.wait(key, waiter)
        except KeyError:
            try:
                self.native.wait(key, waiter)
            except KeyError:
                return
            raise AssertionError("it does not run, and nobody can wait for it") from None
        self.native.wait(key, waiter)

    @rule(key=KEYS)
    def is_refused_for_now(self, key: tuple[str, bytes]) -> None:
        assert self.native.forget(key) == self.oracle.forget(key)

    @rule(key=KEYS)
    def is_shortened(self, key: tuple[str, bytes]) -> None:
        self.native.shorten(key, "")
        self.oracle.shorten(key, "")

    @rule(key=KEYS)
    def is_looked_at(self, key: tuple[str, bytes]) -> None:
        found, known = self.native.peek(key), self.oracle.peek(key)
        assert (found[0].name, found[1]) == (known[0].name, known[1])
        assert self.native.content_of(key) == self.oracle.content_of(key)

    @invariant()
    def both_know_as_much(self) -> None:
        assert len(self.native) == len(self.oracle)
        assert self.native.running == self.oracle.running
        assert self.native.forgotten_ns == self.oracle.forgotten_ns


TestWindows = Windows.TestCase
TestWindows.settings = settings(max_examples=150, stateful_step_count=40)


def test_a_window_that_is_made_smaller_forgets_the_oldest_first() -> None:
    window: DedupWindow[int] = DedupWindow(3)
    keys = [("a", bytes([number]) * 16) for number in range(5)]
    for number, key in enumerate(keys):
        window.begin(key, 0)
        window.finish(key, number, number)
    window.most = 1
    assert [window.peek(key)[1] for key in keys] == [None, None, None, None, 4]
    assert window.forgotten_ns == 3
    window.begin(keys[0], 0)
    window.finish(keys[0], 9, 9)
    assert len(window) == 1
    assert window.peek(keys[0])[1] == 9
