"""Does the interlock of traffic signals ever let out anything unsafe, and what does a look cost?

Random commands over random intersections, judged in true time by a judge that shares no code with
the interlock; then the same with clocks that jump, restarts in mid-stage, answers that are late or
wrong, outputs that are lost. ``--json`` prints the figures as one object on the last line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from jacquemart.native.interlock import Interlock
from jacquemart.native.storm import check_ns, storm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "oracles"))

from measuring.dear_looks import DEAR, GROUPS, dear
from oracle_interlock import OracleInterlock

SEQUENCES = 10_000_000
FAULTED = 100_000
LOOKS = 200_000
RED, GREEN, YELLOW = 1, 3, 5


def large(kind: type, red_s: int = 9) -> tuple[Interlock | OracleInterlock, int]:
    """Return an interlock of 32 groups in which all conflict but those of one half, all red."""
    half = GROUPS // 2
    groups = range(GROUPS)
    lock = kind(
        intergreen=[
            [None if (a < half) is (b < half) else 5_000 + 100 * (a % 9) for b in groups]
            for a in groups
        ],
        yields=[() for _ in groups],
        min_green=[5_000] * GROUPS, yellow=[3_000] * GROUPS, red_yellow=[0] * GROUPS,
        in_flash=[6] * GROUPS, start_red=3_000, longest_step=1_000,
    )  # fmt: skip
    now = 0
    for shown, steps in ((6, 1), (YELLOW, 4), (RED, red_s)):
        for _ in range(steps):
            lock.write(bytes([shown] * GROUPS), now)
            now += 1_000
    return lock, now - 1_000


def dearest() -> tuple[str, float]:
    """Return which of the dear looks costs most, and its ns; all of them are allowed."""
    found = {}
    for name in DEAR:
        lock, asked, now = dear(Interlock, name)
        assert isinstance(lock, Interlock)
        looks = [check_ns(lock, asked, now, LOOKS // 4) for _ in range(7)]
        assert all(allowed for _, allowed in looks), (name, lock.look(asked, now), lock.finding)
        found[name] = statistics.median(ns for ns, _ in looks)
    name = max(found, key=lambda one: found[one])
    return name, found[name]


def cost() -> dict[str, float | str]:
    """Return what one look costs: where half of all groups start and their foes have long cleared,
    and the dearest one that we know. It is processor time, so that others do not count."""
    start = bytes([GREEN] * (GROUPS // 2) + [RED] * (GROUPS // 2))
    lock, now = large(Interlock)
    twin, _ = large(OracleInterlock)
    assert isinstance(lock, Interlock)
    inside, called, plain = [], [], []
    for _ in range(7):
        ns, allowed = check_ns(lock, start, now, LOOKS)
        assert allowed, "a look that refuses at once is no look"
        inside.append(ns)
        began = time.process_time_ns()
        for _ in range(LOOKS // 10):
            lock.look(start, now)
        called.append((time.process_time_ns() - began) / (LOOKS // 10))
        began = time.process_time_ns()
        for _ in range(20):
            assert twin.look(start, now)
        plain.append((time.process_time_ns() - began) / 20)
    which, most_ns = dearest()
    return {
        "check_us_32_groups_dearest": round(most_ns / 1e3, 3),
        "dearest": which,
        "check_us_32_groups": round(statistics.median(inside) / 1e3, 3),
        "check_us_32_groups_from_python": round(statistics.median(called) / 1e3, 3),
        "times_faster_than_plain_python": round(
            statistics.median(one / other for one, other in zip(plain, called, strict=True)), 1
        ),
    }


def main() -> None:
    """Run the bench and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--faulted", type=int, default=FAULTED)
    parser.add_argument("--seed", type=int, default=2_026)
    args = parser.parse_args()
    began = time.process_time()
    calm = storm(args.seed, args.sequences)
    wild = storm(args.seed + 1, args.faulted, faults=True)
    figures = {
        "sequences": calm["sequences"],
        "unsafe": calm["unsafe"],
        "faulted": wild["sequences"],
        "unsafe_faulted": wild["unsafe"],
        "greens": calm["greens"],
        "greens_faulted": wild["greens"],
        "steps": calm["steps"] + wild["steps"],
        "seed": args.seed,
        "storm_cpu_s": round(time.process_time() - began, 1),
        **cost(),
    }
    if args.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:36} {value}")


if __name__ == "__main__":
    main()
