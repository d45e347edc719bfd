"""What a priority broker may ask of a controller, and what it may know. No protocol, no policy.

Everything that is granted ends by itself: a broker that is gone holds nothing. Minimum greens,
intergreens and the longest wait are the controller's; a broker cannot ask for less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from jacquemart.actors.signals.model import Intersection, Mode


@dataclass(frozen=True, slots=True)
class View:
    """What a controller does right now. Times are ms; an index of -1 means none.

    Attributes:
        mode: the mode that it runs in.
        local: somebody at the intersection has taken control; nothing is granted.
        starting: it is in its start-up sequence, or on the way to flashing or dark.
        aspects: what each group shows.
        plan: the number of its plan.
        step: the step of that plan, which an inserted stage interrupts.
        stage: the stage that it is in, or on its way to.
        inserted: whether that stage was inserted.
        reached: whether all groups show what the stage says.
        since_ms: since when.
        min_left_ms: until it may leave, if it left for the planned next stage.
        planned_left_ms: until it leaves by its plan (what was granted included).
        max_left_ms: until it must leave: maximum greens, and the longest wait of the others.
        granted: the owner of what was granted; empty: nothing is.
    """

    mode: Mode
    local: bool
    starting: bool
    aspects: tuple[int, ...]
    plan: int
    step: int
    stage: int
    inserted: bool
    reached: bool
    since_ms: int
    min_left_ms: int
    planned_left_ms: int
    max_left_ms: int
    granted: str


@dataclass(frozen=True, slots=True)
class NextGreen:
    """When a group can have green.

    Attributes:
        now: it has green.
        earliest_ms: from now, with all that comes before as short as it may be, in order.
        planned_ms: from now, by the plan; both 0 if it has green, -1 if no stage of the plan
            gives it any.
        inserted_ms: from now, if a stage that has it were inserted next; -1: none has.
        insert: that stage; -1: none.
    """

    now: bool
    earliest_ms: int
    planned_ms: int
    inserted_ms: int
    insert: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request.

    Attributes:
        granted: whether anything was.
        reason: why not; empty if it was.
        ms: until when it holds, from now; less than asked for where a limit was nearer.
    """

    granted: bool
    reason: str = ""
    ms: int = 0


class PriorityPort(Protocol):
    """One controller, as a broker sees it. One grant at a time: a broker knows its order."""

    @property
    def model(self) -> Intersection:
        """Return the signal model of the intersection."""

    def view(self) -> View:
        """Return what it does right now."""

    def next_green(self, group: int) -> NextGreen:
        """Return when a group can have green."""

    def hold(self, owner: str, for_ms: int) -> Answer:
        """Keep the stage that is on: green extension. A hold again replaces the one before."""

    def early(self, owner: str, stage: int, for_ms: int) -> Answer:
        """Come to a stage of the plan as soon as may be, in order: early green.

        What is in between is as short as it may be. It ends when the stage begins, at the latest
        after ``for_ms``.
        """

    def insert(self, owner: str, stage: int, for_ms: int) -> Answer:
        """Go to a stage next, as soon as may be, and stay for ``for_ms``; then on with the plan."""

    def release(self, owner: str) -> bool:
        """Give up what was granted to this owner; return whether anything was."""
