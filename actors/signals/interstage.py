"""The way from one stage to another, computed from intergreens, yellow and red-yellow. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from jacquemart.actors.signals.model import Aspect, Intersection, Stage

GOES = (Aspect.GREEN, Aspect.YIELD)


@dataclass(frozen=True, slots=True)
class Interstage:
    """What happens between two stages, in ms from the end of the first one's greens.

    Attributes:
        length_ms: until everything shows what it shows in the second stage.
        starts: when each group that gets green (or full green instead of yielding) does.
        ends: the groups whose green ends at 0.
        steps: (when, aspects of all groups), in order; the first at 0, the last is the stage.
    """

    length_ms: int
    starts: dict[int, int]
    ends: tuple[int, ...]
    steps: tuple[tuple[int, tuple[Aspect, ...]], ...]


def begins(before: Aspect, after: Aspect) -> bool:
    """Return whether a group starts green, or full green, between two stages."""
    return after in GOES and before is not after and not (
        before is Aspect.GREEN and after is Aspect.YIELD
    )  # fmt: skip


def ends_for(model: Intersection, group: int, other: int, before: Stage, after: Stage) -> bool:
    """Return whether ``other`` must clear before ``group`` may have what it has in ``after``.

    Whoever ends must, also for a group that starts giving way to it. Of those that go on, a group
    that gives way to them does not wait for them, and no group for those that give way to it but
    where they had full green before.
    """
    if (other, group) not in model.intergreens or not before.goes(other):
        return False
    if not after.goes(other):
        return True
    if after.aspects[group] is Aspect.YIELD and (group, other) in model.yields:
        return False
    return before.aspects[other] is Aspect.GREEN and after.aspects[other] is Aspect.YIELD


def interstage(model: Intersection, start: int, end: int) -> Interstage:
    """Return the way from stage ``start``, fully shown for long enough, to stage ``end``."""
    before, after = model.stages[start], model.stages[end]
    groups = range(len(model.groups))
    ends = tuple(group for group in groups if before.goes(group) and not after.goes(group))
    starts = {}
    for group in groups:
        if not begins(before.aspects[group], after.aspects[group]):
            continue
        wait = 0 if before.goes(group) else model.groups[group].red_yellow_ms
        for other in groups:
            if ends_for(model, group, other, before, after):
                wait = max(wait, model.intergreens[other, group])
        starts[group] = wait
    yellow = max((model.groups[group].yellow_ms for group in ends), default=0)
    length = max(yellow, *starts.values(), 0) if starts else yellow
    moments = {0, length, *starts.values()}
    moments |= {model.groups[group].yellow_ms for group in ends}
    moments |= {
        at - model.groups[group].red_yellow_ms
        for group, at in starts.items()
        if not before.goes(group)
    }
    steps = tuple(
        (at, tuple(_shown(model, group, at, before, after, starts) for group in groups))
        for at in sorted(moments)
    )
    return Interstage(length, starts, ends, steps)


def _shown(
    model: Intersection, group: int, at: int, before: Stage, after: Stage, starts: dict[int, int]
) -> Aspect:
    was, will = before.aspects[group], after.aspects[group]
    if group in starts:
        if at >= starts[group]:
            return will
        about = not before.goes(group) and at >= starts[group] - model.groups[group].red_yellow_ms
        return Aspect.RED_YELLOW if about else was
    if before.goes(group) and not after.goes(group):
        return Aspect.YELLOW if at < model.groups[group].yellow_ms else Aspect.RED
    return will
