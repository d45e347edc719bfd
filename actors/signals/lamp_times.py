"""Since when each signal group shows what it shows, as its controller counts. Pure.

The controller reckons for itself what may be shown when, so that the interlock, which looks at
every output again, finds nothing to refuse.
"""

from __future__ import annotations

from collections.abc import Sequence

from jacquemart.actors.signals.interstage import GOES
from jacquemart.actors.signals.model import Aspect, Intersection

_FULL = (Aspect.GREEN, Aspect.FLASH, Aspect.DARK)


class LampTimes:
    """What is shown, and for how long, in the time of the controller."""

    __slots__ = ("_full_end", "_go_end", "_go_since", "_model", "_since", "shown", "time_ms")

    def __init__(self, model: Intersection) -> None:
        """Begin with everything dark, as if it had just ended to be anything else."""
        count = len(model.groups)
        self._model = model
        self.time_ms = 0
        self.shown: tuple[Aspect, ...] = (Aspect.DARK,) * count
        self._since = [0] * count
        self._go_since = [0] * count
        self._full_end = [0] * count
        self._go_end = [0] * count

    def show(self, aspects: Sequence[Aspect]) -> None:
        """Note what is shown from now on."""
        now = self.time_ms
        for group, (before, after) in enumerate(zip(self.shown, aspects, strict=True)):
            if before in _FULL or after in _FULL:
                self._full_end[group] = now
            if {before, after} & {*_FULL, Aspect.YIELD}:
                self._go_end[group] = now
            if after in GOES and before not in GOES:
                self._go_since[group] = now
            if before is not after:
                self._since[group] = now
        self.shown = tuple(aspects)

    def shown_ms(self, group: int) -> int:
        """Return for how long a group has shown what it shows."""
        return self.time_ms - self._since[group]

    def green_ms(self, group: int) -> int:
        """Return for how long a group has had green, yielding or not; 0: it has none."""
        return self.time_ms - self._go_since[group] if self.shown[group] in GOES else 0

    def waits_ms(self, group: int) -> int:
        """Return for how long a group has had no green; 0: it has."""
        return 0 if self.shown[group] in GOES else self.time_ms - self._go_end[group]

    def next_aspect(self, group: int, wanted: Aspect, others: Sequence[Aspect]) -> Aspect:
        """Return what a group shows next on its way to what its stage wants.

        Args:
            group: the group.
            wanted: GREEN, YIELD or RED.
            others: what all others will show from now on.
        """
        own, now = self._model.groups[group], self.shown[group]
        shown_ms = self.shown_ms(group)
        if now in GOES:
            if wanted is Aspect.RED:
                if self.green_ms(group) < own.min_green_ms:
                    return now
                return Aspect.YELLOW if own.yellow_ms else Aspect.RED
            if wanted is now or wanted is Aspect.YIELD:
                return wanted
            return wanted if self._clear(group, wanted, others, 0) else now
        if now is Aspect.YELLOW:
            return Aspect.RED if shown_ms >= own.yellow_ms else now
        if now is Aspect.RED_YELLOW:
            ready = wanted in GOES and shown_ms >= own.red_yellow_ms
            return wanted if ready and self._clear(group, wanted, others, 0) else now
        if now is not Aspect.RED or wanted not in GOES:
            return now
        if own.red_yellow_ms:
            clear = self._clear(group, wanted, others, own.red_yellow_ms)
            return Aspect.RED_YELLOW if clear else now
        return wanted if self._clear(group, wanted, others, 0) else now

    def _clear(self, group: int, to: Aspect, others: Sequence[Aspect], before_ms: int) -> bool:
        model = self._model
        for (ending, starting), needed_ms in model.intergreens.items():
            if starting != group:
                continue
            there = others[ending]
            cedes = to is Aspect.YIELD and (group, ending) in model.yields
            if cedes and there in GOES:
                continue  # it looks out for who goes; who has ended must have cleared
            gives_way = (ending, group) in model.yields
            meets = there in (Aspect.YIELD, Aspect.RED_YELLOW) and not gives_way
            if not cedes and (there is Aspect.GREEN or meets):
                return False
            if gives_way and there is Aspect.YIELD:
                now_full = self.shown[ending] is Aspect.GREEN
                cleared_ms = 0 if now_full else self.time_ms - self._full_end[ending]
            else:
                cleared_ms = 0 if self.shown[ending] in GOES else (
                    self.time_ms - self._go_end[ending]
                )  # fmt: skip
            if cleared_ms < needed_ms - before_ms:
                return False
        return True
