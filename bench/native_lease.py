"""What does it cost to ask for the lease before each write, and what would plain Python cost?

Native and twin take turns, in one run; figures are medians of the rounds, in ns a question.
``--json`` prints the figures as one object on the last line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from jacquemart.native.lease import Gate
from jacquemart.native.pump import boot_ns

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "oracles"))

from oracle_lease import OracleGate

QUESTIONS = 200_000


def cost_ns(ask: Callable[[], object]) -> float:
    """Return the ns that one call costs, the loop around it taken away."""
    turns = range(QUESTIONS)
    began = time.perf_counter_ns()
    for _ in turns:
        ask()
    asked = time.perf_counter_ns()
    for _ in turns:
        pass
    return (2 * asked - began - time.perf_counter_ns()) / QUESTIONS


def main() -> None:
    """Run the bench and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="default: 15")
    arguments = parser.parse_args()
    gate, shut, twin = Gate(), Gate(), OracleGate(lambda: time.clock_gettime_ns(7))
    for one in (gate, twin):
        one.extend(boot_ns() + 3_600 * 10**9)
    rounds = [
        (cost_ns(gate.open), cost_ns(twin.open), cost_ns(shut.open), cost_ns(boot_ns))
        for _ in range(arguments.rounds)
    ]
    open_ns, twin_ns, shut_ns, clock_ns = map(statistics.median, zip(*rounds, strict=True))
    figures = {
        "gate_open_ns": round(open_ns, 1),
        "gate_shut_ns": round(shut_ns, 1),
        "clock_alone_ns": round(clock_ns, 1),
        "python_open_ns": round(twin_ns, 1),
        "gate_times_faster": round(twin_ns / open_ns, 1),
    }
    for name, figure in figures.items():
        print(f"{name:32}{figure:>12,}")
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
