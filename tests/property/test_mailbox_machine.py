"""The native mailbox equals its oracle after any sequence of calls, and starves nobody."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from oracle_mailbox import LANES, OracleMailbox

from jacquemart.native.mailbox import SAFETY, Mailbox

SHARE = 16

capacities = st.tuples(*[st.sampled_from([0, 1, 2, 3, 5, 8, 40, 100])] * LANES)
lanes = st.integers(0, LANES - 1)
keys = st.one_of(st.none(), st.sampled_from(["a", "b", ("c", 1), 4]))


class Mailboxes(RuleBasedStateMachine):
    @initialize(capacities=capacities)
    def create(self, capacities: tuple[int, int, int, int]) -> None:
        self.native = Mailbox(*capacities)
        self.oracle = OracleMailbox(*capacities)
        self.posted = 0

    def both(self, name: str, *args: Any) -> Any:
        found = getattr(self.native, name)(*args)
        assert found == getattr(self.oracle, name)(*args)
        return found

    @rule(lane=lanes, key=keys)
    def post(self, lane: int, key: object) -> None:
        self.posted += 1
        self.both("post", lane, f"message {self.posted}", key)

    @rule(lane=lanes, count=st.integers(1, 60), keyed=st.booleans())
    def burst(self, lane: int, count: int, keyed: bool) -> None:
        for at in range(count):
            self.post(lane, at % 7 if keyed else None)

    @rule(count=st.integers(1, 60))
    def take(self, count: int) -> None:
        for _ in range(count):
            self.both("take")

    @rule()
    def clear(self) -> None:
        self.both("clear")

    @invariant()
    def states_are_equal(self) -> None:
        native, oracle = self.native, self.oracle
        assert len(native) == len(oracle)
        assert bool(native) is bool(oracle)
        assert [native.depth(lane) for lane in range(LANES)] == [
            oracle.depth(lane) for lane in range(LANES)
        ]
        assert native.dropped == oracle.dropped
        assert native.conflated == oracle.conflated
        assert native.refused == oracle.refused

    def teardown(self) -> None:
        if hasattr(self, "native"):
            while self.both("take") is not None:
                pass


Mailboxes.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


class TestTheMailboxEqualsItsOracle(Mailboxes.TestCase):  # type: ignore[misc, name-defined]
    """Any sequence: posts with and without keys, bursts, takes, clears; any capacities."""


@given(
    waiting=st.integers(1, LANES - 1),
    pressure=st.lists(st.integers(0, 3), min_size=100, max_size=200),
)
@settings(deadline=None)
def test_a_waiting_lane_is_served_within_sixteen_takes_a_lower_lane(
    waiting: int, pressure: list[int]
) -> None:
    """However much is posted above it; each other lower lane may go first once."""
    mailbox = Mailbox()
    for lane in range(1, waiting + 1):
        mailbox.post(lane, lane)
    served: dict[int, int] = {}
    for turn, posts in enumerate(pressure, start=1):
        for _ in range(posts + 1):
            mailbox.post(SAFETY, SAFETY)
        taken = mailbox.take()
        if taken != SAFETY:
            served[int(str(taken))] = turn
    assert served == {lane: SHARE * lane for lane in range(1, waiting + 1)}


@given(posts=st.lists(st.tuples(lanes, keys), max_size=300), capacity=st.integers(0, 20))
@settings(deadline=None)
def test_every_post_is_taken_or_counted(posts: list[tuple[int, object]], capacity: int) -> None:
    """Taken, refused, dropped and conflated messages add up to those that were posted."""
    mailbox = Mailbox(capacity, capacity, capacity, capacity)
    taken_in = sum(mailbox.post(lane, object(), key) for lane, key in posts)
    taken = len(mailbox.clear())
    assert taken_in + mailbox.refused == len(posts)
    assert taken + mailbox.dropped + mailbox.conflated == taken_in
