"""One passage: lowered, a vehicle drives through, and raised again. No I/O, no clock.

The loop decides: the bollard may rise when a vehicle was on the loop and has left it, or when
nobody came for a while, and in both cases only when the loop has been clear, and known to be
clear, for a hold-off. Whether it then really may rise is for ``bollard_rules`` to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from jacquemart.actors.access.bollard_rules import SECOND


@dataclass(frozen=True, slots=True)
class PassageTimes:
    """How long a passage waits, in ns."""

    wait: int = 30 * SECOND
    """For a vehicle."""
    hold_off: int = 3 * SECOND
    """So long the loop must be clear; longer than two polls of it."""


class Passage:
    """The passage that a ``pass`` command asked for, from the moment the bollard is down."""

    __slots__ = ("_clear_ns", "_opened_ns", "_times", "vehicle")

    def __init__(self, times: PassageTimes, now_ns: int) -> None:
        """Begin to wait for a vehicle."""
        self._times = times
        self._opened_ns = now_ns
        self._clear_ns = 0
        self.vehicle = False

    def may_end(self, loop: bool | None, now_ns: int) -> bool:
        """Take the loop as it is now (None: not known); return whether it is time to rise."""
        if loop is not False:
            self._clear_ns = 0
            self.vehicle = self.vehicle or loop is True
            return False
        self._clear_ns = self._clear_ns or now_ns
        waited = self.vehicle or now_ns - self._opened_ns >= self._times.wait
        return waited and now_ns - self._clear_ns >= self._times.hold_off

    def refused(self) -> None:
        """Go on: it could not rise, so the loop must be clear for a whole hold-off again."""
        self._clear_ns = 0
