"""What a device kind says of itself: its points and its commands.

From these declarations come the checks of the city file, the reference of the kind, what the
command line and the clients offer, and the kind's own tests (``jacquemart.runtime.testing``).
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from jacquemart.runtime.model.city import PointSpec

PointType = Literal["number", "flag", "enumeration", "count"]
DERIVED = {"derived": True}


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a kind. A template of the kind takes from here whatever it does not say.

    A template may give a narrower range, other periods and an address; it may not give another
    unit, or make writable what is not.

    Attributes:
        name: the point's name; with ``*`` (``temperature_*``) it declares every point of a
            template whose name matches, and ``required`` then means at least one.
        about: one sentence for people; ends without a stop.
        type: ``flag`` is 0 or 1, ``enumeration`` 0 … len(words) - 1, ``count`` a whole number.
        unit: of the value; ``low`` and ``high`` are inclusive and in it.
        words: what the values of an enumeration mean.
        writable: clients may set it (and ``DeviceActor.rule`` may still refuse).
        required: every template of the kind must have it.
        derived: the actor computes it (``publish``); it has no address, and no template names it.
        feedback: the point that shows what the field really does when this one is written.
        tolerance: how far the feedback may be off.
        settle_ms: how long the field may take to follow.
        pulse: each write acts anew: never sent twice.
        guards: points that are read again right before this one is written.
        poll_ms: how often it is read; 0: only to prove a write.
        stale_after_ms: 0: three periods and two seconds.
        keep: ``every``: no value between two ticks is lost.
        urgent: a change is published at once.
    """

    name: str
    about: str
    type: PointType = "number"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    writable: bool = False
    required: bool = True
    derived: bool = False
    feedback: str = ""
    tolerance: float = 0.0
    settle_ms: int = 1_000
    pulse: bool = False
    guards: tuple[str, ...] = ()
    poll_ms: int = 1_000
    stale_after_ms: int = 0
    keep: Literal["last", "every"] = "last"
    urgent: bool = False

    def matches(self, name: str) -> bool:
        """Return whether this declares the point of a template with that name."""
        return fnmatchcase(name, self.name)

    def spec(self, name: str = "") -> PointSpec:
        """Return the point as a template has it that says nothing more; without an address."""
        low, high = self.low, self.high
        if self.type == "flag":
            low, high = 0.0, 1.0
        elif self.type == "enumeration":
            low, high = 0.0, float(len(self.words) - 1)
        return PointSpec(
            name=name or self.name,
            unit=self.unit,
            low=low,
            high=high,
            writable=self.writable,
            feedback=self.feedback,
            tolerance=self.tolerance,
            settle_ms=self.settle_ms,
            poll_ms=0 if self.derived else self.poll_ms,
            stale_after_ms=self.stale_after_ms,
            keep=self.keep,
            urgent=self.urgent,
            address=DERIVED if self.derived else {},
            words=self.words,
            pulse=self.pulse,
            guards=self.guards,
        )
