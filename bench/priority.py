"""What does bus priority bring the buses, and what does it cost everybody else?

    python bench/priority.py --json
    python bench/priority.py --sumocfg my.sumocfg --pairs 20

Traffic is SUMO's. For each network and each seed the same traffic is run under several kinds of
control: ``fixed`` (our controller with the network's own plans and no priority: the baseline),
``always`` (every bus asks), ``late`` (buses that are a minute late or more ask), and ``greedy``, a
naive priority to be beaten. What they lose is measured by a second client of SUMO that shares no
code with the controller. Time is SUMO's own, in lock-step.

The last line is one JSON object. For each network and control, against ``fixed`` pair by pair, with
the half-width of a 95 % interval (Student's t):

- ``bus_time_loss_change_pct``, ``other_time_loss_change_pct``: time lost by a vehicle on average,
  those that are still under way at the end included.
- ``longest_wait_s``: the longest time that any vehicle but a bus stood without a break, in all
  runs. ``fixed_longest_wait_s``: the same of the baseline.
- ``times_real_time``: simulated over real time of a run, observer included.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from traffic import worlds

from jacquemart.actors.priority.policy import Condition, Policy, Rule
from jacquemart.actors.priority.request import VehicleType

POLICIES = {
    "always": Policy(kinds={VehicleType.BUS: Rule(Condition.ALWAYS, 6)}),
    "late": Policy(kinds={VehicleType.BUS: Rule(Condition.NEED, 6, late_s=60.0)}),
}
ARMS = ("fixed", *POLICIES, "greedy")
#: Student's t, two-sided 95 %, by degrees of freedom.
T95 = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23,
       12: 2.18, 15: 2.13, 19: 2.09, 25: 2.06, 30: 2.04, 60: 2.00}  # fmt: skip


def mean_loss(seen: dict[str, Any]) -> float:
    """Return what a vehicle lost on average, in s; NaN: there was none."""
    count = seen["vehicles"] + seen["under_way"]
    return (seen["loss_s"] + seen["under_way_loss_s"]) / count if count else math.nan


def interval(values: list[float]) -> list[float | None]:
    """Return mean and half-width of its 95 % interval (none for a single value)."""
    if len(values) < 2:
        return [round(values[0], 1), None] if values else [None, None]
    degrees = len(values) - 1
    t = next((T95[d] for d in sorted(T95, reverse=True) if d <= degrees), 12.71)
    half = t * statistics.stdev(values) / math.sqrt(len(values))
    return [round(statistics.mean(values), 1), round(half, 1)]


def compare(world: worlds.World, pairs: int, quiet: bool) -> dict[str, Any]:
    """Run all kinds of control over all seeds of one network."""
    seen: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
    for seed in range(1, pairs + 1):
        world.survey(seed)
        for arm in ARMS:
            seen[arm].append(worlds.run(world, seed, arm, POLICIES))
        if not quiet:
            losses = {arm: round(mean_loss(runs[-1]["bus"]), 1) for arm, runs in seen.items()}
            print(f"{world.name}: pair {seed}: a bus loses {losses} s", flush=True)
    figures: dict[str, Any] = {
        "signals": len(world.models), "left_out": world.left_out, "pairs": pairs,
        "cars_per_hour": world.hourly,
        "fixed_longest_wait_s": max(one["other"]["longest_wait_s"] for one in seen["fixed"]),
        "fixed_bus_loss_s": interval([mean_loss(one["bus"]) for one in seen["fixed"]]),
        "fixed_other_loss_s": interval([mean_loss(one["other"]) for one in seen["fixed"]]),
        "times_real_time": round(statistics.median(
            one["times_real_time"] for one in seen["always"]), 1),
    }  # fmt: skip
    for arm in ARMS[1:]:
        changes: dict[str, Any] = {}
        for who in ("bus", "other"):
            changes[f"{who}_time_loss_change_pct"] = interval([
                100 * (mean_loss(one[who]) / mean_loss(base[who]) - 1)
                for one, base in zip(seen[arm], seen["fixed"], strict=True)
            ])  # fmt: skip
        changes["longest_wait_s"] = max(one["other"]["longest_wait_s"] for one in seen[arm])
        figures[arm] = changes
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--pairs", type=int, default=20, help="seeds a network (20)")
    parser.add_argument("--minutes", type=int, default=30, help="counted time of a run (30)")
    parser.add_argument("--degree", type=float, default=0.75, help="degree of saturation (0.75)")
    parser.add_argument("--hourly", type=float, help="cars an hour, instead of a degree")
    parser.add_argument("--networks", nargs="*", default=list(worlds.GENERATED))
    parser.add_argument("--sumocfg", type=Path, help="a configuration of SUMO's with buses")
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        if arguments.sumocfg is not None:
            found = [worlds.given(arguments.sumocfg, arguments.minutes)]
        else:
            found = [
                worlds.made(name, Path(folder), arguments.minutes, arguments.degree,
                            arguments.hourly)
                for name in arguments.networks
            ]  # fmt: skip
        for world in found:
            results[world.name] = compare(world, arguments.pairs, arguments.json)
            if not arguments.json:
                print(f"{world.name}: {json.dumps(results[world.name], indent=2)}", flush=True)
    print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
