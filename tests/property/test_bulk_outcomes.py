"""The outcomes of a bulk command, kept as columns, are those that its frame tells."""

from __future__ import annotations

import math
import struct
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.client import requests
from jacquemart.runtime.model.outcome import Outcome, Reason, Stages, Status
from jacquemart.runtime.wire import messages

rows = st.lists(
    st.tuples(
        st.text(min_size=1, max_size=5),
        st.integers(0, 9),
        st.one_of(st.just(math.nan), st.floats(allow_nan=False)),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1),
        st.one_of(st.none(), st.tuples(st.sampled_from(["busy", "rule"]), st.text(max_size=4))),
    ),
    max_size=8,
)


@given(rows)
def test_every_outcome_is_what_the_frame_tells(
    told: list[tuple[str, int, float, int, int, tuple[str, str] | None]],
) -> None:
    made = requests.bulk(
        "level", 1.0, zone="*", kind="*", device="*", unit="", priority=8, deadline_ns=1,
        principal="me", identity=bytes(16),
    )  # fmt: skip
    count = len(told)
    result = messages.BulkResult(
        made.id,
        [row[0] for row in told],
        bytes(row[1] for row in told),
        struct.pack(f"<{count}d", *(row[2] for row in told)),
        struct.pack(f"<{count}Q", *(row[3] for row in told)),
        struct.pack(f"<{count}Q", *(row[4] for row in told)),
        {at: row[5] for at, row in enumerate(told) if row[5] is not None},
    )
    wanted = [
        Outcome(
            made.id, device, "level", Status(code) if code <= 6 else Status.INDETERMINATE,
            *(why or (Reason.OK, "")), None if math.isnan(value) else value,
            Stages(0, dispatched, 0, finished),
        )
        for device, code, value, dispatched, finished, why in told
    ]  # fmt: skip
    found = requests.bulk_outcome(made, messages.encode_bulk_result(result), 0.5)
    assert list(found.outcomes) == wanted
    assert found.outcomes == wanted
    assert found.outcomes[1:3] == wanted[1:3]
    if wanted:
        assert found.outcomes[-1] == wanted[-1]
        assert found.outcomes != wanted[1:]
    assert found.counts() == Counter(outcome.status.name for outcome in wanted)
    assert list(found.exceptions()) == [outcome for outcome in wanted if not outcome.applied]
