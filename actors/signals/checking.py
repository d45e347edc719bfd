"""What is wrong with a signal model: matrices, stages and plans, looked at together. Pure.

A plan is run through on paper, twice round: whatever it would break is told with the two groups,
the seconds found and those needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from jacquemart.actors.signals.interstage import interstage
from jacquemart.actors.signals.model import LONGEST_WAIT_MS, Aspect, Intersection, Plan, Use


class Problem(NamedTuple):
    """One thing that is wrong: the keys that lead to it, what was found, and what is allowed."""

    path: tuple[str | int, ...]
    found: str
    allowed: str


def seconds(ms: int) -> str:
    """Return a time as people read it."""
    return f"{ms / 1e3:g} s"


def problems(model: Intersection) -> list[Problem]:
    """Return all that is wrong with a model; plans only once matrices and stages are right."""
    found = [*_matrices(model), *_stages(model)]
    if not found:
        for plan in model.plans:
            found += _plan(model, plan)
    return found


def _matrices(model: Intersection) -> Iterator[Problem]:
    names = [group.name for group in model.groups]
    for (ending, starting), gap in sorted(model.intergreens.items()):
        one, other = names[ending], names[starting]
        path = ("intergreens", one, other)
        if ending == starting:
            yield Problem(path, f"{one} against itself", "two different groups")
            continue
        if (starting, ending) not in model.intergreens:
            yield Problem(
                ("intergreens", other), f"no time from {other} to {one}",
                f"one for each direction: from {one} to {other} there is one",
            )  # fmt: skip
        clearance = model.groups[ending].clearance_ms
        if gap < clearance:
            yield Problem(
                path, f"{seconds(gap)} from {one} to {other}",
                f"at least {seconds(clearance)}: so long {one} takes to clear",
            )  # fmt: skip
        before = model.groups[starting].red_yellow_ms
        if gap < before:
            yield Problem(
                path, f"{seconds(gap)} from {one} to {other}",
                f"at least {seconds(before)}: so long {other} shows red-yellow",
            )  # fmt: skip
    for one_at, other_at in sorted(model.yields):
        if (one_at, other_at) not in model.intergreens:
            yield Problem(
                ("yields", names[one_at]), names[other_at], "a group that it conflicts with"
            )
    for group in model.groups:
        own = ("groups", group.name)
        if group.max_green_ms < group.min_green_ms:
            yield Problem(
                (*own, "max_green_s"), seconds(group.max_green_ms),
                f"at least the minimum green, {seconds(group.min_green_ms)}",
            )  # fmt: skip
        if group.use is Use.PEDESTRIAN and group.yellow_ms:
            yield Problem((*own, "yellow_s"), seconds(group.yellow_ms), "0 for pedestrians")
        if group.use is not Use.PEDESTRIAN and group.clearance_ms:
            yield Problem(
                (*own, "clearance_s"), seconds(group.clearance_ms), "0 for others than pedestrians"
            )  # fmt: skip
        if group.use is Use.VEHICLE and not group.yellow_ms:
            yield Problem((*own, "yellow_s"), "0 s", "a yellow for vehicles")


def _stages(model: Intersection) -> Iterator[Problem]:
    names = [group.name for group in model.groups]
    for stage in model.stages:
        for one, other in sorted(model.intergreens):
            if one > other or not (stage.goes(one) and stage.goes(other)):
                continue
            gives_way = any(
                stage.aspects[who] is Aspect.YIELD and (who, whom) in model.yields
                for who, whom in ((one, other), (other, one))
            )
            if not gives_way:
                gap = max(model.intergreens[one, other], model.intergreens[other, one])
                yield Problem(
                    ("stages", stage.name),
                    f"green for {names[one]} and {names[other]} at once (0 s apart)",
                    f"groups that do not conflict: these need {seconds(gap)} between them",
                )  # fmt: skip
        for group, aspect in enumerate(stage.aspects):
            if aspect is Aspect.YIELD and not any(who == group for who, _ in model.yields):
                yield Problem(
                    ("stages", stage.name), f"yielding green for {names[group]}",
                    "green, or a group in yields that it gives way to",
                )  # fmt: skip


def _plan(model: Intersection, plan: Plan) -> list[Problem]:
    path = ("plans", plan.name)
    found = []
    starts = [step.start_ms for step in plan.steps]
    if not starts or starts[0] != 0 or sorted(set(starts)) != starts or starts[-1] >= plan.cycle_ms:
        told = ", ".join(map(seconds, starts)) or "none"
        allowed = "the first at 0, each later than the one before, all within the cycle"
        return [Problem((*path, "steps"), f"steps at {told}", allowed)]
    if not 0 <= plan.offset_ms < plan.cycle_ms:
        found.append(Problem((*path, "offset_s"), seconds(plan.offset_ms), "0 to the cycle"))
    for group, own in enumerate(model.groups):
        served = any(model.stages[step.stage].goes(group) for step in plan.steps)
        if not served:
            found.append(
                Problem((*path, "steps"), f"no green for {own.name}", "some for each group")
            )
    return found or _rounds(model, plan)


def _rounds(model: Intersection, plan: Plan) -> list[Problem]:
    """Run a plan through twice, as it is declared."""
    names = [group.name for group in model.groups]
    stage = model.stages[plan.steps[-1].stage]
    begun = {group: -plan.cycle_ms * 9 for group in range(len(names)) if stage.goes(group)}
    full_end: dict[int, int] = {}
    go_end: dict[int, int] = {}
    found: dict[tuple[object, ...], Problem] = {}
    before, index = stage, plan.steps[-1].stage
    for turn in range(2 * len(plan.steps)):
        at = turn % len(plan.steps)
        step = plan.steps[at]
        now = step.start_ms + turn // len(plan.steps) * plan.cycle_ms
        after, way = model.stages[step.stage], interstage(model, index, step.stage)
        path = ("plans", plan.name, "steps", at)
        length = plan.duration_ms(at)
        if way.length_ms > length:
            found.setdefault((at, "length"), Problem(
                path, f"{seconds(length)} for {after.name}",
                f"at least {seconds(way.length_ms)}: so long the way from {before.name} takes",
            ))  # fmt: skip
        for group in range(len(names)):
            own = model.groups[group]
            if before.aspects[group] is Aspect.GREEN and after.aspects[group] is not Aspect.GREEN:
                full_end[group] = now
            if before.goes(group) and not after.goes(group):
                go_end[group] = now
                green = now - begun.pop(group)
                if green < own.min_green_ms:
                    found.setdefault((group, "min"), Problem(
                        path, f"{seconds(green)} of green for {own.name} before {after.name}",
                        f"at least its minimum green, {seconds(own.min_green_ms)}"))  # fmt: skip
                if green > own.max_green_ms and green < 9 * plan.cycle_ms:
                    found.setdefault((group, "max"), Problem(
                        path, f"{seconds(green)} of green for {own.name} before {after.name}",
                        f"at most its maximum green, {seconds(own.max_green_ms)}"))  # fmt: skip
        for group, offset in way.starts.items():
            start = now + offset
            for other in range(len(names)):
                if (other, group) not in model.intergreens:
                    continue
                goes = after.goes(other) and (
                    before.goes(other) or way.starts.get(other, now + offset) <= offset
                )
                if goes and after.aspects[group] is Aspect.YIELD and (group, other) in model.yields:
                    continue
                gives_way = goes and after.aspects[other] is Aspect.YIELD
                ends = full_end if gives_way and (other, group) in model.yields else go_end
                ended = ends.get(other, -LONGEST_WAIT_MS)
                gap, needed = now + offset - ended, model.intergreens[other, group]
                if ended + needed <= now + way.length_ms:
                    # Who ended before the last stage may still clear. The controller waits for
                    # that, and the stage is there all the same when its way is over.
                    start = max(start, ended + needed)
                else:
                    found.setdefault((other, group), Problem(
                        path, f"{seconds(gap)} from {names[other]} to {names[group]}",
                        f"at least its intergreen, {seconds(needed)}"))  # fmt: skip
            if not before.goes(group):
                begun[group] = start
                wait = start - go_end.get(group, start)
                if wait > LONGEST_WAIT_MS:
                    found.setdefault((group, "wait"), Problem(
                        path, f"{seconds(wait)} of red for {names[group]} before {after.name}",
                        f"at most {seconds(LONGEST_WAIT_MS)}"))  # fmt: skip
        before, index = after, step.stage
    return list(found.values())
