"""Ended commands in little memory are the same as in a dictionary, and leave by their deadlines."""

from __future__ import annotations

import gc
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.kernel.command_window import CommandWindow
from jacquemart.runtime.kernel.ended_commands import SPAN_NS, Ended, EndedCommands, Key

#: What a zone keeps for one command: both strings, their places and the order, in bytes.
MOST_BYTES_EACH = 340

IDS = st.binary(min_size=1, max_size=16)
KEYS = st.tuples(st.sampled_from(["ann", "bob", "é\udc80", ""]), IDS)
ENDS = st.builds(
    Ended, st.integers(0, 20 * SPAN_NS), st.binary(max_size=16), st.binary(max_size=40)
)


@given(
    st.lists(st.tuples(st.sampled_from(["put", "put", "drop", "pop", "shift"]), KEYS, ENDS)),
    st.integers(0, 20 * SPAN_NS),
)
@settings(max_examples=150, deadline=None)
def test_they_are_what_a_dictionary_would_have(
    steps: list[tuple[str, Key, Ended]], now_ns: int
) -> None:
    kept, naive = EndedCommands(), dict[Key, Ended]()
    for what, key, ended in steps:
        if what == "put":
            kept[key] = naive[key] = ended
        elif what == "pop":
            assert kept.pop(key, None) == naive.pop(key, None)
        elif what == "shift":
            kept = kept.shifted(-SPAN_NS)
            naive = {
                key: ended._replace(deadline_ns=max(0, ended.deadline_ns - SPAN_NS))
                for key, ended in naive.items()
            }
        elif kept.due(now_ns):
            before = dict(naive)
            kept.drop_first()
            gone = naive.keys() - kept
            assert len(gone) <= 1
            for one in gone:
                assert before[one].deadline_ns <= now_ns, "nothing leaves before its deadline"
                earlier = [e for e in before.values() if e.deadline_ns < before[one].deadline_ns]
                assert all(before[one].deadline_ns - e.deadline_ns < SPAN_NS for e in earlier)
                del naive[one]
        assert dict(kept.rows()[1]) == naive
        assert len(kept) == len(naive)
        assert (key in kept) == (key in naive)
        assert kept.get(key) == naive.get(key)
    over = now_ns + SPAN_NS
    while kept.due(over):
        kept.drop_first()
    assert all(ended.deadline_ns > now_ns for _, ended in kept.rows()[1]), "what is over leaves"


def test_fifty_thousand_commands_a_zone_are_kept_in_bounded_memory() -> None:
    """Plain tuples took 566 bytes each, which is 0.7 GB for the zones of a large city."""
    count = 4_096  # the dictionary is not just before it grows
    window = CommandWindow()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(count):
            now = 10**15 + number * 10**8
            body = {
                "id": number.to_bytes(16, "big"), "principal": f"desk {number % 3}",
                "device": f"dij-c{number % 630:03d}-l{number % 60:02d}", "verb": "set",
                "point": "setpoint", "value": 80.0, "unit": "", "priority": 8,
                "deadline_ns": now + 10**10, "boot_ns": now,
            }  # fmt: skip
            window.accept(body)
            window.end({**body, "status": 0, "value": 80.0, "stages": [now, now, now, now]})
        del body
        gc.collect()
        each = (tracemalloc.get_traced_memory()[0] - before) / count
    finally:
        tracemalloc.stop()
    assert len(window.ended) == count
    assert each < MOST_BYTES_EACH
