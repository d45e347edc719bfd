"""The judge of bench/faults.py finds what it is there to find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from faults_judge import END_AFTER_NS, Sent, Written, judge, percentile


def sent(value: int, status: str = "APPLIED", **more: Any) -> Sent:
    return Sent(0, value, 0, 1_000, 500, status, **more)


def test_a_command_that_was_applied_once_in_time_is_nobodys_fault() -> None:
    found = judge([sent(1)], [Written(100, 0, 1)])
    assert (found.accepted, found.applied) == (1, 1)
    faults = ("lost", "applied_twice", "refused_but_applied", "late", "unfinished")
    assert not any(getattr(found, name) for name in faults)


def test_each_kind_of_lie_is_counted() -> None:
    assert judge([sent(1)], []).lost == 1
    assert judge([sent(1, "")], []).lost == 1
    assert judge([sent(1, "")], []).unfinished == 1
    twice = [Written(1, 0, 1), Written(2, 0, 2), Written(3, 0, 1)]
    assert judge([sent(1), sent(2)], twice).applied_twice == 1
    assert judge([sent(1)], [Written(1_001, 0, 1)]).late == 1
    refused = sent(1, "REJECTED", accepted=False)
    found = judge([refused], [Written(1, 0, 1)])
    assert (found.accepted, found.refused_but_applied) == (0, 1)
    slow = replace(sent(1), end_ns=1_000 + END_AFTER_NS + 1)
    assert judge([slow], [Written(1, 0, 1)]).unfinished == 1
    assert judge([sent(1)], [Written(1, 1, 1)]).lost == 1


def test_a_share_of_few_values_is_one_of_them() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
