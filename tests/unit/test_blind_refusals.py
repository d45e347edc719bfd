"""A repeated command is not ended by a refusal of who may not know that it came before."""

from __future__ import annotations

import pytest

from jacquemart.native import frames
from jacquemart.runtime.client.requests import GatewayProbe
from jacquemart.runtime.model.outcome import Status


def answer(status: Status, reason: str) -> bytes:
    return frames.encode_outcome(
        frames.OutcomeFrame(
            bytes(16), "lamp-1", "level", status, reason, "the journal has moved", None, 1, 0, 0, 2
        )
    )


@pytest.mark.parametrize("reason", ["cell_lost", "journal", "moved"])
def test_a_refusal_of_who_cannot_know_is_no_end_of_what_was_sent_before(reason: str) -> None:
    assert not GatewayProbe(1).is_final(answer(Status.REJECTED, reason))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.REJECTED, "held"), (Status.REJECTED, "duplicate_id"),
        (Status.INDETERMINATE, "cell_lost"), (Status.APPLIED, "ok"), (Status.EXPIRED, "deadline"),
    ],
)  # fmt: skip
def test_every_other_outcome_is_an_end(status: Status, reason: str) -> None:
    assert GatewayProbe(1).is_final(answer(status, reason))
