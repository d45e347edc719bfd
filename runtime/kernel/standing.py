"""What arbitration deals with: claims that stand, sets above them, minimum times, and refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from jacquemart.runtime.model.claim import HOLD, LOCKOUT, MINIMUM_SLOT, Claim

#: Weaker than every slot: the standing setpoint and the default.
STANDING_SLOT = 17


class Refusal(NamedTuple):
    """Who is in the way, why, and until when."""

    who: str
    does: str
    """What they do, to be said after ``who``."""
    slot: int
    why: str
    """In the words of who did it; may be empty."""
    until: str

    @property
    def text(self) -> str:
        """Return one sentence without a stop."""
        said = f"{self.who} {self.does}"
        if self.until:
            said += f" {self.until}"
        return f"{said}: {self.why}" if self.why else said


class Live(NamedTuple):
    """A claim with the end of its lease on the boot-time clock."""

    claim: Claim
    until_ns: int
    """0: until it is released."""
    came_ns: int = 0
    """When it came to its device; 0: before everything else."""

    def stands(self, now: int) -> bool:
        """Return whether its lease runs."""
        return not self.until_ns or now < self.until_ns


class Ended(NamedTuple):
    """A claim that is no more."""

    claim: Claim
    why: str
    by: str = ""


class Granted(NamedTuple):
    """A claim stands from now on."""

    behind: Refusal | None = None
    """What it must wait for before it takes effect."""
    ended: tuple[Ended, ...] = ()
    asked: Claim | None = None
    """The reservation whose owner must be told that somebody asks for it."""
    before: Live | None = None
    """What it has replaced: of the same owner."""


class Top(NamedTuple):
    """Where a point shall stand, and who wants that."""

    value: float
    slot: int
    owner: str


@dataclass(frozen=True, slots=True)
class Override:
    """A ``set`` that was stronger than every hold."""

    value: float
    principal: str
    priority: int

    def refusal(self) -> Refusal:
        """Return what is said to whom it is in the way of."""
        does = f"has set it to {self.value:g} at priority {self.priority}"
        return Refusal(self.principal, does, self.priority, "", "until it is set or released there")


@dataclass(frozen=True, slots=True)
class Switch:
    """A state, on or off, that a point must keep for a while."""

    on: bool
    value: float
    """With which it was brought about."""
    until_ns: int

    def keeps_from(self, value: float, now: int) -> bool:
        """Return whether a value would end the state too early."""
        return now < self.until_ns and (value != 0) != self.on

    def refusal(self, device: str, value: float, now: int) -> Refusal | None:
        """Return what is said to who wants a value that would end it too early."""
        if not self.keeps_from(value, now):
            return None
        left = (self.until_ns - now) / 1e9
        why = f"minimum {'on' if self.on else 'off'} time"
        return Refusal(device, "holds it", MINIMUM_SLOT, why, f"for {left:.1f} s more")


def refusal_of(claim: Claim) -> Refusal:
    """Return what is said to whom a claim is in the way of."""
    if claim.verb == HOLD:
        does = f"holds {claim.point} in slot {claim.slot}"
    elif claim.verb == LOCKOUT:
        does = "has locked it out"
    else:
        does = f"has reserved it at priority {claim.slot}"
    return Refusal(claim.owner, does, claim.slot, claim.why, claim.until_text)
