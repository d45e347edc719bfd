"""A naive signal controller for tests: it runs a plan, heeds one ask a green, and notes all it did.

It shares no code with the granter. It does what it is asked for, and fails if that is below a
minimum green, above a maximum, or a change that does not exist. It forgets an ask with the green
that it was meant for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Green:
    """One green that was shown."""

    stage: str
    begin: int
    end: int
    planned: int
    """How long the plan alone would have shown it, if it was its turn; 0: it was inserted."""


@dataclass
class SignalBox:
    """Stages as ``name: (groups, least, planned, most)``, in the order of the plan."""

    stages: Mapping[str, tuple[frozenset[str], int, int, int]]
    changes: Mapping[tuple[str, str], int]
    now: int = 0
    stage: str = ""
    begin: int = 0
    resume: str = ""
    ask: tuple[str, int, str] | None = None
    shown: list[Green] = field(default_factory=list)
    seen_red: dict[str, int] = field(default_factory=dict)
    longest_red: dict[str, int] = field(default_factory=dict)
    changed: bool = True

    def __post_init__(self) -> None:
        self.order = list(self.stages)
        self.stage = self.order[0]
        self.begin = self.now
        self.seen_red = dict.fromkeys(self._all() - self.stages[self.stage][0], self.now)

    def _all(self) -> frozenset[str]:
        return frozenset().union(*(groups for groups, *_ in self.stages.values()))

    def following(self) -> str:
        if self.resume:
            return self.resume
        return self.order[(self.order.index(self.stage) + 1) % len(self.order)]

    def due(self) -> tuple[int, str]:
        """Return when the present green ends, and what follows."""
        _, least, planned, most = self.stages[self.stage]
        end, then = self.begin + (least if self.resume else planned), self.following()
        if self.ask is not None and self.ask[0] == self.stage:
            end, then = self.ask[1], self.ask[2]
            assert then == self.following() or (then, self.following()) in self.changes
            assert (self.stage, then) in self.changes
        if end > self.now:  # what is past is done at once
            assert self.begin + least <= end <= self.begin + most, "asked for beyond its bounds"
        return max(end, self.begin + least), then

    def run(self, until: int) -> bool:
        """Go on to a time, but stop where a new green begins; return whether one did."""
        end, then = self.due()
        if max(end, self.now) > until:
            self.now = until
            return False
        end = max(end, self.now)
        planned = 0 if self.resume else self.stages[self.stage][2]
        self.shown.append(Green(self.stage, self.begin, end, planned))
        resume = self.following() if then != self.following() else ""
        old, new = self.stages[self.stage][0], self.stages[then][0]
        self.now = self.begin = end + self.changes[self.stage, then]
        for group in old - new:
            self.seen_red[group] = end
        for group in new:
            if group in self.seen_red:
                red = self.begin - self.seen_red.pop(group)
                self.longest_red[group] = max(self.longest_red.get(group, 0), red)
        self.stage, self.resume, self.ask = then, resume, None
        return True


def shift(box: SignalBox, greens: Sequence[Green]) -> int:
    """Return by how much a whole number of planned cycles took longer than the plan."""
    cycle = sum(
        planned + box.changes[name, box.order[(at + 1) % len(box.order)]]
        for at, (name, (_, _, planned, _)) in enumerate(box.stages.items())
    )
    firsts = [green.begin for green in greens if green.stage == box.order[0] and green.planned]
    return firsts[-1] - firsts[0] - cycle * (len(firsts) - 1)
