"""One point in the simulated field, and how it follows what feeds it."""

from __future__ import annotations

from dataclasses import dataclass, field

from jacquemart.drivers.simulated.behaviour import Behaviour
from jacquemart.drivers.simulated.track import Track, area, followed, seconds_above_zero

#: Of a point that was only mentioned so far, and of one that nobody feeds.
PLAIN = Behaviour()


@dataclass(slots=True, eq=False)
class Node:
    """A point: ``given`` is what it was told, ``track`` what it does about it.

    A node is born as a placeholder when another point mentions it, and declared when the
    driver learns of it. All times are seconds of one clock.
    """

    name: str
    born: float
    given: Track
    track: Track
    behaviour: Behaviour = PLAIN
    declared: bool = False
    touched: bool = False
    frozen: bool = False
    source: Node | None = None
    followers: list[Node] = field(default_factory=list)
    lag_s: float = 0.0
    ramp_per_s: float = 0.0
    counted: float = 0.0
    counted_until: float = 0.0

    def copy(self) -> Node:
        """Return the same point with the same past, attached to nothing."""
        return Node(
            self.name, self.born, self.given.copy(), self.track.copy(), self.behaviour,
            self.declared, self.touched, self.frozen, None, [], self.lag_s, self.ramp_per_s,
            self.counted, self.counted_until,
        )  # fmt: skip

    @property
    def is_counter(self) -> bool:
        """Return whether the point only counts."""
        return self.behaviour.counter_per_s is not None

    def attach(self, source: Node) -> None:
        """Follow another node from now on."""
        if self.source is not source:
            if self.source is not None:
                self.source.followers.remove(self)
            self.source = source
            source.followers.append(self)

    def pace(self) -> None:
        """Take over lag and ramp: its own where said, else those of the register that feeds it."""
        own, above = self.behaviour, PLAIN
        if self.source is not None and self.source.behaviour.feedback == self.name:
            above = self.source.behaviour
        lag_ms = own.lag_ms if own.lag_ms is not None else above.lag_ms
        ramp = own.ramp_per_s if own.ramp_per_s is not None else above.ramp_per_s
        if own.is_register:
            lag_ms = ramp = None
        self.lag_s = (lag_ms or 0.0) / 1_000.0
        self.ramp_per_s = ramp or 0.0

    def aim(self, begin: float) -> list[tuple[float, float]]:
        """Return where the node should be from a time on, if it had no ramp."""
        if self.source is None:
            above, gain, offset = self.given, 1.0, 0.0
        else:
            above, gain, offset = self.source.track, self.behaviour.gain, self.behaviour.offset
        return [
            (max(begin, time + self.lag_s), offset + gain * value)
            for time, value in above.after(begin - self.lag_s)
        ]

    def start_at(self, time: float, value: float) -> None:
        """Begin anew at a value, without a past."""
        self.given = Track(time, value)
        self.track = Track(time, value)
        self.counted, self.counted_until = value, time

    def relay(self, begin: float, now: float) -> None:
        """Lay the course down anew from a time on, for this node and all that follow it."""
        if self.is_counter or self.frozen:
            return
        self.forget_before(now)
        start = self.track.at(begin)
        self.track.lay(followed(self.aim(begin), start, self.ramp_per_s))
        self.pass_on(begin, now)

    def pass_on(self, begin: float, now: float) -> None:
        """Tell the followers that the course changed from a time on."""
        for follower in self.followers:
            follower.relay(begin + follower.lag_s, now)

    def stop(self, now: float) -> None:
        """Stay where it is from now on."""
        self.track.lay([(now, self.track.at(now))])
        self.pass_on(now, now)

    def count_until(self, time: float) -> None:
        """Count on (only for counters)."""
        rate = self.behaviour.counter_per_s
        if rate is None or time <= self.counted_until:
            return
        amount = time - self.counted_until
        if self.source is not None:
            knots = self.source.track.between(self.counted_until, time)
            by_time = self.behaviour.counts == "time"
            amount = seconds_above_zero(knots) if by_time else area(knots)
        self.counted += rate * amount
        self.counted_until = time

    def forget_before(self, time: float) -> None:
        """Drop what no later look can need; counters that follow are counted first."""
        memory = 0.0
        for follower in self.followers:
            follower.count_until(time)
            memory = max(memory, follower.lag_s)
        self.track.forget_before(time - memory)
        self.given.forget_before(time - self.lag_s)
