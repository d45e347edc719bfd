"""Supervision: what to do when one of those that are supervised has failed. Pure.

OTP's strategies with an intensity window: a child that fails starts again, after a pause that
doubles while it keeps failing; one that fails more often than its intensity allows is **parked**:
it is brought to what is safe for it, does nothing any more, and says so, until somebody unparks
it. What is parked costs nobody else anything: no sibling and no healthy child is ever restarted,
whatever becomes of its supervisor.

Escalation has one step. If many devices of one link are parked within the window, the link is
opened anew once and they start again; if that does not help, the link is parked and its points
are BAD. There it ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Intensity:
    """How many restarts are allowed in which time, and the pauses before them."""

    restarts: int = 5
    """That many within the time; one more failure parks."""
    within_s: float = 30.0
    first_pause_s: float = 0.1
    """Before the second restart within the time; the first one is at once. Doubles each time."""
    longest_pause_s: float = 30.0


class Strategy(Enum):
    """Who starts again with a child that failed."""

    ONE_FOR_ONE = "one_for_one"
    """The child alone."""
    REST_FOR_ONE = "rest_for_one"
    """The child, and then those that depend on it: the devices that it feeds."""


class Step(NamedTuple):
    """What to do about a failure."""

    parks: bool
    """Park it; otherwise start it again after the pause."""
    pause_s: float = 0.0


class Restarts:
    """The failures of one child within its window."""

    __slots__ = ("_intensity", "_times")

    def __init__(self, intensity: Intensity) -> None:
        """Begin without a failure."""
        self._intensity = intensity
        self._times: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._times)

    def failed(self, now_ns: int, jitter: float) -> Step:
        """Take a failure.

        Args:
            now_ns: a clock that never goes back.
            jitter: a random number in [0, 1): the pause is that part of the whole one, so that
                those that fail together do not start together.
        """
        given = self._intensity
        while self._times and now_ns - self._times[0] >= given.within_s * SECOND:
            self._times.popleft()
        if len(self._times) >= given.restarts:
            self._times.clear()
            return Step(parks=True)
        self._times.append(now_ns)
        before = len(self._times) - 1
        if not before:
            return Step(parks=False)
        whole = min(given.first_pause_s * 2.0 ** (before - 1), given.longest_pause_s)
        return Step(False, whole * jitter)


def with_child(strategy: Strategy, child: str, fed_by: Mapping[str, str]) -> list[str]:
    """Return who starts again with ``child``, it first.

    Args:
        strategy: of the child that failed.
        child: its id.
        fed_by: device -> what feeds it, empty if nothing does.
    """
    if strategy is Strategy.ONE_FOR_ONE:
        return [child]
    return [child, *(device for device, feeder in fed_by.items() if feeder == child)]


class LinkStep(Enum):
    """What to do about a link whose devices are parked."""

    NOTHING = "nothing"
    REOPEN = "reopen"
    PARK = "park"


#: So many of a link's devices must be parked, and at least half of them, to blame the link.
FEWEST = 3
#: A link that was opened anew and fails again within this time is parked.
AGAIN_S = 300.0


class LinkRecord:
    """The parked devices of one link."""

    __slots__ = ("_parked", "_reopened_ns", "_within_ns")

    def __init__(self, within_s: float = 30.0) -> None:
        """Count devices that are parked within ``within_s`` of each other."""
        self._parked: dict[str, int] = {}
        self._within_ns = int(within_s * SECOND)
        self._reopened_ns: int | None = None

    def parked(self, device: str, now_ns: int, devices: int) -> LinkStep:
        """Take that a device was parked; the link has ``devices`` in all."""
        self._parked[device] = now_ns
        self._parked = {
            name: at for name, at in self._parked.items() if now_ns - at < self._within_ns
        }
        if len(self._parked) < FEWEST or 2 * len(self._parked) < devices:
            return LinkStep.NOTHING
        self._parked.clear()
        last, self._reopened_ns = self._reopened_ns, now_ns
        if last is not None and now_ns - last < AGAIN_S * SECOND:
            self._reopened_ns = None
            return LinkStep.PARK
        return LinkStep.REOPEN

    def unparked(self, device: str) -> None:
        """Take that a device works again."""
        self._parked.pop(device, None)
