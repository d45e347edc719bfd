"""The judge of claims: what was acknowledged stands, and nothing passes it.

It judges only what is certain from outside. A claim is certain from the moment in which its owner
was told that it stands, until somebody first asks for anything that may end or replace it, or its
lease may be over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jacquemart.runtime.model.claim import (
    HOLD,
    LIFE_SAFETY,
    LOCKOUT,
    LOCKOUT_SLOT,
    RELEASE,
    RESERVE,
    Claim,
)
from jacquemart.runtime.testing.simulation.field import Arrival
from jacquemart.runtime.testing.simulation.history import History
from jacquemart.runtime.testing.simulation.judge import Story

EVER = 2**63 - 1
#: Ends of a claim that say: it stands.
STANDS = (("APPLIED", ""), ("SUPERSEDED", "outranked"))


@dataclass(slots=True)
class Told:
    """What is known of one claim, or of a release."""

    owner: str
    id: str
    verb: str
    device: str
    point: str
    value: float | None
    slot: int
    issued_ns: int
    lease_ns: int
    """0: no lease."""
    stands_ns: int = EVER
    """When its owner was told that it stands."""
    answered_ns: int = EVER
    until_ns: int = EVER
    """Until when it certainly stands."""
    applied: bool = False

    @property
    def place(self) -> tuple[str, str, int]:
        """What it lies on; a reservation is one, whatever its slot."""
        whole = not self.point and self.slot != LOCKOUT_SLOT
        return self.device, self.point, 0 if whole else self.slot

    def covers(self, now_ns: int) -> bool:
        """Whether it certainly stands at a time."""
        return self.stands_ns < now_ns < self.until_ns

    def __str__(self) -> str:
        what = f"{self.device}/{self.point}" if self.point else self.device
        return f"{self.owner}'s {self.verb} {self.id[:8]} on {what} in slot {self.slot}"


def told_of(history: History) -> dict[str, Told]:
    """Return the claims and releases of a history by their ids."""
    found: dict[str, Told] = {}
    for entry in history.entries:
        if entry.what == "claim_issued":
            id, verb, device, point, value, slot, lease_ms = entry.facts
            found[id] = Told(
                entry.who, id, verb, device, point, value, slot, entry.at_ns, lease_ms * 1_000_000
            )
        elif entry.what == "claim_answered":
            id, status, reason, _ = entry.facts
            told = found[id]
            told.answered_ns = entry.at_ns
            told.applied = status == "APPLIED"
            if told.verb != RELEASE and (told.applied or (status, reason) == STANDS[1]):
                told.stands_ns = entry.at_ns
    for told in found.values():
        if told.lease_ns:
            told.until_ns = told.issued_ns + told.lease_ns
        for other in found.values():
            if other is not told and other.place == told.place and _may_end(other, told):
                told.until_ns = min(told.until_ns, other.issued_ns)
    return found


def _may_end(other: Told, told: Told) -> bool:
    """Whether a claim on the same place may end another, whenever it is executed."""
    if other.answered_ns < told.issued_ns:
        return False
    return other.verb in (RELEASE, RESERVE) or other.owner == told.owner


def judge_claims(
    history: History, log: Sequence[Arrival], stories: Mapping[tuple[str, str], Story]
) -> list[str]:
    """Return which writes passed a claim that stood, a sentence for each."""
    claims = told_of(history)
    sets = {story.value: (story.priority, story.client) for story in stories.values()}
    ranks = sets | {told.value: (told.slot, told.owner) for told in claims.values() if told.value}
    found: list[str] = []
    seen: set[tuple[str, float]] = set()
    for arrival in log:
        first = arrival.value in sets and (arrival.device, arrival.value) not in seen
        seen.add((arrival.device, arrival.value))
        if arrival.value not in ranks:
            continue
        rank, owner = ranks[arrival.value]
        for told in claims.values():
            if told.device != arrival.device or not told.covers(arrival.sent_ns):
                continue
            if _passes(told, arrival, rank, owner, first=first):
                at = (arrival.sent_ns - told.stands_ns) / 1e6
                found.append(
                    f"claim: {arrival.value:g} of {owner} at priority {rank} was written "
                    f"{at:.1f} ms after {told} stood"
                )
    return found


def _passes(told: Told, arrival: Arrival, rank: int, owner: str, *, first: bool) -> bool:
    """Whether a write ought to have been kept back by a claim that stands."""
    if rank <= LIFE_SAFETY:
        return False
    if told.verb == LOCKOUT:
        return True
    if told.verb == RESERVE:  # what stood before may show again, when its owner ends something
        return owner != told.owner and first
    return told.verb == HOLD and arrival.point == told.point and rank > told.slot


def judge_standing(
    history: History, standing: Mapping[str, Sequence[Claim]], now_ns: int, who: str
) -> Iterator[str]:
    """Judge what a zone or cell holds for standing, at rest: all that was acknowledged, no more."""
    claims = told_of(history)
    known = {claim.id.hex() for rows in standing.values() for claim in rows}
    for told in claims.values():
        if told.verb == RELEASE:
            continue
        if told.covers(now_ns) and told.id not in known:
            yield f"claim: {told} was acknowledged, and {who} does not know it"
    for told in claims.values():
        if told.verb != RELEASE or not told.applied:
            continue
        for rows in standing.values():
            for claim in rows:
                made = claims.get(claim.id.hex())
                if made and made.place == told.place and made.answered_ns < told.issued_ns:
                    yield f"claim: {made} was released, and {who} has it still"
