"""Cells are handed over one at a time, each once, whatever is lost meanwhile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jacquemart.runtime.cluster.rolling import Done, Drain, Hand, Instruction, Rolling, Warm

CELLS = ("zone-1", "device-1", "device-2", "gateway-1")


def test_a_cell_drains_only_when_its_successor_is_warm_and_the_next_waits_for_its_arrival() -> None:
    made = Rolling(("a", "b"))
    assert made.begin() == [Warm("a")]
    assert made.drained("a") == []
    assert made.warm("b") == []
    assert made.warm("a") == [Drain("a")]
    assert made.warm("a") == []
    assert made.drained("b") == []
    assert made.drained("a") == [Hand("a")]
    assert made.drained("a") == []
    assert made.arrived("a") == [Warm("b")]
    assert made.warm("b") == [Drain("b")]
    assert made.drained("b") == [Hand("b")]
    assert made.arrived("b") == [Done()]
    assert made.over
    assert made.arrived("a") == []


def test_a_cell_that_was_lost_before_its_turn_is_fresh_already() -> None:
    made = Rolling(("a", "b", "c"))
    made.begin()
    assert made.arrived("b") == []
    assert made.left == 1
    assert made.gone("a") == [Warm("c")]


@given(st.lists(st.sampled_from(CELLS), max_size=4, unique=True))
def test_nothing_to_do_is_done_at_once(cells: list[str]) -> None:
    assert (Rolling(cells).begin() == [Done()]) == (not cells)


class Pass(RuleBasedStateMachine):
    """A pass over four cells that may be lost at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.rolling = Rolling(CELLS)
        self.away = ""
        self.draining = ""
        self.fresh: set[str] = set()
        self.handed: list[str] = []
        self.done = 0

    @initialize()
    def begin(self) -> None:
        self.take(self.rolling.begin())

    def take(self, instructions: list[Instruction]) -> None:
        for one in instructions:
            match one:
                case Warm(cell):
                    assert cell not in self.fresh
                    assert not self.away
                case Drain(cell):
                    assert not self.draining
                    self.draining = cell
                case Hand(cell):
                    assert self.draining == cell
                    assert not self.away
                    self.draining, self.away = "", cell
                    self.handed.append(cell)
                case Done():
                    self.done += 1

    @rule(cell=st.sampled_from(CELLS))
    def warm(self, cell: str) -> None:
        self.take(self.rolling.warm(cell))

    @rule(cell=st.sampled_from(CELLS))
    def drained(self, cell: str) -> None:
        self.take(self.rolling.drained(cell))

    @precondition(lambda self: self.away)
    @rule()
    def arrives(self) -> None:
        cell, self.away = self.away, ""
        self.fresh.add(cell)
        self.take(self.rolling.arrived(cell))

    @rule(cell=st.sampled_from(CELLS))
    def is_lost_and_replaced(self, cell: str) -> None:
        if self.draining == cell:
            self.draining = ""
        if self.away == cell:
            self.away = ""
        self.fresh.add(cell)
        self.take(self.rolling.arrived(cell))

    @invariant()
    def each_is_handed_once_and_the_end_comes_once(self) -> None:
        assert len(self.handed) == len(set(self.handed))
        assert self.done == int(self.rolling.over)
        assert not self.done or self.fresh == set(CELLS)


TestPass = Pass.TestCase
