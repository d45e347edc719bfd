"""Instruction budgets: when a count is over, what is said, and what is never passed over."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from measuring.budgets import judge, renewed  # noqa: E402 - after the path
from measuring.hot_paths import PATHS  # noqa: E402

WITH = {"machine": "x86_64", "python": "3.11.7", "compiler": "gcc 12", "pyzmq": "27.1.0"}
COUNTS = {"frames.decode": 1_000, "pump.send": 2_000}
KEPT = {"margin": 0.03, "budgets": [{"versions": WITH, "paths": COUNTS}]}
SOCKETS = {"frames.decode": False, "pump.send": True}


@pytest.mark.parametrize(("count", "over"), [(1_000, False), (1_030, False), (1_031, True)])
def test_a_path_is_over_its_budget_when_it_takes_more_than_the_margin_allows(
    count: int, over: bool
) -> None:
    verdict = judge({"frames.decode": count, "pump.send": 2_000}, KEPT, WITH, SOCKETS)
    assert bool(verdict.faults) is over
    assert all("1,031 instructions, allowed: 1,000 and 3% (+3.1%)" in f for f in verdict.faults)


def test_a_path_that_became_much_cheaper_is_told_and_no_fault() -> None:
    verdict = judge({"frames.decode": 899, "pump.send": 2_000}, KEPT, WITH, SOCKETS)
    assert not verdict.faults
    (note,) = verdict.notes
    assert note.startswith("frames.decode: 899 instructions of 1,000; --renew")


def test_a_path_without_a_budget_and_a_budget_without_a_path_are_faults() -> None:
    verdict = judge({"frames.decode": 1_000, "new": 1}, KEPT, WITH, {"frames.decode": False})
    assert [fault.partition(":")[0] for fault in verdict.faults] == ["new", "pump.send"]


def test_with_another_pyzmq_paths_with_sockets_are_not_judged_and_all_others_are() -> None:
    other = {**WITH, "pyzmq": "28.0.0"}
    verdict = judge({"frames.decode": 5_000, "pump.send": 9_000}, KEPT, other, SOCKETS)
    assert [fault.partition(":")[0] for fault in verdict.faults] == ["frames.decode"]
    assert "paths with sockets are not judged" in verdict.notes[0]


@pytest.mark.parametrize("key", ["machine", "python", "compiler"])
def test_with_another_compiler_or_interpreter_no_path_is_judged_and_that_is_said(key: str) -> None:
    other = {**WITH, key: "another"}
    verdict = judge({"frames.decode": 5_000, "pump.send": 9_000}, KEPT, other, SOCKETS)
    assert not verdict.faults
    assert "no path is judged" in verdict.notes[0]
    assert f"{key} another" in verdict.notes[0]


def test_each_set_of_versions_has_its_own_budgets_and_renews_no_others() -> None:
    other = {**WITH, "python": "3.12.1"}
    cheap = {"frames.decode": 700, "pump.send": 2_100}
    both = renewed(KEPT, other, cheap)
    assert both["margin"] == 0.03
    assert len(both["budgets"]) == 2
    assert not judge(COUNTS, both, WITH, SOCKETS).faults
    (fault,) = judge(COUNTS, both, other, SOCKETS).faults
    assert fault.startswith("frames.decode: 1,000 instructions, allowed: 700")
    again = renewed(both, {**other, "pyzmq": "28.0.0"}, COUNTS)
    assert [one["paths"] for one in again["budgets"]] == [COUNTS, COUNTS]


def test_every_hot_path_has_a_budget_and_runs() -> None:
    kept = json.loads((ROOT / ".ci" / "instruction-budgets.json").read_text())
    for entry in kept["budgets"]:
        assert set(entry["paths"]) == {path.name for path in PATHS}
        assert all(count > 0 for count in entry["paths"].values())
    for path in PATHS:
        path.make()(2)
