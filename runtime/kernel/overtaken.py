"""Which setpoints must not be sent again, since a newer one for the same point may have been sent.

*Theory.* Two setpoints for one point are with a cell: the older waits there, and the newer takes
its place. Then the cell is lost, and its answers with it. What it left behind says that the newer
may have been sent and the older was not. To send the older again would undo the newer.

Only what ended unknown is noted, so this is empty as long as no cell is lost.
"""

from __future__ import annotations

from collections import OrderedDict

#: Points that are remembered; the longest noted are forgotten first.
KEPT = 20_000

Point = tuple[str, str]
"""Device and point."""


class Overtaken:
    """The newest setpoint of each point that may have been sent, and of which nobody knows more."""

    def __init__(self, kept: int = KEPT) -> None:
        """Know of none."""
        self._kept = kept
        self._newest: OrderedDict[Point, int] = OrderedDict()

    def may_be_sent(self, point: Point, accepted: int) -> None:
        """Take note of a setpoint; ``accepted`` orders those of a point as they were accepted."""
        if accepted > self._newest.get(point, -1):
            self._newest[point] = accepted
        self._newest.move_to_end(point)
        while len(self._newest) > self._kept:
            self._newest.popitem(last=False)

    def overtakes(self, point: Point, accepted: int) -> bool:
        """Return whether one that was accepted later than this may have been sent."""
        return bool(self._newest) and self._newest.get(point, -1) > accepted
