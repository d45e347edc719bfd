"""What a read-back says about a write.

*Theory.* An acknowledgement proves that a device understood, not that the world changed. Only
the feedback point does: APPLIED is reported when a value read *after* the write lies within
the point's tolerance. A lamp ramps, so a value that is still under way is no failure until the
settle time is over. A write that got no acknowledgement may be proven by its read-back, but
never disproven: it may still take effect, so it ends INDETERMINATE.
"""

from __future__ import annotations

from dataclasses import dataclass

from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality

#: The first look comes right after the acknowledgement; pause before the second, and growth.
SECOND_LOOK_NS = 20_000_000
LOOK_GROWTH = 4.0
LONGEST_LOOK_NS = 400_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a write, as far as the field tells it."""

    status: Status
    reason: str
    detail: str = ""


def judge(
    target: float,
    tolerance: float,
    value: float,
    quality: int,
    *,
    settled: bool,
    acknowledged: bool,
) -> Verdict | None:
    """Judge one read-back; None means: look again.

    Args:
        target: the value that was written, in the point's unit.
        tolerance: largest difference that counts as equal; 0 allows rounding noise only.
        value: what the feedback point shows now.
        quality: quality byte of that value.
        settled: whether the settle time is over.
        acknowledged: whether the device acknowledged the write.
    """
    usable = quality < Quality.STALE_AGE
    there = usable and abs(value - target) <= tolerance + 1e-9 * max(1.0, abs(target))
    # Without an acknowledgement, a value that is there may be one on its way to somewhere else
    # (a lamp that still ramps to an older setpoint): only one that stays proves the write.
    if there and (acknowledged or settled):
        return Verdict(Status.APPLIED, Reason.OK)
    if not settled:
        return None
    if not usable:
        text = Quality.from_code(quality).text
        if acknowledged:
            return Verdict(Status.INDETERMINATE, Reason.NO_READBACK, f"feedback is {text}")
        detail = f"no acknowledgement, and feedback is {text}"
        return Verdict(Status.INDETERMINATE, Reason.NO_ANSWER, detail)
    if acknowledged:
        return Verdict(Status.FAILED, Reason.NOT_FOLLOWING, f"feedback shows {value:g}")
    return Verdict(
        Status.INDETERMINATE,
        Reason.NO_ANSWER,
        f"no acknowledgement; feedback shows {value:g}",
    )


def next_look_ns(previous_ns: int) -> int:
    """Return the pause before the next look, given the one before (0: only one look so far)."""
    if previous_ns <= 0:
        return SECOND_LOOK_NS
    return min(int(previous_ns * LOOK_GROWTH), LONGEST_LOOK_NS)
