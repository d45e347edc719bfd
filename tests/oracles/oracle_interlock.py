"""The interlock of traffic signals in plain Python, as its rules read: the native one's oracle.

It keeps all that was ever shown and searches it; nothing is kept in timers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

DARK, RED, RED_YELLOW, GREEN, YIELD, YELLOW, FLASH = range(7)
UNSEEN = 255
GOES = (GREEN, YIELD)
NO_SIGNAL = (DARK, FLASH)


class OracleInterlock:
    """Says yes exactly when each rule says yes."""

    def __init__(
        self,
        *,
        intergreen: Sequence[Sequence[int | None]],
        yields: Sequence[Collection[int]],
        min_green: Sequence[int],
        yellow: Sequence[int],
        red_yellow: Sequence[int],
        in_flash: Sequence[int],
        start_red: int,
        longest_step: int,
    ) -> None:
        self.intergreen, self.yields = intergreen, yields
        self.min_green, self.yellow, self.red_yellow = min_green, yellow, red_yellow
        self.fallback = bytes(in_flash)
        self.start_red, self.longest_step = start_red, longest_step
        self.count = len(in_flash)
        self.groups = range(self.count)
        self.time = self.clock = 0
        self.told: list[list[tuple[int, int]]] = [[] for _ in self.groups]
        """For each group: since when (in time that was believed) it showed what."""
        self.started = False

    # What was shown ------------------------------------------------------------------------

    def believed(self, now: int) -> int:
        step = now - self.clock
        return self.time + (step if 0 <= step <= self.longest_step else 0)

    def since(self, group: int, aspects: Collection[int], time: int) -> int:
        """Return for how long it has shown one of these, without a pause."""
        begun = time
        for start, aspect in reversed(self.told[group]):
            if aspect not in aspects:
                break
            begun = start
        return time - begun

    def ended(self, group: int, aspects: Collection[int], time: int) -> int:
        """Return for how long it has not shown any of these; nobody knows what it did unseen."""
        end = time
        for start, aspect in reversed(self.told[group]):
            if aspect in aspects or aspect == UNSEEN:
                return time - end
            end = start
        return time - end

    def with_seen(self, seen: Sequence[int], time: int) -> list[list[tuple[int, int]]]:
        told = [list(of) for of in self.told]
        for group in self.groups:
            last = told[group][-1][1] if told[group] else UNSEEN
            if seen[group] != last:
                told[group] += [(time, UNSEEN), (time, seen[group])]
        return told

    # Rules ---------------------------------------------------------------------------------

    def look(self, proposed: object, now: object, seen: object = None) -> bool:
        if type(proposed) is not bytes or len(proposed) != self.count or type(now) is not int:
            return False
        if not -(2**63) <= now < 2**63 or any(aspect > FLASH for aspect in proposed):
            return False
        if proposed in (self.fallback, bytes(self.count)):
            return True
        if any(aspect in NO_SIGNAL for aspect in proposed):
            return False
        shown = self.shown if seen is None else seen
        if self.shown is None or type(shown) is not bytes or len(shown) != self.count:
            return False
        if any(aspect > FLASH for aspect in shown):
            return False
        time = self.believed(now)
        wrote = self.shown
        kept, self.told = self.told, self.with_seen(shown, time)
        try:
            return self._may_start(shown, proposed, time) and all(
                self._may_step(group, shown[group], proposed[group], time)
                and self._may_step(group, wrote[group], proposed[group], time)
                and self._may_go(group, shown, proposed, time, shown[group] != wrote[group])
                for group in self.groups
            )
        finally:
            self.told = kept

    @property
    def shown(self) -> bytes | None:
        return bytes(of[-1][1] for of in self.told) if self.told[0] else None

    def _may_start(self, shown: bytes, proposed: bytes, time: int) -> bool:
        """After flashing or dark, all must have been red for a while before anything else."""
        active = any(aspect in (*GOES, RED_YELLOW) for aspect in proposed)
        if not active or (self.started and not any(aspect in NO_SIGNAL for aspect in shown)):
            return True
        red = min(self.since(group, (RED,), time) for group in self.groups)
        return all(aspect == RED for aspect in shown) and (
            red >= self.start_red
            and not any(self.told[group][-2:-1] == [(time, UNSEEN)] for group in self.groups)
        )

    def _may_step(self, group: int, a: int, b: int, time: int) -> bool:
        after_go = YELLOW if self.yellow[group] else RED
        if a == b or (a in GOES and b in GOES):
            return True
        if a in NO_SIGNAL:
            return b == after_go
        if a in GOES:
            return b == after_go and self.since(group, GOES, time) >= self.min_green[group]
        if a == YELLOW:
            return b == RED and self.since(group, (YELLOW,), time) >= self.yellow[group]
        if a == RED_YELLOW:
            return b in GOES and self.since(group, (RED_YELLOW,), time) >= self.red_yellow[group]
        return b == RED_YELLOW if self.red_yellow[group] else b in GOES

    def _may_go(self, group: int, shown: bytes, proposed: bytes, time: int, unsure: bool) -> bool:
        b = proposed[group]
        if b not in (*GOES, RED_YELLOW):
            return True
        return all(
            self._may_meet(group, b, other, proposed[other])
            and (
                not (unsure or _begins(shown[group], b))
                or (b != GREEN and other in self.yields[group] and proposed[other] in GOES)
                or self._has_cleared(group, b, other, proposed[other], time)
            )
            for other in self.groups
            if self.intergreen[group][other] is not None
        )

    def _may_meet(self, one: int, a: int, other: int, b: int) -> bool:
        """Two that conflict: one gives way, or still may, or one of them has neither green."""
        if b not in (*GOES, RED_YELLOW):
            return True
        gives_way = (YIELD,) if a in GOES and b in GOES else (YIELD, RED_YELLOW)
        one_yields = other in self.yields[one] and a in gives_way
        other_yields = one in self.yields[other] and b in gives_way
        return one_yields or other_yields

    def _has_cleared(self, group: int, b: int, other: int, there: int, time: int) -> bool:
        """Of one that goes on giving way the full green counts; of any other, every green."""
        needed = self.intergreen[other][group]
        assert needed is not None
        if b == RED_YELLOW:
            needed -= self.red_yellow[group]
        full = (GREEN, *NO_SIGNAL)
        gives_way = there in GOES and group in self.yields[other]
        ends = full if gives_way else (*full, YIELD)
        return self.ended(other, ends, time) >= needed

    # What is written -----------------------------------------------------------------------

    def write(self, proposed: object, now: object, seen: object = None) -> bytes:
        allowed = self.look(proposed, now, seen)
        out = proposed if allowed and isinstance(proposed, bytes) else self.fallback
        if type(now) is not int or not -(2**63) <= now < 2**63:
            now = self.clock
        time = self.believed(now)
        shown = self.shown if seen is None else seen
        if type(shown) is not bytes or len(shown) != self.count:
            shown = bytes([UNSEEN] * self.count)
        self.told = self.with_seen(shown, time)
        if any(aspect in NO_SIGNAL for aspect in (*shown, *out)):
            self.started = False
        elif any(aspect in (*GOES, RED_YELLOW) for aspect in out):
            self.started = True
        for group in self.groups:
            if not self.told[group] or self.told[group][-1][1] != out[group]:
                self.told[group].append((time, out[group]))
        self.time, self.clock = time, now
        return out


def _begins(a: int, b: int) -> bool:
    return not (a == b or (b == YIELD and a in GOES))
