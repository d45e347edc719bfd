"""Two things measured in turns, so that the machine's mood falls on both alike."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Sample = Sequence[float]
"""Times of single operations, in ns."""


def quantile(values: Sample, share: float) -> float:
    """Return the value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True, slots=True)
class Pairs:
    """What two things took, in turns."""

    ours: tuple[Sample, ...]
    limit: tuple[Sample, ...]

    def figures(self) -> dict[str, Any]:
        """Return p50, p99 and p99.9 of both in µs, and the ratio pair by pair with its spread."""
        ratios = [
            statistics.median(own) / statistics.median(raw)
            for own, raw in zip(self.ours, self.limit, strict=True)
        ]
        ours = [one for sample in self.ours for one in sample]
        limit = [one for sample in self.limit for one in sample]
        return {
            "p50_us": round(quantile(ours, 0.5) / 1e3, 1),
            "p99_us": round(quantile(ours, 0.99) / 1e3, 1),
            "p999_us": round(quantile(ours, 0.999) / 1e3, 1),
            "limit_p50_us": round(quantile(limit, 0.5) / 1e3, 1),
            "limit_p99_us": round(quantile(limit, 0.99) / 1e3, 1),
            "ratio": round(statistics.median(ratios), 2),
            "ratio_spread": [round(min(ratios), 2), round(max(ratios), 2)],
        }


def in_turns(rounds: int, ours: Callable[[], Sample], limit: Callable[[], Sample]) -> Pairs:
    """Measure A B A B …; the first pair is thrown away, since it does things for the first time."""
    found = [(ours(), limit()) for _ in range(rounds + 1)][1:]
    return Pairs(tuple(own for own, _ in found), tuple(raw for _, raw in found))


@contextmanager
def pinned(pids: Sequence[int], processor: int | None) -> Iterator[None]:
    """Have processes, this one included, run on one processor; None leaves them where they are."""
    if processor is None:
        yield
        return
    tasks = [int(task) for pid in (os.getpid(), *pids) for task in os.listdir(f"/proc/{pid}/task")]
    before = {task: os.sched_getaffinity(task) for task in tasks}
    for task in tasks:
        os.sched_setaffinity(task, {processor})
    try:
        yield
    finally:
        for task, allowed in before.items():
            try:
                os.sched_setaffinity(task, allowed)
            except ProcessLookupError:
                continue
