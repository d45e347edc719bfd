"""One door: forced, held open, shut again. Pure: no I/O, no clock; times are seconds.

*Rules.* A door is forced when its controller says so, or when it opens while its bolt is thrown;
never while a fire alarm releases the doors, since then they are to open. It is held when it stays
open for ``held_s``; a fire alarm starts that time anew. Each is told once, until the door is shut.
"""

from __future__ import annotations

from typing import NamedTuple

from jacquemart.actors.building.facts import FAULT, INFORMATION, WARNING, Fact, FactName


class DoorSignals(NamedTuple):
    """What is known of a door; None: unknown, or there is no such signal."""

    opened: bool | None
    locked: bool | None = None
    forced: bool | None = None


class Door:
    """One door. Look at it when a signal changes; call ``tick`` at ``due``."""

    __slots__ = ("_held_s", "_opened", "_since", "_told", "due", "number")

    def __init__(self, number: str, held_s: float) -> None:
        """Watch the door of that number; ``held_s`` 0: it may stay open."""
        self.number = number
        self.due: float | None = None
        """When ``tick`` is wanted; None: not by itself."""
        self._held_s = held_s
        self._opened: bool | None = None
        self._since = 0.0
        self._told: set[FactName] = set()

    def look(self, now: float, signals: DoorSignals, *, released: bool) -> list[Fact]:
        """Take the signals as they are now; ``released``: a fire alarm opens the doors."""
        was, self._opened = self._opened, signals.opened
        if signals.opened is None:
            self.due = None
            return []
        if not signals.opened:
            self.due = None
            told, self._told = self._told, set()
            return [self._fact("door_shut", INFORMATION)] if told else []
        if not was or released:
            self._since = now
        broken = signals.forced or (signals.forced is None and signals.locked and was is False)
        facts = self._once("door_forced", FAULT) if broken and not released else []
        self.due = self._since + self._held_s if self._may_be_held() else None
        return facts + self.tick(now)

    def tick(self, now: float) -> list[Fact]:
        """Let time pass: tell that the door is held, when it is."""
        if self.due is None or now < self.due:
            return []
        self.due = None
        return self._once("door_held", WARNING)

    def _may_be_held(self) -> bool:
        return self._held_s > 0 and "door_held" not in self._told

    def _once(self, name: FactName, severity: int) -> list[Fact]:
        if name in self._told:
            return []
        self._told.add(name)
        return [self._fact(name, severity)]

    def _fact(self, name: FactName, severity: int) -> Fact:
        return Fact(name, severity, {"door": self.number})
