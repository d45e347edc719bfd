"""When a link looks at which group of points: periods without drift, commands in between.

A group that was missed (the link was down, or busy) is due at once, but only once: missed
periods are not made up for.
"""

from __future__ import annotations

from collections.abc import Sequence


class PollSchedule:
    """Due times of poll groups on the boot-time clock."""

    def __init__(self, periods_ns: Sequence[int], phases: Sequence[float]) -> None:
        """Set the periods (0: only the first look after a connect) and phases in [0, 1).

        The phase spreads the second and later looks of many links over the period.
        """
        self._periods = list(periods_ns)
        self._phases = list(phases)
        self._due: list[int | None] = [None] * len(self._periods)
        self._fresh: list[bool] = [True] * len(self._periods)

    def restart(self, now_ns: int) -> None:
        """Make every group due now: the link has just come up."""
        self._due = [now_ns] * len(self._periods)
        self._fresh = [True] * len(self._periods)

    def change(
        self, periods_ns: Sequence[int], phases: Sequence[float], now_ns: int | None
    ) -> None:
        """Have groups of other periods; one whose period there was before keeps its times.

        A new one is due at ``now_ns``, or with the next ``restart`` if that is None. No period
        comes twice.
        """
        old = {period: at for at, period in enumerate(self._periods)}
        places = [old.get(period) for period in periods_ns]
        self._due = [now_ns if at is None else self._due[at] for at in places]
        self._fresh = [True if at is None else self._fresh[at] for at in places]
        self._phases = [
            phase if at is None else self._phases[at]
            for at, phase in zip(places, phases, strict=True)
        ]
        self._periods = list(periods_ns)

    @property
    def all_looked(self) -> bool:
        """Return whether every group was looked at since it became due for the first time."""
        return not any(self._fresh)

    @property
    def periods(self) -> Sequence[int]:
        """The periods of the groups, in their order, ns."""
        return self._periods

    def next_due(self) -> int | None:
        """Return when the next group is due; None if never."""
        times = [due for due in self._due if due is not None]
        return min(times) if times else None

    def take(self, now_ns: int) -> int | None:
        """Return the group that has been due longest, and plan its next look."""
        chosen: int | None = None
        for group, due in enumerate(self._due):
            if due is not None and due <= now_ns:
                earliest = self._due[chosen] if chosen is not None else None
                if earliest is None or due < earliest:
                    chosen = group
        if chosen is None:
            return None
        period = self._periods[chosen]
        if period <= 0:
            self._due[chosen] = None
        elif self._fresh[chosen]:
            self._due[chosen] = now_ns + int(period * self._phases[chosen]) + 1
        else:
            due = self._due[chosen] or now_ns
            behind = max(0, now_ns - due) // period
            self._due[chosen] = due + (behind + 1) * period
        self._fresh[chosen] = False
        return chosen

    def hasten(self, now_ns: int) -> None:
        """Make every periodic group due now."""
        self._due = [
            now_ns if period > 0 else due
            for period, due in zip(self._periods, self._due, strict=True)
        ]
