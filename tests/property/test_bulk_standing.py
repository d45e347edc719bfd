"""What stands in a zone after a bulk command: as if each device had been looked at alone."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.kernel.journal_clock import JournalClock
from jacquemart.runtime.kernel.zone_standing import BULK_LASTS_NS, Setpoint, Standing
from jacquemart.runtime.model.claim import HOLD, LOCKOUT, Claim
from jacquemart.runtime.model.outcome import Status

DEVICES = [f"lamp-{n}" for n in range(6)]
NOW_NS = 10**18
TIMES = st.sampled_from([NOW_NS - 50, NOW_NS - 5, NOW_NS, NOW_NS + 5])
CLAIMS = st.builds(
    lambda verb, device, point, slot, owner, since: Claim(
        verb, device, point if verb == HOLD else "", slot, 3.0, owner, "", 0, -1, bytes(16),
        since, 0, 1,
    ),
    st.sampled_from([HOLD, HOLD, HOLD, LOCKOUT]), st.sampled_from(DEVICES),
    st.sampled_from(["level", "other"]), st.sampled_from([5, 8, 12]),
    st.sampled_from(["ada", "bob"]), TIMES,
)  # fmt: skip
SETPOINTS = st.dictionaries(
    st.tuples(st.sampled_from(DEVICES), st.sampled_from(["level", "other"])),
    st.builds(Setpoint, st.just(1.0), st.just("bob"), st.just(8), TIMES),
    max_size=6,
)
ENDS = st.lists(
    st.tuples(
        st.sampled_from(DEVICES), st.sampled_from([0, 0, 0, 1, 2, 3, 200]),
        st.sampled_from([10**12, 10**12 - 3, 10**12 - 20, 10**12 - BULK_LASTS_NS - 1]),
    ),
    unique_by=lambda row: row[0], max_size=6,
)  # fmt: skip


def standing(claims: Sequence[Claim], setpoints: dict[tuple[str, str], Setpoint]) -> Standing:
    found = Standing(JournalClock())
    for claim in claims:
        found.claims.setdefault(claim.device, []).append(claim)
    found.setpoints = dict(setpoints)
    found.points_of("lamp-0")  # makes an index, which must go when a point is set anew
    return found


def one_by_one(found: Standing, accepted: dict[str, Any], ended: dict[str, Any]) -> None:
    """Look at each device alone."""
    times = struct.unpack(f"<{len(ended['finished_ns']) // 8}Q", ended["finished_ns"])
    for at, device in enumerate(ended["devices"]):
        ago = max(times) - times[at] if times else 0
        then_ns = NOW_NS - (ago if ago <= BULK_LASTS_NS else 0)
        place = (device, accepted["point"])
        known = found.setpoints.get(place)
        if ended["statuses"][at] != Status.APPLIED:
            continue
        if known is not None and then_ns < known.wall_ns <= NOW_NS:
            continue
        value = accepted["value"]
        if not found._of_a_hold(place, accepted, value, then_ns):
            found._set(place, Setpoint(value, "ada", accepted["priority"], then_ns), NOW_NS)


@given(st.lists(CLAIMS, max_size=5), SETPOINTS, ENDS, st.sampled_from([4, 8, 16]), st.booleans())
def test_many_devices_at_once_leave_what_each_leaves_alone(
    claims: list[Claim], setpoints: dict[tuple[str, str], Setpoint],
    ends: list[tuple[str, int, int]], priority: int, old: bool,
) -> None:  # fmt: skip
    accepted = {"principal": "ada", "point": "level", "value": 7.0, "priority": priority}
    ended = {
        "devices": [row[0] for row in ends],
        "statuses": bytes(row[1] for row in ends),
        "finished_ns": b"" if old else struct.pack(f"<{len(ends)}Q", *(row[2] for row in ends)),
    }
    many, each = standing(claims, setpoints), standing(claims, setpoints)
    many.bulk_ended(accepted, ended, NOW_NS)
    one_by_one(each, accepted, ended)
    assert many.setpoints == each.setpoints
    assert (many.claims, many.above) == (each.claims, each.above)
    for device in DEVICES:
        assert many.points_of(device) == each.points_of(device)
