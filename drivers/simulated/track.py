"""A value over time, as straight lines between knots.

*Theory.* A simulated quantity is known for all times at once: a write lays the rest of its
course down, and a read only looks it up. So what is read does not depend on how often it is
read, a ramp is exact, and nothing has to be stepped while nobody looks.

*Rules.* Pure: no clock, no randomness. Times are seconds of whatever clock the caller uses.
A jump is two knots at one time; the later one counts from that time on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

Knot = tuple[float, float]


class Track:
    """One quantity's course: constant before the first knot and after the last."""

    __slots__ = ("_times", "_values")

    def __init__(self, time: float, value: float) -> None:
        """Start at a value that holds until something is laid behind it."""
        self._times = [time]
        self._values = [value]

    def copy(self) -> Track:
        """Return the same course, to be laid on from here."""
        twin = Track.__new__(Track)
        twin._times, twin._values = self._times[:], self._values[:]  # noqa: SLF001
        return twin

    def at(self, time: float) -> float:
        """Return the value at a time."""
        times, values = self._times, self._values
        index = bisect_right(times, time)
        if index == 0:
            return values[0]
        if index == len(times):
            return values[-1]
        before, after = values[index - 1], values[index]
        if before == after:
            return before
        share = (time - times[index - 1]) / (times[index] - times[index - 1])
        return before + (after - before) * share

    def after(self, time: float) -> list[Knot]:
        """Return the course from a time on; its first knot stands at that time."""
        first = bisect_right(self._times, time)
        knots = [(time, self.at(time))]
        knots.extend(zip(self._times[first:], self._values[first:], strict=True))
        return knots

    def between(self, begin: float, end: float) -> list[Knot]:
        """Return the course from ``begin`` to ``end``, with a knot at either."""
        knots = [knot for knot in self.after(begin) if knot[0] <= end]
        knots.append((end, self.at(end)))
        return knots

    def lay(self, knots: Sequence[Knot]) -> None:
        """Replace the course from the first knot's time on."""
        begin = knots[0][0]
        value = self.at(begin)
        keep = bisect_right(self._times, begin)
        del self._times[keep:], self._values[keep:]
        if value != knots[0][1]:
            self._add(begin, value)
        for time, value in knots:
            self._add(time, value)

    def forget_before(self, time: float) -> None:
        """Drop knots that no look at ``time`` or later can need."""
        surplus = bisect_right(self._times, time) - 1
        if surplus > 0:
            del self._times[:surplus], self._values[:surplus]

    def _add(self, time: float, value: float) -> None:
        if self._times and (self._times[-1], self._values[-1]) == (time, value):
            return
        self._times.append(time)
        self._values.append(value)


def followed(knots: Sequence[Knot], start: float, rate: float) -> list[Knot]:
    """Return the course of what follows ``knots`` from ``start``, at most ``rate`` a second.

    ``rate = 0`` follows at once. The first knot returned stands at the time of the first one
    given and has the value ``start`` (unless it follows at once).
    """
    if rate <= 0.0:
        return list(knots)
    begin = knots[0][0]
    value = start
    course: list[Knot] = [(begin, value)]
    for (left, x_left), (right, x_right) in pairwise(knots):
        span = right - left
        if span <= 0.0:
            continue
        slope = (x_right - x_left) / span
        behind = span
        if value != x_left:
            speed = rate if x_left > value else -rate
            # The gap shrinks by (speed - slope) a second; it closes if both point one way.
            closing = (x_left - value) / (speed - slope) if speed != slope else -1.0
            if not 0.0 <= closing <= span:
                value += speed * span
                course.append((right, value))
                continue
            value = x_left + slope * closing
            course.append((left + closing, value))
            behind = span - closing
        if abs(slope) <= rate:
            value = x_right
        else:
            value += behind * (rate if slope > 0.0 else -rate)
        course.append((right, value))
    last, goal = knots[-1]
    if value != goal:
        course.append((last + abs(goal - value) / rate, goal))
    return course


def area(knots: Sequence[Knot]) -> float:
    """Return the integral of the positive part, in value times seconds."""
    total = 0.0
    for (left, low), (right, high) in pairwise(knots):
        span = right - left
        if low >= 0.0 and high >= 0.0:
            total += span * (low + high) / 2.0
        elif low > 0.0 or high > 0.0:
            peak = max(low, high)
            total += span * (peak / abs(high - low)) * peak / 2.0
    return total


def seconds_above_zero(knots: Sequence[Knot]) -> float:
    """Return for how many seconds the value was above zero."""
    total = 0.0
    for (left, low), (right, high) in pairwise(knots):
        span = right - left
        if low > 0.0 and high > 0.0:
            total += span
        elif low > 0.0 or high > 0.0:
            total += span * max(low, high) / abs(high - low)
    return total
