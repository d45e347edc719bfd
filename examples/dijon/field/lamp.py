"""One lamp: what it was told, and what it really does.

*Theory.* The level over time is a chain of straight lines, of which only the newest is kept:
from ``_from`` at ``_since`` to ``_target``, in ``ramp_s``; after that it stays. A command does
not act before ``lag_s`` has passed, so it waits in ``_waiting``. Level, burning time and energy
at any time follow in closed form: nothing ticks, and an idle lamp costs nothing.

*Rules.* Time is an argument (seconds of one monotonic clock) and never goes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Condition = Literal["ok", "dead", "stuck", "lying"]

STANDBY_W = 0.4
"""What a powered lamp node takes when the lamp is off."""
WRITES_KEPT = 64
"""How many times of writing an account can show; the count goes on beyond."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast lamps follow: a lag before anything happens, then a fade of fixed length."""

    lag_s: float = 0.2
    ramp_s: float = 1.0


class Since(NamedTuple):
    """What happened since the newest line began."""

    lit_s: float
    level_s: float
    """Percent times seconds."""


class Lamp:
    """One street light.

    Attributes:
        setpoint: percent that was last written, None if never.
        writes: how often a setpoint was written and taken.
        written_at: when, the newest ``WRITES_KEPT``.
        unclear: writes that arrived, executed or not, and whose sender cannot know from the
            answer what became of them.
    """

    __slots__ = (
        "_from",
        "_level_s",
        "_lit_s",
        "_since",
        "_target",
        "_waiting",
        "condition",
        "id",
        "pace",
        "rated_w",
        "setpoint",
        "stuck_at",
        "unclear",
        "writes",
        "written_at",
    )

    def __init__(
        self, id: str, rated_w: float, pace: Pace, *, now: float = 0.0, burnt_h: float = 0.0
    ) -> None:
        """Make a lamp that is off, powered and sound, after so many hours of burning."""
        self.id = id
        self.rated_w = rated_w
        self.pace = pace
        self.condition: Condition = "ok"
        self.setpoint: float | None = None
        self.stuck_at = 0.0
        self.writes = 0
        self.written_at: list[float] = []
        self.unclear = 0
        self._since = now
        self._from = 0.0
        self._target = 0.0
        self._waiting: list[tuple[float, float]] = []
        self._lit_s = burnt_h * 3600.0
        self._level_s = burnt_h * 3600.0 * 100.0

    def command(self, now: float, level: float) -> None:
        """Take a setpoint in percent; the lamp follows after its lag, if it can."""
        self.setpoint = level
        self.writes += 1
        self.written_at.append(now)
        if len(self.written_at) > WRITES_KEPT:
            del self.written_at[0]
        if self.condition == "ok":
            self._waiting.append((now + self.pace.lag_s, level))

    def cut(self, now: float) -> None:
        """Lose the power: dark at once, and what waited is forgotten."""
        self._advance(now)
        self._waiting.clear()
        self._turn(now, self.level_at(now), 0.0)
        self._from = 0.0

    def restore(self, now: float) -> None:
        """Get the power back: the lamp fades to what it was last told."""
        self._advance(now)
        stays = self.condition in ("stuck", "lying")
        level = self.stuck_at if stays else self.setpoint or 0.0
        if self.condition != "dead":
            self._waiting.append((now + self.pace.lag_s, level))

    def become(self, now: float, condition: Condition) -> None:
        """Break (dead: dark, with its fault bit; stuck: stays where it is; lying: stays where it
        is, and shows what it was told) or be repaired."""
        level = self.level_at(now)
        self._waiting.clear()
        self.condition = condition
        self.stuck_at = level
        stays = 0.0 if condition == "dead" else level
        self._turn(now, level, stays)
        self._from = stays
        if condition == "ok" and self.setpoint is not None:
            self._waiting.append((now + self.pace.lag_s, self.setpoint))

    def level_at(self, now: float) -> float:
        """Return the light it gives, 0 to 100 percent."""
        if self._waiting:
            self._advance(now)
        passed = now - self._since
        ramp_s = self.pace.ramp_s
        if passed >= ramp_s or self._from == self._target:
            return self._target
        return self._from + (self._target - self._from) * (passed / ramp_s)

    def shown_at(self, now: float) -> float:
        """Return the level that it says it has: the true one, unless it is lying."""
        if self.condition == "lying" and self.setpoint is not None:
            return self.setpoint
        return self.level_at(now)

    def settled(self, now: float) -> bool:
        """Return whether its level will stay as it is until the next command."""
        if self._waiting:
            return False
        return self._from == self._target or now - self._since >= self.pace.ramp_s

    def power_at(self, now: float) -> float:
        """Return what it takes, in watts, as long as it is powered."""
        return STANDBY_W + self.rated_w * self.level_at(now) / 100.0

    def burnt_h(self, now: float) -> float:
        """Return the hours in which it gave any light."""
        self._advance(now)
        return (self._lit_s + self._passed(now).lit_s) / 3600.0

    def energy_wh(self, now: float) -> float:
        """Return what its light took so far, in watt-hours."""
        self._advance(now)
        return self.rated_w * (self._level_s + self._passed(now).level_s) / 360_000.0

    def _advance(self, now: float) -> None:
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            begin, target = waiting.pop(0)
            passed = begin - self._since
            ramp_s = self.pace.ramp_s
            level = self._target
            if passed < ramp_s:
                level = self._from + (self._target - self._from) * (passed / ramp_s)
            self._turn(begin, level, target)

    def _turn(self, begin: float, level: float, target: float) -> None:
        """Close the newest line at ``begin``, where it had reached ``level``; start the next."""
        done = self._passed(begin)
        self._lit_s += done.lit_s
        self._level_s += done.level_s
        self._since, self._from, self._target = begin, level, target

    def _passed(self, now: float) -> Since:
        """Return the areas under the newest line from its begin until now."""
        start, target, ramp_s = self._from, self._target, self.pace.ramp_s
        passed = max(0.0, now - self._since)
        fading = min(passed, ramp_s)
        if start == target:
            return Since(passed if target > 0.0 else 0.0, target * passed)
        reached = start + (target - start) * (fading / ramp_s) if ramp_s > 0.0 else target
        area = (start + reached) / 2.0 * fading + target * (passed - fading)
        return Since(passed if target > 0.0 else fading, area)
