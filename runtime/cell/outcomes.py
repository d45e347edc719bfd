"""Outcomes as frames."""

from __future__ import annotations

from jacquemart.native import frames
from jacquemart.runtime.model.outcome import Outcome, Stages, Status

_STATUSES = {int(status): status for status in Status}


def outcome_frame(outcome: Outcome) -> bytes:
    """Encode an outcome."""
    stages = outcome.stages
    return frames.encode_outcome(
        frames.OutcomeFrame(
            outcome.id,
            outcome.device,
            outcome.point,
            outcome.status,
            outcome.reason,
            outcome.detail,
            outcome.value,
            stages.received,
            stages.dispatched,
            stages.acknowledged,
            stages.finished,
        )
    )


def outcome_in(frame: bytes) -> Outcome:
    """Decode an outcome; a status that only a later version knows is INDETERMINATE.

    Raises:
        MalformedFrame: it is none.
    """
    got = frames.decode_outcome(frame)
    return Outcome(
        got.id, got.device, got.point, _STATUSES.get(got.status, Status.INDETERMINATE), got.reason,
        got.detail, got.value,
        Stages(got.received_ns, got.dispatched_ns, got.acknowledged_ns, got.finished_ns),
    )  # fmt: skip
