"""In which order claims on one device count, when their ends become known in another. Pure.

A device does what it is told in the order in which it was accepted, so that is the one that counts
(``sequence``: of the ACCEPTED record). Two exceptions: life safety passes what waits, and a
lock-out waits for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jacquemart.runtime.kernel.command_window import Body
from jacquemart.runtime.model.claim import (
    CLAIM_VERBS,
    HOLD,
    LIFE_SAFETY,
    LOCKOUT,
    LOCKOUT_SLOT,
    NEVER_PREEMPTED,
    RELEASE,
    RESERVE,
    Claim,
)
from jacquemart.runtime.model.outcome import Reason, Status


def takes_effect(ended: Body) -> bool:
    """Whether a claim or release took effect, or may have."""
    status = ended.get("status", Status.INDETERMINATE)
    outranked = status == Status.SUPERSEDED and ended.get("reason") == Reason.OUTRANKED
    return outranked or status in (Status.APPLIED, Status.FAILED, Status.INDETERMINATE)


def is_released(claim: Body, release: Body) -> bool:
    """Whether a release has ended a claim whose own end is not known yet.

    It has if the device was told the claim first: its commands keep their order, but those of
    life safety pass others, and a lock-out waits for none.
    """
    verb, slot = claim["verb"], claim.get("priority", 8)
    point, by = claim.get("point", ""), release.get("priority", 8)
    if verb not in CLAIM_VERBS or verb == RELEASE or claim["device"] != release["device"]:
        return False
    cleared, lockout = cleared_by(release), verb == LOCKOUT
    meant = slot == cleared if point else lockout == (cleared == LOCKOUT_SLOT)
    in_order = by > LIFE_SAFETY or lockout or slot <= LIFE_SAFETY
    older = 0 < sequence_of(claim) < sequence_of(release)
    allowed = claim["principal"] == release["principal"] or (verb != RESERVE and by < slot)
    return point == release.get("point", "") and meant and in_order and older and allowed


def sequence_of(accepted: Body) -> int:
    """Return the place of a command among those of its zone; 0: an older version kept none."""
    found: int = accepted.get("sequence", 0)
    return found


def cleared_by(release: Body) -> Any:
    """Return the slot that a release clears."""
    found = release.get("value")
    return release.get("priority", 8) if found is None else found


def refuses(old: Claim, new: Claim) -> bool:
    """Whether another's claim stands where a new one wants to; a cell would have refused that."""
    if old.owner == new.owner or old.verb != new.verb:
        return False
    if new.verb == HOLD:
        return (old.point, old.slot) == (new.point, new.slot)
    taken_over = old.grace_ms != NEVER_PREEMPTED and new.slot < old.slot
    return new.verb == LOCKOUT or not taken_over


def replaces(new: Claim, old: Claim) -> bool:
    """Whether a claim takes the place of one that stands: another value, lease or reason."""
    if new.verb != old.verb:
        return False
    if new.verb == RESERVE:  # another's asks for it
        return new.owner == old.owner
    return (new.point, new.slot) == (old.point, old.slot)


def outdates(old: Claim, new: Claim) -> bool:
    """Whether what stands was accepted after a claim that takes its place, whose end is late."""
    same_lane = (new.slot <= LIFE_SAFETY) == (old.slot <= LIFE_SAFETY)
    return 0 < new.sequence < old.sequence and same_lane and replaces(new, old)


def place_for(claim: Claim, kept: Sequence[Claim]) -> int:
    """Return where a claim belongs that takes nobody's place: behind the reservations before it."""
    if claim.verb == RESERVE and claim.sequence:
        reserved = [at for at, old in enumerate(kept) if old.verb == RESERVE]
        before = [at for at in reserved if kept[at].sequence < claim.sequence]
        if reserved and not before:
            return reserved[0]
        if before:
            return before[-1] + 1
    return len(kept)
