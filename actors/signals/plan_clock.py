"""Where in its cycle a plan is, and when its next stage is due. Pure.

A coordinated plan follows a clock that all intersections share. One that is late (its stage was
held) runs stages as short as they may be until it is in step again; one that is early holds its
stage. Both are bounded by minimum and maximum greens, so it comes back within a few cycles.
"""

from __future__ import annotations

from jacquemart.actors.signals.model import Plan


def position_ms(plan: Plan, clock_ms: int) -> int:
    """Return where in its cycle a plan is when the coordination clock shows ``clock_ms``."""
    return (clock_ms - plan.offset_ms) % plan.cycle_ms


def step_at(plan: Plan, clock_ms: int) -> int:
    """Return the step that a plan should be in."""
    position = position_ms(plan, clock_ms)
    return max(at for at, step in enumerate(plan.steps) if step.start_ms <= position)


def until_next_ms(plan: Plan, at: int, after: int, clock_ms: int, spent_ms: int) -> int:
    """Return in how long the way to the next step is planned to begin; 0 or less: it is due.

    Args:
        plan: the plan.
        at: the step that it is in.
        after: the step that comes next; steps between them are left out.
        clock_ms: the coordination clock.
        spent_ms: since the way to this step began.
    """
    start, end = plan.steps[at].start_ms, plan.steps[after].start_ms
    planned = (end - start) % plan.cycle_ms or plan.cycle_ms
    if not plan.coordinated:
        return planned - spent_ms
    until = (end - position_ms(plan, clock_ms)) % plan.cycle_ms
    if until == 0 and spent_ms < planned // 2:
        # It is exactly the moment of the next step, and this one has only just begun: the
        # moment is that of this round, which has come too soon, or of the next.
        return planned if planned == plan.cycle_ms else 0
    if until <= planned:
        return until
    early_ms, late_ms = until - planned, plan.cycle_ms - until
    return until if early_ms <= late_ms else -late_ms
