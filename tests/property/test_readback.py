"""APPLIED is said only when the feedback shows it; unknown is never called failed."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.kernel.readback import LONGEST_LOOK_NS, judge, next_look_ns
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.quality import Quality

VALUES = st.floats(-1e6, 1e6)
QUALITIES = st.sampled_from(list(Quality))


@given(VALUES, st.floats(0, 10), VALUES, QUALITIES, st.booleans(), st.booleans())
def test_applied_means_that_a_usable_feedback_lies_within_tolerance(
    target: float, tolerance: float, value: float, quality: Quality, settled: bool, ack: bool
) -> None:
    verdict = judge(target, tolerance, value, quality, settled=settled, acknowledged=ack)
    close = abs(value - target) <= tolerance + 1e-9 * max(1.0, abs(target))
    if verdict is None:
        assert not settled
        assert not (close and quality.usable and ack)
    elif verdict.status is Status.APPLIED:
        assert close
        assert quality.usable
    elif verdict.status is Status.FAILED:
        assert settled
        assert ack
        assert quality.usable
    else:
        assert verdict.status is Status.INDETERMINATE
        assert settled
        assert not (ack and quality.usable)


@given(VALUES, VALUES, st.booleans())
def test_a_write_without_acknowledgement_is_never_called_failed(
    target: float, value: float, settled: bool
) -> None:
    verdict = judge(target, 0.5, value, Quality.GOOD, settled=settled, acknowledged=False)
    assert verdict is None or verdict.status in (Status.APPLIED, Status.INDETERMINATE)


def test_nan_is_never_applied() -> None:
    for settled in (False, True):
        verdict = judge(1.0, 1.0, math.nan, Quality.GOOD, settled=settled, acknowledged=True)
        assert verdict is None or verdict.status is not Status.APPLIED


def test_looks_come_less_and_less_often_up_to_a_bound() -> None:
    pause = 0
    pauses = []
    for _ in range(12):
        pause = next_look_ns(pause)
        pauses.append(pause)
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_LOOK_NS
