"""When the next step of a simulation is due, so that its time passes as fast as a clock's. Pure.

*Theory.* Steps are counted from a beginning, so that small delays are made good and do not add up.
Who is late by more than ``FORGIVEN_S`` has lost that time: to make it good at once would show the
city seconds of traffic within a moment.
"""

from __future__ import annotations

from typing import Final

from jacquemart.runtime.model.errors import UsageError

#: So late, lost time is made good.
FORGIVEN_S: Final = 0.5
#: How many times real time.
SLOWEST, FASTEST = 0.1, 20.0


class Pace:
    """Says how long to wait before each step.

    Attributes:
        lost_s: clock time that could not be kept up with.
        steps: how many were begun.
    """

    __slots__ = ("_due_s", "_first_s", "_step_s", "lost_s", "speed", "steps")

    def __init__(self, step_s: float, speed: float, now_s: float) -> None:
        """Begin now; the first step is due at once.

        Args:
            step_s: simulated time of a step.
            speed: simulated seconds in a second of the clock, 0.1 to 20.
            now_s: a clock that never goes back.

        Raises:
            UsageError: a speed out of its range.
        """
        if not SLOWEST <= speed <= FASTEST:
            raise UsageError(
                f"found {speed:g}; allowed: {SLOWEST:g} to {FASTEST:g} times real time",
                where="speed",
            )
        self.speed = speed
        self.lost_s = 0.0
        self.steps = 0
        self._step_s = step_s
        self._due_s = self._first_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Return how long to wait before the next step; call it once before each."""
        late = now_s - self._due_s
        if late > FORGIVEN_S:
            self.lost_s += late
            self._due_s = now_s
        wait = max(0.0, self._due_s - now_s)
        self._due_s += self._step_s / self.speed
        self.steps += 1
        return wait

    def held(self, now_s: float) -> float:
        """Return how many times real time it was so far."""
        passed = now_s - self._first_s
        return self.steps * self._step_s / passed if passed > 0 else self.speed
