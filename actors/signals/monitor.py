"""A second look at what a junction shows, by itself: latches when it sees something unsafe. Pure.

It knows nothing of controllers and interlocks and shares no code with them. It is fed with what
was read back from the lamps, in letters, and with a clock; it draws its own picture of each
signal as a list of spells (what, from when) and compares every two of them. It accepts no excuse:
once it has seen a fault it says so until a person resets it.

It is no substitute for the monitor inside the field unit (EN 12675, EN 50556), which measures
currents and switches the lamps off in hardware. It sees what is read back to it, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: It has latched this long after a reading that shows a fault, or that did not come.
LATCHES_WITHIN_MS: Final = 300
#: So much sooner than declared something may end: two readings may each be a period old.
SLACK_MS: Final = 100
_LETTERS: Final = "dRrGgyf"
"""Dark, red, red-yellow, green, yielding green, yellow, flashing; nothing else is a signal."""
_KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class Rules:
    """What must hold, by names of signals. Times are ms.

    Attributes:
        signals: name to (shortest green, yellow, in what letter it shows no control: f or d).
        gaps: (who stops, who starts) to the least time between; these two are enemies.
        cedes: (who, to whom): may show yielding green while that one goes.
        silence_ms: so long it may get no reading.
    """

    signals: Mapping[str, tuple[int, int, str]]
    gaps: Mapping[tuple[str, str], int]
    cedes: frozenset[tuple[str, str]] = frozenset()
    silence_ms: int = 200


@dataclass(slots=True)
class _Spells:
    """What one signal has shown: letters, and from when each."""

    letters: str = ""
    froms: list[int] = field(default_factory=list)

    def add(self, letter: str, now: int) -> None:
        if self.letters[-1:] != letter:
            self.letters = (self.letters + letter)[-_KEPT:]
            self.froms = [*self.froms, now][-_KEPT:]

    def left(self, which: str, now: int) -> int | None:
        """Return how long ago it last showed one of these; None: not as far as is known.

        What it shows only since now is none of that.
        """
        end = now
        for letter, start in zip(reversed(self.letters), reversed(self.froms), strict=True):
            if letter in which and start < now:
                return now - end
            end = start
        return None


class Monitor:
    """Watches one intersection; ``fault`` is what it saw first, and stays until ``reset``."""

    __slots__ = ("_last", "_rules", "_seen", "fault")

    def __init__(self, rules: Rules, now: int) -> None:
        """Begin without having seen anything; the first reading must come in time, too."""
        self._rules = rules
        self._seen = {name: _Spells() for name in rules.signals}
        self._last = now
        self.fault = ""

    def see(self, shown: Mapping[str, str], now: int) -> str:
        """Take what all signals show; return the fault, or an empty text.

        Args:
            shown: a letter for each signal.
            now: ms, of a clock of the monitor's own.
        """
        self.tick(now)
        self._last = now
        wrong = [name for name in self._rules.signals if shown.get(name, "") not in _LETTERS
                 or len(shown.get(name, "")) != 1]  # fmt: skip
        if wrong:
            return self._latch(f"{wrong[0]} shows nothing that is a signal")
        before = {name: spells.letters[-1:] for name, spells in self._seen.items()}
        found = self._uncontrolled(shown)
        for name in self._rules.signals:
            found = found or self._alone(name, before[name], shown[name], now)
        for name, spells in self._seen.items():
            spells.add(shown[name], now)
        for stops, starts in self._rules.gaps:
            found = found or self._pair(stops, starts, before, shown, now)
        return self._latch(found) if found else self.fault

    def tick(self, now: int) -> str:
        """Look at the clock; return the fault. Silence is a fault, and so is a clock that jumps."""
        if not 0 <= now - self._last <= self._rules.silence_ms:
            self._latch(f"nothing was read for {now - self._last} ms")
        return self.fault

    def excuse(self, slept_ms: int) -> None:
        """Take so much of the silence as no fault: whoever feeds this was itself not run."""
        self._last += max(0, slept_ms)

    def reset(self, now: int) -> None:
        """Begin anew: for a person, who has looked at the junction."""
        self.fault = ""
        self._seen = {name: _Spells() for name in self._rules.signals}
        self._last = now

    def _latch(self, fault: str) -> str:
        self.fault = self.fault or fault
        return self.fault

    def _uncontrolled(self, shown: Mapping[str, str]) -> str:
        """Find a junction of which only a part is without control."""
        without = [name for name in self._rules.signals if shown[name] in "df"]
        if not without or all(shown[name] == "d" for name in shown):
            return ""
        for name, (_, _, resting) in self._rules.signals.items():
            if shown[name] != resting:
                dark = next(iter(without))
                return f"{dark} is without control while {name} shows {shown[name]!r}"
        return ""

    def _alone(self, name: str, was: str, shown: str, now: int) -> str:
        """Compare two letters of one signal that follow each other."""
        shortest, yellow, _ = self._rules.signals[name]
        if was in ("", shown) or shown in "df":
            return ""
        spells = self._seen[name]
        if was in "Gg" and shown not in "Gg":
            begun = self._green_from(spells)
            if begun is not None and now - begun < shortest - SLACK_MS:
                return f"green of {name} lasted {now - begun} ms of {shortest} ms"
            if shown != ("y" if yellow else "R"):
                return f"{name} went from green to {shown!r}"
        if was == "y":
            lasted = now - spells.froms[-1]
            if shown != "R" or (len(spells.letters) > 1 and lasted < yellow - SLACK_MS):
                return f"yellow of {name} lasted {lasted} ms of {yellow} ms, then {shown!r}"
        if was == "r" and shown not in "Gg":
            return f"{name} went from red-yellow to {shown!r}"
        if was in "df" and shown in "Ggr":
            return f"{name} went from no control to {shown!r}"
        return ""

    @staticmethod
    def _green_from(spells: _Spells) -> int | None:
        """Return when the green began that is on; None: before anything was seen."""
        at = len(spells.letters)
        while at and spells.letters[at - 1] in "Gg":
            at -= 1
        return spells.froms[at] if at else None

    def _pair(
        self, stops: str, starts: str, before: Mapping[str, str], shown: Mapping[str, str], now: int
    ) -> str:
        """Compare two enemies: both going, or one too soon after the other."""
        rules = self._rules
        one, other = shown[stops], shown[starts]
        ceding = (stops, starts) in rules.cedes
        other_cedes = (starts, stops) in rules.cedes
        allowed = (ceding and one == "g") or (other_cedes and other == "g")
        if one in "Gg" and other in "Gg" and not allowed:
            return f"{stops} and {starts} go at once"
        if other not in "Gg" or before[starts] in ("", "G", other):
            return ""
        # It began. Beside an enemy that moves on, one of the two looks out: who begins so may, at
        # any time; who begins without looking out must not meet those whom the enemy let in
        # before it had to look out itself. An enemy that has stopped must be gone, for both.
        if one in "Gg" and other_cedes and other == "g":
            return ""
        gap = self._seen[stops].left("G" if one in "Gg" else "Gg", now)
        needed = rules.gaps[stops, starts]
        if gap is not None and gap < needed - SLACK_MS:
            return f"{starts} went {gap} ms after {stops}, needed: {needed} ms"
        return ""
