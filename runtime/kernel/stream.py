"""Streams that cannot lose silently: epoch and sequence of every topic.

A publisher numbers the messages of each topic 1, 2, 3 … within its epoch, and repeats the last
number in idle heartbeats. A follower therefore knows of every loss at the latest one heartbeat
after it, asks for a snapshot, and shows STALE until it has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Step(Enum):
    """What to do with a message of a stream."""

    APPLY = "apply"
    HOLD = "hold"
    """A snapshot is on its way; keep the message until it is there."""
    RESYNC = "resync"
    """There is a gap or a new epoch: ask for a snapshot now, keep this message."""
    DROP = "drop"
    """Already contained in what was applied, or from an old epoch."""


@dataclass(slots=True)
class TopicFollower:
    """Position of a follower in one topic. Starts without a position: unsynchronised."""

    epoch: int = 0
    sequence: int = 0
    synchronised: bool = False
    asking: bool = False
    gaps: int = 0

    def message(self, epoch: int, sequence: int) -> Step:
        """Judge a message of this topic."""
        if epoch < self.epoch:
            return Step.DROP
        if not self.synchronised:
            return self._resync()
        if epoch == self.epoch:
            if sequence <= self.sequence:
                return Step.DROP
            if sequence == self.sequence + 1:
                self.sequence = sequence
                return Step.APPLY
        self.gaps += 1
        self.synchronised = False
        return self._resync()

    def heartbeat(self, epoch: int, sequence: int) -> Step:
        """Judge a heartbeat: its sequence is the last one published."""
        if epoch < self.epoch:
            return Step.DROP
        if not self.synchronised:
            return self._resync()
        if epoch == self.epoch and sequence <= self.sequence:
            return Step.DROP
        self.gaps += 1
        self.synchronised = False
        return self._resync()

    def snapshot(self, epoch: int, sequence: int) -> bool:
        """Take the position of a snapshot; False if it is older than what is known."""
        self.asking = False
        if epoch < self.epoch or (epoch == self.epoch and sequence < self.sequence):
            return False
        self.epoch, self.sequence, self.synchronised = epoch, sequence, True
        return True

    def _resync(self) -> Step:
        if self.asking:
            return Step.HOLD
        self.asking = True
        return Step.RESYNC


@dataclass(slots=True)
class Pulse:
    """When a topic must repeat its last number, so that a loss is known one heartbeat later.

    Ask ``due`` twice a heartbeat: then never more than one heartbeat passes between two things
    that are said of the topic, and an idle one says no more than one thing a heartbeat.
    """

    quiet: int = 0
    """Ticks since something was said."""

    def spoke(self) -> None:
        """Take note of a message."""
        self.quiet = -1

    def due(self) -> bool:
        """Return whether to say the number now, at this tick."""
        self.quiet += 1
        if self.quiet < 1:
            return False
        self.quiet = -1
        return True


@dataclass(slots=True)
class VersionFollower:
    """What a follower knows of something that is told by its number only, in heartbeats.

    What was known stays true for what it told; a higher number means that there is more to know.
    So nothing becomes STALE by it, and nothing is a gap.
    """

    known: tuple[int, int] = (-1, 0)
    """Epoch and number of what is known; epoch -1: nothing, and nothing is asked before."""
    heard: tuple[int, int] = (-1, 0)
    asking: bool = False

    def heartbeat(self, epoch: int, number: int) -> bool:
        """Take the newest number; return whether to ask for what it stands for."""
        self.heard = max(self.heard, (epoch, number))
        return self._ask()

    def took(self, epoch: int, number: int) -> bool:
        """Take note of what is known now, be it older than before; return whether to ask."""
        self.known = (epoch, number)
        return self._ask()

    def answered(self, epoch: int, number: int) -> bool:
        """Judge an answer; return whether it is news. Ask again while ``behind``."""
        if (epoch, number) <= self.known:
            return False
        self.known = (epoch, number)
        return True

    @property
    def behind(self) -> bool:
        """Return whether there is more to know than is known."""
        return self.known[0] >= 0 and self.heard > self.known

    def _ask(self) -> bool:
        if self.asking or not self.behind:
            return False
        self.asking = True
        return True
