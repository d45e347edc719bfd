"""A stage's turn: when its green began, what its plan says of it, and which stages follow.

*Theory.* All that is decided about signals is decided about one turn: when its green ends, and
which stage follows. Without priority it ends where the plan says, corrected by what its stage has
borrowed or is owed, and earlier if somebody would wait too long otherwise.

*Rules.* Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from jacquemart.actors.priority.granter.accounts import Accounts
from jacquemart.actors.priority.granter.site import Site
from jacquemart.actors.priority.granter.waits import Waits


@dataclass(slots=True)
class Turn:
    """The present turn. Times are ms.

    Attributes:
        resume: of an inserted stage: the one that follows; "": it is a turn of the plan.
        extra_ms: of an inserted stage: what the change to it took beyond the plan's change.
        dirty: something else than the plan was asked for in this turn.
        inserting: the stages that were asked for in it, out of order.
        end_ms: when it was asked to end last; 0: it was not asked for anything.
        way_ms: how long the change to it took; 0 of the first one that was seen.
    """

    stage: str
    green_ms: int
    resume: str = ""
    extra_ms: int = 0
    dirty: bool = False
    inserting: frozenset[str] = frozenset()
    end_ms: int = 0
    way_ms: int = 0


class Course:
    """What a turn would be by plan, what it may be, and what comes after it."""

    __slots__ = ("accounts", "now_ms", "site", "turn", "waits")

    def __init__(
        self, site: Site, accounts: Accounts, waits: Waits, turn: Turn, now_ms: int
    ) -> None:
        """Look at a turn at a time."""
        self.site = site
        self.accounts = accounts
        self.waits = waits
        self.turn = turn
        self.now_ms = now_ms

    @property
    def following(self) -> str:
        """Return the stage that follows by plan."""
        return self.turn.resume or self.site.after[self.turn.stage]

    def path(self) -> list[str]:
        """Return all stages of the plan in their order, from the following one."""
        first = self.following
        return [first, *self.site.order(first)[:-1]]

    def shortest_path(self, emergency: bool) -> list[tuple[str, int]]:
        """Return that path with the shortest green of each stage."""
        return [(name, self.accounts.shortest(name, emergency)) for name in self.path()]

    def nominal(self, stage: str) -> int:
        """Return the green of a stage's next turn by plan, with what it gives back or gets."""
        return self.site.by_id[stage].planned_ms + self.accounts.repayment(stage)

    def short_end(self, emergency: bool) -> int:
        """Return when this green may end at the earliest."""
        stage = self.turn.stage
        if self.turn.resume:
            return self.turn.green_ms + self.site.by_id[stage].least_ms
        return self.turn.green_ms + self.accounts.shortest(stage, emergency)

    def latest_end(self, emergency: bool) -> int:
        """Return when it must end at the latest, so that nobody waits too long."""
        return self.waits.latest_end(self.turn.stage, self.shortest_path(emergency))

    def planned_end(self) -> int:
        """Return when the plan alone ends it, whatever is owed."""
        plan = self.site.by_id[self.turn.stage]
        green = plan.least_ms if self.turn.resume else plan.planned_ms
        return self.turn.green_ms + green

    def wanted_end(self) -> int:
        """Return when it ends if nobody asks for anything; waits not looked at."""
        if self.turn.resume:
            return self.planned_end()
        return self.turn.green_ms + self.nominal(self.turn.stage)

    def plain_end(self) -> int:
        """Return when it ends if nobody asks for anything, and nobody waits too long.

        Stages lose what ordinary requests may take first, and what emergencies may take only
        if it must be; below the minimum green none goes.
        """
        wanted, short = self.wanted_end(), self.short_end(False)
        end = min(wanted, self.latest_end(False))
        if end < short:
            end = max(self.short_end(True), min(short, self.latest_end(True)))
        return max(end, self.now_ms)

    def most_end(self, emergency: bool) -> tuple[int, int, int]:
        """Return until when it may be held: by its maximum green, by waits, and by what it owes."""
        turn = self.turn
        plan = self.site.by_id[turn.stage]
        room = self.accounts.room_above(turn.stage, emergency)
        if turn.resume:
            room -= turn.extra_ms + self.site.change_ms[turn.stage, turn.resume]
        else:
            room += plan.planned_ms
        return (
            turn.green_ms + plan.most_ms,
            self.latest_end(emergency),
            turn.green_ms + room,
        )
