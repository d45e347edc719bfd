"""Commands of actors under way are a bounded number, and each leaves once."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from oracle_under_way import OracleUnderWay

from jacquemart.runtime.kernel.under_way import UnderWay

MOST, MOST_OF_ONE = 20, 10
ACTORS = st.sampled_from(["a", "b", "c", "d"])


class UnderWayModel(RuleBasedStateMachine):
    """The native one, its oracle, and a list of pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel: UnderWay[str, int] = UnderWay(MOST, MOST_OF_ONE)
        self.oracle: OracleUnderWay[str, int] = OracleUnderWay(MOST, MOST_OF_ONE)
        self.model: list[tuple[str, int]] = []
        self.number = self.refused = 0

    @rule(actor=ACTORS, priority=st.integers(1, 16), times=st.integers(1, 6))
    def enter(self, actor: str, priority: int, times: int) -> None:
        for _ in range(times):
            self.number += 1
            of_one = sum(1 for one in self.model if one[0] == actor)
            safety = priority <= 2
            room = len(self.model) < (MOST if safety else 18)
            room = room and of_one < (MOST_OF_ONE if safety else 9)
            said = self.kernel.enter(actor, self.number, priority)
            assert (said == "") == room
            assert said == self.oracle.enter(actor, self.number, priority)
            if room:
                self.model.append((actor, self.number))
            self.refused += not room

    @rule(data=st.data(), actor=ACTORS)
    def leave(self, data: st.DataObject, actor: str) -> None:
        number = data.draw(st.integers(1, self.number + 1))
        there = (actor, number) in self.model
        assert self.kernel.leave(actor, number) == there
        assert self.oracle.leave(actor, number) == there
        if there:
            self.model.remove((actor, number))

    @invariant()
    def the_same_are_under_way(self) -> None:
        assert len(self.kernel) == len(self.model)
        assert self.kernel.refused == self.refused
        for actor in "abcd":
            assert self.kernel.of(actor) == [n for who, n in self.model if who == actor]


UnderWayModel.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestUnderWay = UnderWayModel.TestCase
