"""What each stage has borrowed or is owed, in ms of green, and what of it a turn gives back.

*Theory.* A turn that was longer than planned puts the difference on its stage's account, a shorter
one takes it off. A stage that was inserted has cost its whole green and both of its changes, less
the one change that the plan would have made. So the sum of all accounts is by how much the
junction is behind its plan (or, below zero, ahead of it); see ``site``.

*Rules.* Pure. Whole milliseconds, so sums are exact.
"""

from __future__ import annotations

from jacquemart.actors.priority.granter.site import Site


class Accounts:
    """The accounts of one junction's stages."""

    __slots__ = ("_site", "balance")

    def __init__(self, site: Site) -> None:
        """Begin with nothing owed."""
        self._site = site
        self.balance: dict[str, int] = dict.fromkeys(site.by_id, 0)
        """Green beyond the plan; below zero: it is owed so much."""

    @property
    def settled(self) -> bool:
        """Return whether nothing is owed by or to any stage."""
        return not any(self.balance.values())

    @property
    def shift_ms(self) -> int:
        """Return by how much the junction is behind its plan."""
        return sum(self.balance.values())

    def clear(self) -> None:
        """Forget all: the controller has begun its plan anew."""
        self.balance = dict.fromkeys(self._site.by_id, 0)

    def booked(self, stage: str, over_ms: int) -> None:
        """Put the difference between a turn and the plan on the account of its stage."""
        self.balance[stage] += over_ms

    def repayment(self, stage: str) -> int:
        """Return by how much this turn is to differ from the plan, to give back what is owed."""
        owed = -self.balance[stage]
        return max(-self._site.give_ms[stage], min(self._site.take_ms[stage], owed))

    def room_above(self, stage: str, emergency: bool) -> int:
        """Return how much more green it may borrow, so that it can be given back in time."""
        most = self._site.cycles(emergency) * self._site.give_ms[stage]
        return max(0, most - self.balance[stage])

    def shortest(self, stage: str, emergency: bool) -> int:
        """Return the shortest green of a turn from which it can get back in time what it loses."""
        plan = self._site.by_id[stage]
        most = self._site.cycles(emergency) * self._site.take_ms[stage]
        return max(plan.least_ms, plan.planned_ms - max(0, most + self.balance[stage]))
