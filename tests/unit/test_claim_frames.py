"""Claims on the wire."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jacquemart.runtime.model.errors import FrameError
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.messages import ClaimCommand

CLAIM = ClaimCommand(
    bytes(16), "alice", "lamp-1", "hold", "setpoint", 40.0, "%", 8, 10**12, 0, 60_000, -1, "works"
)


def test_a_claim_comes_back_as_it_was_sent() -> None:
    assert messages.decode_claim(messages.encode_claim(CLAIM)) == CLAIM


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", b"short"), ("verb", "set"), ("priority", 0), ("priority", 17), ("lease_ms", -1),
        ("grace_ms", -2), ("why", "w" * 256), ("deadline_ns", -1), ("value", b"bytes"),
        ("principal", 3),
    ],
)  # fmt: skip
def test_a_claim_that_breaks_the_protocol_is_refused(field: str, value: object) -> None:
    with pytest.raises(FrameError):
        messages.decode_claim(messages.encode_claim(replace(CLAIM, **{field: value})))  # type: ignore[arg-type]
