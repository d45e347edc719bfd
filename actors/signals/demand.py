"""What detectors say: who calls for green, and who still comes. Pure.

A detector that is not heard any more calls and does not extend: the intersection then runs as
its plan says, and nobody waits for ever because a loop broke.
"""

from __future__ import annotations

from jacquemart.actors.signals.model import Intersection


class Demand:
    """The detectors of one intersection."""

    __slots__ = ("_called", "_heard", "_left", "_model", "_occupied")

    def __init__(self, model: Intersection) -> None:
        """Begin with detectors that nobody has heard: they call."""
        count = len(model.detectors)
        self._model = model
        self._heard: list[int | None] = [None] * count
        self._occupied = [False] * count
        self._left: list[int | None] = [None] * count
        self._called = [True] * count

    def hear(self, name: str, occupied: bool | None, now_ms: int) -> bool:
        """Take what a detector says; None: it says nothing that can be believed.

        Return whether there is such a detector.
        """
        names = [detector.name for detector in self._model.detectors]
        if name not in names:
            return False
        at = names.index(name)
        if occupied is None:
            self._heard[at] = None
            return True
        self._heard[at] = now_ms
        if occupied:
            self._called[at] = True
        elif self._occupied[at]:
            self._left[at] = now_ms
        self._occupied[at] = occupied
        return True

    def stale(self, at: int, now_ms: int) -> bool:
        """Return whether a detector was not heard for too long."""
        heard = self._heard[at]
        return heard is None or now_ms - heard > self._model.detectors[at].stale_after_ms

    def calls(self, groups: frozenset[int], now_ms: int) -> bool:
        """Return whether one of these groups is called for; groups without a detector always."""
        seen = [at for at, one in enumerate(self._model.detectors) if groups & set(one.groups)]
        if not seen:
            return True
        return any(self._called[at] or self.stale(at, now_ms) for at in seen)

    def extends(self, groups: frozenset[int], now_ms: int) -> bool:
        """Return whether somebody still comes for one of these groups."""
        for at, detector in enumerate(self._model.detectors):
            if not groups & set(detector.groups) or self.stale(at, now_ms):
                continue
            left = self._left[at]
            if self._occupied[at] or (left is not None and now_ms - left < detector.gap_ms):
                return True
        return False

    def served(self, group: int) -> None:
        """Forget the calls of a group that has green; who stands there still calls anew."""
        for at, detector in enumerate(self._model.detectors):
            if group in detector.groups:
                self._called[at] = self._occupied[at]
