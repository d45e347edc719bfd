"""When which group would have green, if stages followed each other as fast as they may. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jacquemart.actors.signals.interstage import Interstage, interstage
from jacquemart.actors.signals.model import Intersection


class Ways:
    """All interstages of an intersection, computed once each."""

    __slots__ = ("_known", "model")

    def __init__(self, model: Intersection) -> None:
        """Compute nothing yet."""
        self.model = model
        self._known: dict[tuple[int, int], Interstage] = {}

    def of(self, start: int, end: int) -> Interstage:
        """Return the way from one stage to another."""
        way = self._known.get((start, end))
        if way is None:
            way = self._known[start, end] = interstage(self.model, start, end)
        return way


def run_ahead(
    ways: Ways, stage: int, green_since: Mapping[int, int], first_ms: int, stages: Iterable[int]
) -> dict[int, int]:
    """Return when each group that has no green gets it, in ms from now.

    Args:
        ways: the interstages.
        stage: the stage that is left first.
        green_since: for each group that has green by then, since when (negative: ago).
        first_ms: the stage is left no sooner.
        stages: what follows, in order; each is left as soon as its minimum greens allow.
    """
    model = ways.model
    since = dict(green_since)
    found: dict[int, int] = {}
    ready = first_ms
    for after in stages:
        way = ways.of(stage, after)
        leave = ready
        for group in way.ends:
            leave = max(leave, since.get(group, ready) + model.groups[group].min_green_ms)
        for group, at in way.starts.items():
            if not model.stages[stage].goes(group):
                since[group] = leave + at
                found.setdefault(group, leave + at)
        ready = leave + way.length_ms
        stage = after
    return found


def keeps_ahead(
    ways: Ways, stage: int, green_since: Mapping[int, int], stages: Iterable[int]
) -> dict[int, int]:
    """Return for how long groups keep their green at least once ``stage`` is left, in ms.

    Args:
        ways: the interstages.
        stage: the stage that is left now; groups of it that end with that are not told.
        green_since: for each of its groups, since when (negative: ago).
        stages: what follows, in order; each is left as soon as its minimum greens allow.
    """
    model = ways.model
    kept = {g for g in range(len(model.groups)) if model.stages[stage].goes(g)}
    since = dict(green_since)
    found: dict[int, int] = {}
    ready, first = 0, True
    for after in stages:
        way = ways.of(stage, after)
        leave = ready
        if not first:  # it is left now, whatever its minimum greens say: those are asked elsewhere
            for group in way.ends:
                leave = max(leave, since.get(group, ready) + model.groups[group].min_green_ms)
        for group in kept.intersection(way.ends):
            if not first:
                found[group] = leave
        kept -= set(way.ends)
        if not kept:
            break
        for group, at in way.starts.items():
            if not model.stages[stage].goes(group):
                since[group] = leave + at
        ready, stage, first = leave + way.length_ms, after, False
    return found
