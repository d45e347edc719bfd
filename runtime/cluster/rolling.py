"""In which order the cells of a running city are handed to fresh processes. Pure.

Theory: one cell at a time. Its successor is warm before the old one is asked to end what is in
hand; only when that one has let go of everything does the successor adopt; only when that one
runs does the next cell have its turn. A cell that is lost meanwhile is replaced by whoever
watches it, which is all that was wanted of it. A successor that cannot be made warm is made
again after a pause; an operator who waits is told after a few of them, and the pass ends: what
was handed over stays so, and nothing was taken away from the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Warm:
    """Have a warm successor for this cell."""

    cell: str


@dataclass(frozen=True, slots=True)
class Drain:
    """Let the cell end what is in hand, let go of the field, and stop."""

    cell: str


@dataclass(frozen=True, slots=True)
class Hand:
    """End what is left of the cell, and let its successor adopt."""

    cell: str


@dataclass(frozen=True, slots=True)
class Later:
    """Say ``due`` after so long: its successor could not be made warm."""

    cell: str
    pause_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No successor of this cell can be made: the pass is over, and all cells go on."""

    cell: str


@dataclass(frozen=True, slots=True)
class Done:
    """Every cell runs in a fresh process."""


Instruction = Warm | Drain | Hand | Later | GiveUp | Done

#: The longest pause before a successor is made again.
LONGEST_PAUSE_S = 60.0


class _Step(Enum):
    WARMING = "waits for its successor to be warm"
    DRAINING = "ends what is in hand"
    ADOPTING = "its successor begins"


class Rolling:
    """One pass over the cells of a city."""

    def __init__(self, cells: Iterable[str], tries: int = 0) -> None:
        """Prepare; ``begin`` gives the first instruction.

        Args:
            cells: their names, in the order in which they have their turns.
            tries: successors of one cell that are made before the pass is given up; 0: it never
                is.
        """
        self._tries = tries
        self._failures = 0
        self._left = deque(cells)
        self._cell = ""
        self._step = _Step.WARMING
        self.over = False

    @property
    def cell(self) -> str:
        """Return the cell that has its turn; empty: none."""
        return self._cell

    @property
    def left(self) -> int:
        """Return how many cells have had no turn yet."""
        return len(self._left)

    @property
    def failures(self) -> int:
        """Return how many successors of the cell that has its turn came to nothing."""
        return self._failures

    def begin(self) -> list[Instruction]:
        """Return the first instruction."""
        return self._next()

    def warm(self, cell: str) -> list[Instruction]:
        """Note that a cell has a warm successor."""
        if cell != self._cell or self._step is not _Step.WARMING:
            return []
        self._step = _Step.DRAINING
        return [Drain(cell)]

    def failed(self, cell: str) -> list[Instruction]:
        """Note that the successor of a cell cannot be made warm."""
        if cell != self._cell or self._step is not _Step.WARMING:
            return []
        return self._failed(cell) or [
            Later(cell, min(2.0 ** (self._failures - 1), LONGEST_PAUSE_S))
        ]

    def lost(self, cell: str) -> list[Instruction]:
        """Note that a cell was lost. Whoever watches it starts it again."""
        if cell != self._cell or self._step is not _Step.ADOPTING:
            return []
        return self._failed(cell)

    def _failed(self, cell: str) -> list[Instruction]:
        self._failures += 1
        if self._failures != self._tries:
            return []
        self._cell, self.over = "", True
        self._left.clear()
        return [GiveUp(cell)]

    def due(self, cell: str) -> list[Instruction]:
        """Note that a pause is over."""
        waits = cell == self._cell and self._step is _Step.WARMING
        return [Warm(cell)] if waits else []

    def drained(self, cell: str) -> list[Instruction]:
        """Note that a cell has stopped, or will not."""
        if cell != self._cell or self._step is not _Step.DRAINING:
            return []
        self._step = _Step.ADOPTING
        return [Hand(cell)]

    def arrived(self, cell: str) -> list[Instruction]:
        """Note that a new incarnation of a cell runs, however it came to that."""
        if cell == self._cell:
            return self._next()
        if cell in self._left:  # it was lost before its turn, and is fresh by that
            self._left.remove(cell)
        return []

    def gone(self, cell: str) -> list[Instruction]:
        """Note that the city has no such cell any more."""
        return self.arrived(cell)

    def _next(self) -> list[Instruction]:
        if self.over:
            return []
        if not self._left:
            self._cell, self.over = "", True
            return [Done()]
        self._cell, self._step, self._failures = self._left.popleft(), _Step.WARMING, 0
        return [Warm(self._cell)]
