"""Outcomes as frames."""

from __future__ import annotations

from jacquemart.native import frames
from jacquemart.runtime.model.outcome import Outcome


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
