"""Instruction budgets: what was counted, held against what a path may take. Pure.

A budget file has a ``margin`` (a share) and ``budgets``, one entry for each set of versions that
somebody has counted with: ``versions``, and ``paths`` with the instructions of one time of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

#: A path that takes this share of its budget or less has earned a smaller one.
SPARE = 0.9
RENEW = "python bench/instructions.py --renew"


class Verdict(NamedTuple):
    """What is to be said of the counts."""

    faults: list[str]
    """Each alone is reason enough to fail."""
    notes: list[str]


def entry_for(kept: Mapping[str, Any], versions: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the entry of these versions, or one with another pyzmq, or an empty one."""
    entries = kept.get("budgets", [])
    near = [one for one in entries if differences(one["versions"], versions) <= {"pyzmq"}]
    same = [one for one in near if not differences(one["versions"], versions)]
    found: Mapping[str, Any] = (same or near or [{}])[0]
    return found


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    """Return what is not the same version."""
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def judge(
    found: Mapping[str, int],
    kept: Mapping[str, Any],
    versions: Mapping[str, str],
    sockets: Mapping[str, bool],
) -> Verdict:
    """Hold counts against budgets.

    Args:
        found: instructions of one time of each path.
        kept: the budget file.
        versions: those of this run.
        sockets: whether a path has libzmq in it; only those depend on ``pyzmq``.
    """
    entry = entry_for(kept, versions)
    if not entry:
        said = ", ".join(f"{key} {version}" for key, version in sorted(versions.items()))
        return Verdict([], [f"no budgets were taken with {said}: no path is judged; {RENEW}"])
    budgets: Mapping[str, int] = entry["paths"]
    margin: float = kept["margin"]
    faults = [f"{name}: no budget; {RENEW}" for name in found.keys() - budgets.keys()]
    faults += [f"{name}: a budget, and no such path" for name in budgets.keys() - sockets.keys()]
    notes = []
    other = differences(entry["versions"], versions)
    if other:
        notes.append("budgets are of another pyzmq: paths with sockets are not judged")
    for name in sorted(found.keys() & budgets.keys()):
        if other and sockets[name]:
            continue
        count, budget = found[name], budgets[name]
        if count > budget * (1 + margin):
            faults.append(
                f"{name}: {count:,} instructions, allowed: {budget:,} and {margin:.0%}"
                f" ({count / budget - 1:+.1%}); make it cheaper, or say why not and: {RENEW}"
            )
        elif count < budget * SPARE:
            notes.append(f"{name}: {count:,} instructions of {budget:,}; --renew keeps the gain")
    return Verdict(sorted(faults), notes)


def renewed(
    kept: Mapping[str, Any], versions: Mapping[str, str], found: Mapping[str, int]
) -> dict[str, Any]:
    """Return the budget file with the counts of these versions in it; others stay."""
    others = [
        one for one in kept.get("budgets", []) if differences(one["versions"], versions) - {"pyzmq"}
    ]
    made = {"versions": dict(versions), "paths": dict(found)}
    return {"margin": kept.get("margin", 0.06), "budgets": [*others, made]}
