"""Who is silent: one unit, or the whole link. Decisions only; time comes as an argument.

*Theory.* No answer within the time-out says little: the unit may be dead behind a live gateway,
the answer may be late, or the peer may be gone while TCP has not noticed. What tells them apart
is who else answers.

*Rules.*

1. A unit that left several requests in a row unanswered is down: it is then asked again only
   after a pause, which doubles up to twelvefold, and after the others, so that it does not
   hold them up at every poll. A gateway that takes its time to say "target does not answer"
   holds them up just as well.
2. A link is given up when several requests in a row stayed unanswered and no unit of the link
   answered the last time it was asked. A gateway that says "target does not answer" has
   answered: its link lives.
3. Any answer, good or bad, ends the silence of its unit and of the link.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

_LONGEST_PAUSE = 12


class Silence:
    """What is known of a link's units since the connection was opened."""

    __slots__ = (
        "_failures", "_known", "_link_down_after", "_mute", "_next_try_s", "_unanswered",
        "_unit_down_after", "_unit_retry_s",
    )  # fmt: skip

    def __init__(self, unit_down_after: int, unit_retry_s: float, link_down_after: int) -> None:
        """Start knowing nothing.

        Args:
            unit_down_after: failures in a row that bring a unit down, from 1.
            unit_retry_s: first pause between two tries of a unit that is down; 0: none.
            link_down_after: unanswered requests in a row that bring the link down, from 1.
        """
        self._unit_down_after = unit_down_after
        self._unit_retry_s = unit_retry_s
        self._link_down_after = link_down_after
        self._known: set[int] = set()
        self._failures: dict[int, int] = {}
        self._next_try_s: dict[int, float] = {}
        self._mute: set[int] = set()
        self._unanswered = 0

    def know(self, units: Iterable[int]) -> None:
        """Say which units the link has; they must all be silent before it is given up."""
        self._known.update(units)

    def retain(self, units: Collection[int]) -> None:
        """Forget the units that the link has no more; nobody waits for them to answer."""
        self._known.intersection_update(units)
        self._mute.intersection_update(units)
        for unit in [unit for unit in self._failures if unit not in units]:
            del self._failures[unit]
            self._next_try_s.pop(unit, None)

    def reopened(self) -> None:
        """Forget who was silent: the connection is a new one."""
        self._failures.clear()
        self._next_try_s.clear()
        self._mute.clear()
        self._unanswered = 0

    def answered(self, unit: int) -> None:
        """Take note of an answer, whatever it said."""
        self._unanswered = 0
        if unit in self._failures:
            del self._failures[unit]
            self._mute.discard(unit)
            self._next_try_s.pop(unit, None)

    def slowly_unreachable(self, unit: int, now_s: float) -> None:
        """Take note of a gateway that waited before it said that the unit does not answer."""
        self._unanswered = 0
        self._mute.discard(unit)
        self._fail(unit, now_s)

    def timed_out(self, unit: int, now_s: float) -> None:
        """Take note of a request that nobody answered in time."""
        self._unanswered += 1
        self._mute.add(unit)
        self._fail(unit, now_s)

    def ask_again(self, unit: int) -> None:
        """Have the next poll ask the unit even if it is down (something was just sent to it)."""
        self._next_try_s.pop(unit, None)

    @property
    def failing(self) -> bool:
        """Return whether any unit failed when it was last asked."""
        return bool(self._failures)

    def failures(self, unit: int) -> int:
        """Return how often in a row a unit failed; 0: it answered, or was not asked."""
        return self._failures.get(unit, 0)

    def skips(self, unit: int, now_s: float) -> bool:
        """Return whether a poll should leave out the unit now."""
        due_s = self._next_try_s.get(unit)
        return due_s is not None and now_s < due_s

    def link_is_dead(self) -> bool:
        """Return whether nothing on the link answers any more."""
        return self._unanswered >= self._link_down_after and self._known <= self._mute

    def _fail(self, unit: int, now_s: float) -> None:
        failures = self._failures[unit] = self._failures.get(unit, 0) + 1
        excess = failures - self._unit_down_after
        if excess >= 0:
            pauses = min(1 << min(excess, 8), _LONGEST_PAUSE)
            self._next_try_s[unit] = now_s + pauses * self._unit_retry_s
