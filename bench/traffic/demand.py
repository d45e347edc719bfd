"""Demand for a network: cars between its borders, and bus lines along its longest ways. Seeded.

The degree of saturation (v/c) is that of the network's bottleneck, and found by trying: capacity is
the largest flow of these ways at which, with the network's own programs, queues do not grow.
Formulas for v/c know nothing of left turns that block their lane, and those decide here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sumolib

from jacquemart.traffic import streets

#: A trial of a flow, and when in it queues are looked at first.
TRIAL_S, SETTLED_S = 2_400, 1_200


@dataclass(frozen=True, slots=True)
class Way:
    """A way through the network, and which share of all cars takes it."""

    edges: tuple[str, ...]
    share: float


def ways(net: Any, seed: int) -> list[Way]:
    """Return ways from border to border, each with its share."""
    found = streets.ways_of(net, seed)
    if not found:
        raise SystemExit("the network has no ways from border to border")
    whole = sum(weight for _, weight in found)
    return [Way(edges, weight / whole) for edges, weight in found]


def capacity(carries: Callable[[float], bool], least: float = 100.0) -> float:
    """Return the largest flow that is carried, in cars an hour, to 3 %.

    Args:
        carries: tries a flow, and says whether queues stay as they are.
        least: a flow that is surely carried.
    """
    low = high = least
    while carries(high):
        low, high = high, high * 1.6
    while high / low > 1.03:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if carries(middle) else (low, middle)
    return low


def write(
    network: Path, target: Path, *, seed: int, hourly: float, end_s: int, headway_s: int = 300
) -> dict[str, Any]:
    """Write a route file; return what is in it.

    Args:
        network: a network.
        target: a route file of SUMO's.
        seed: of the ways and their shares; the same gives the same file.
        hourly: cars an hour, on all ways together.
        end_s: nobody comes in later.
        headway_s: between the buses of a line; they are late or early by up to a third of it.
    """
    net = sumolib.net.readNet(str(network))
    rng = random.Random(seed * 7919 + 1)
    found = ways(net, 1)  # the ways are the network's; the seed is for who comes when
    routes = streets.lines_of([way.edges for way in found])
    vehicles: list[tuple[float, str]] = []
    for at, way in enumerate(found):
        rate = hourly * way.share / 3_600
        now = rng.expovariate(rate)
        while now < end_s:
            vehicles.append(
                (
                    now,
                    f'<vehicle id="c{at}.{len(vehicles)}" type="car" route="w{at}"'
                    f' depart="{now:.2f}" departLane="best" departSpeed="max"/>',
                )
            )
            now += rng.expovariate(rate)
    for at, _ in enumerate(routes):
        first = rng.uniform(0, headway_s)
        for number in range(int((end_s - first) // headway_s) + 1):
            # How late it is when it comes in, so that a policy that asks for lateness has a choice.
            late = rng.uniform(-0.1, 1 / 3) * headway_s
            now = max(0.0, first + number * headway_s + late)
            vehicles.append(
                (
                    now,
                    f'<vehicle id="b{at}.{number}" type="bus" route="l{at}"'
                    f' depart="{now:.2f}" departLane="best" departSpeed="max">'
                    f'<param key="late_s" value="{late:.1f}"/></vehicle>',
                )
            )
    vehicles.sort()
    text = ["<routes>", '<vType id="car" vClass="passenger"/>', '<vType id="bus" vClass="bus"/>']
    text += [f'<route id="w{at}" edges="{" ".join(way.edges)}"/>' for at, way in enumerate(found)]
    text += [f'<route id="l{at}" edges="{" ".join(edges)}"/>' for at, edges in enumerate(routes)]
    target.write_text("\n".join([*text, *(line for _, line in vehicles), "</routes>"]))
    return {"cars_per_hour": round(hourly), "lines": len(routes), "vehicles": len(vehicles)}
