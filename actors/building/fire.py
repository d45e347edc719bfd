"""The fire system of a building, seen from outside. Pure; it has no orders at all.

A fire system is autonomous: this follows what it shows, tells at once, and gives no way to write
to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from jacquemart.actors.building.facts import FAULT, INFORMATION, WARNING, Fact


class Fire(IntEnum):
    """What the fire system shows, in order of urgency."""

    ABSENT = 0
    QUIET = 1
    DISABLEMENT = 2
    FAULT = 3
    ALARM = 4


_MEANINGS: Final = {
    "fire_alarm_": Fire.ALARM,
    "fire_fault_": Fire.FAULT,
    "fire_disablement_": Fire.DISABLEMENT,
}


def meaning_of(point: str) -> Fire:
    """Return what it means that a point of the fire system is on; QUIET: nothing that is told."""
    return next((fire for start, fire in _MEANINGS.items() if point.startswith(start)), Fire.QUIET)


class FireSystem:
    """What was last seen of a fire system."""

    __slots__ = ("_on", "_present")

    def __init__(self, *, present: bool) -> None:
        """Begin without an opinion; ``present``: the building has a fire system."""
        self._present = present
        self._on: dict[str, Fire] = {}

    @property
    def state(self) -> Fire:
        """Return the most urgent thing that it shows."""
        return max(self._on.values(), default=Fire.QUIET) if self._present else Fire.ABSENT

    @property
    def alarm(self) -> bool:
        """Return whether there is a fire alarm."""
        return self.state is Fire.ALARM

    def look(self, signals: Mapping[str, bool | None]) -> list[Fact]:
        """Take points as they are now; an unknown one (None) stays what it was: no all-clear."""
        facts: list[Fact] = []
        before = self.alarm
        for point, on in signals.items():
            meaning = meaning_of(point)
            if on is None or on is (point in self._on) or meaning is Fire.QUIET:
                continue
            if not on:
                del self._on[point]
                continue
            self._on[point] = meaning
            if meaning is Fire.ALARM:
                facts.append(Fact("fire_alarm", FAULT, {"point": point}))
            elif meaning is Fire.FAULT:
                facts.append(Fact("fire_fault", WARNING, {"point": point}))
            else:
                facts.append(Fact("fire_disablement", WARNING, {"point": point}))
        if before and not self.alarm:
            facts.append(Fact("fire_alarm_ended", INFORMATION, {}))
        return facts
