"""Two accounts of one dusk, lamp by lamp: what the city reports, and what the field says.

They agree on a lamp if what the city says of it is true and is all that could be known:

| the city says | the field must say |
|---|---|
| APPLIED | the lamp is at the level, and took the setpoint exactly once |
| FAILED | the setpoint arrived, and the lamp is not at the level |
| unreachable (REJECTED) or EXPIRED | no setpoint ever arrived |
| INDETERMINATE | a write arrived that was never answered |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jacquemart import Outcome, Status

UNREACHABLE = ("unreachable", "unreachable_by")


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

    def figures(self) -> dict[str, int]:
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
        found.lamps += 1
        word = word_of(outcome)
        setattr(found, word, getattr(found, word) + 1)
        if word != "applied":
            found.reasons[f"{outcome.status.name} {outcome.reason}"] += 1
        lamp = lamps.get(outcome.device)
        unseen.discard(outcome.device)
        if lamp is None:
            found.disagree.append(f"{outcome.device}: the field knows no such lamp")
        elif (why := contradiction(word, lamp, level, tolerance)) is not None:
            found.disagree.append(f"{outcome.device}: the city says {word}, but {why}")
    found.disagree.extend(f"{lamp}: the city reported nothing" for lamp in sorted(unseen))
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
    word: str, lamp: Mapping[str, Any], level: float, tolerance: float
) -> str | None:
    """Return what in the field's account of a lamp contradicts the city's word; None if nothing."""
    there = abs(lamp["level"] - level) <= tolerance + 1e-6
    told = lamp["setpoint"] is not None and abs(lamp["setpoint"] - level) <= 1e-6
    if word == "applied":
        if not there:
            return f"its level is {lamp['level']}"
        return None if lamp["writes"] == 1 else f"it took {lamp['writes']} writes"
    if word == "failed":
        if there:
            return "it is at the level"
        return None if told else "it never took the setpoint"
    if word == "indeterminate":
        return None if lamp["unanswered"] else "every write that arrived was answered"
    return None if lamp["writes"] == 0 and not lamp["unanswered"] else "a write arrived"
