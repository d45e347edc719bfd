"""Two accounts of one dusk, lamp by lamp: what the city reports, and what the field says.

They agree on a lamp if what the city says of it is true and is all that could be known:

| the city says | the field must say |
|---|---|
| APPLIED | the lamp is at the level, and took this setpoint exactly once |
| FAILED (refused, busy) | the lamp never took a setpoint |
| FAILED (any other reason) | it took this setpoint exactly once, and is not at the level |
| INDETERMINATE (no read-back) | it took a setpoint once, and cannot be read |
| INDETERMINATE (any other reason) | a write arrived of which no answer told; taken once at most |
| REJECTED, EXPIRED, and any other | no write ever arrived |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jacquemart import Outcome, Status
from jacquemart.runtime.model.outcome import Reason

UNREACHABLE = (Reason.UNREACHABLE, Reason.UNREACHABLE_BY)
NOTHING_TOOK_EFFECT = (Reason.REFUSED, Reason.BUSY)
"""Reasons of FAILED by which the device said no."""
READABLE = ("ok", "dead", "stuck", "lying")
"""States of a lamp whose cabinet answers by the book."""


@dataclass(slots=True)
class Comparison:
    """What both accounts come to."""

    lamps: int = 0
    applied: int = 0
    failed: int = 0
    unreachable: int = 0
    indeterminate: int = 0
    other: int = 0
    disagree: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def take(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.lamps += 1
        word = word_of(outcome)
        setattr(self, word, getattr(self, word) + 1)
        if word != "applied":
            self.reasons[f"{outcome.status.name} {outcome.reason}"] += 1

    def figures(self) -> dict[str, int | None]:
        """Return the counts under their published names."""
        return {
            "lamps": self.lamps,
            "applied": self.applied,
            "failed": self.failed,
            "unreachable": self.unreachable,
            "indeterminate": self.indeterminate,
            "other": self.other,
            "disagree": len(self.disagree),
        }


def compare(
    outcomes: Iterable[Outcome], account: Mapping[str, Any], level: float, tolerance: float
) -> Comparison:
    """Hold the city's outcomes against the field's account, both of one command to all lamps."""
    found = Comparison()
    lamps: Mapping[str, Any] = account["lamps"]
    unseen = set(lamps)
    for outcome in outcomes:
        found.take(outcome)
        lamp = lamps.get(outcome.device)
        if lamp is None:
            found.disagree.append(f"{outcome.device}: the field knows no such lamp")
        elif outcome.device not in unseen:
            found.disagree.append(f"{outcome.device}: the city reported it twice")
        elif (why := contradiction(outcome, lamp, level, tolerance)) is not None:
            said = f"{outcome.status.name} {outcome.reason}"
            found.disagree.append(f"{outcome.device}: the city says {said}, but {why}")
        unseen.discard(outcome.device)
    found.disagree.extend(f"{lamp}: the city reported nothing" for lamp in sorted(unseen))
    return found


def tally(outcomes: Iterable[Outcome]) -> Comparison:
    """Count the city's outcomes, where nobody else has an account."""
    found = Comparison()
    for outcome in outcomes:
        found.take(outcome)
    return found


def word_of(outcome: Outcome) -> str:
    """Return the one word under which an outcome is counted."""
    if outcome.status is Status.REJECTED and outcome.reason in UNREACHABLE:
        return "unreachable"
    words = {
        Status.APPLIED: "applied",
        Status.FAILED: "failed",
        Status.INDETERMINATE: "indeterminate",
    }
    return words.get(outcome.status, "other")


def contradiction(
    outcome: Outcome, lamp: Mapping[str, Any], level: float, tolerance: float
) -> str | None:
    """Return what in the field's account of a lamp contradicts an outcome; None if nothing."""
    writes, setpoint = lamp["writes"], lamp["setpoint"]
    there = abs(lamp["level"] - level) <= tolerance + 1e-6
    told = setpoint is not None and abs(setpoint - level) <= 1e-6
    match outcome.status:
        case Status.APPLIED if not there:
            return f"its level is {lamp['level']}"
        case Status.FAILED if outcome.reason in NOTHING_TOOK_EFFECT:
            return None if writes == 0 else f"it took {writes} writes"
        case Status.FAILED if there:
            return "it is at the level"
        case Status.APPLIED | Status.FAILED:
            if not told:
                return f"its setpoint is {setpoint}"
            return None if writes == 1 else f"it took {writes} writes"
        case Status.INDETERMINATE if outcome.reason == Reason.NO_READBACK:
            if lamp["state"] in READABLE:
                return f"it can be read, and is {lamp['state']}"
            return None if writes == 1 else f"it took {writes} writes"
        case Status.INDETERMINATE:
            if not lamp["unclear"]:
                return "every write that arrived was clearly answered"
            return None if writes <= 1 else f"it took {writes} writes"
    return None if writes == 0 and not lamp["unclear"] else "a write arrived"
