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

#: So many ways of cars and lines of buses there are, at most.
WAYS, LINES = 60, 4
#: A trial of a flow, and when in it queues are looked at first.
TRIAL_S, SETTLED_S = 2_400, 1_200


@dataclass(frozen=True, slots=True)
class Way:
    """A way through the network, and which share of all cars takes it."""

    edges: tuple[str, ...]
    share: float


def _fringe(net: Any) -> tuple[list[Any], list[Any]]:
    """Return the edges on which traffic comes in, and those on which it leaves."""
    edges = [one for one in net.getEdges(withInternal=False) if one.allows("passenger")]

    def others(neighbours: dict[Any, list[Any]]) -> bool:
        """Say whether there is more than the way back on the other side of the same road."""
        return any(link.getDirection() != "t" for links in neighbours.values() for link in links)

    return (
        [one for one in edges if not others(one.getIncoming())],
        [one for one in edges if not others(one.getOutgoing())],
    )


def ways(net: Any, seed: int) -> list[Way]:
    """Return ways from border to border, each with its share."""
    rng = random.Random(seed)
    sources, sinks = _fringe(net)
    found: dict[tuple[str, ...], float] = {}
    pairs = [(a, b) for a in sources for b in sinks]
    rng.shuffle(pairs)
    for start, end in pairs[: WAYS * 4]:
        way = net.getShortestPath(start, end, vClass="passenger")[0]
        if way is None or len(way) < 2 or way[0].getFromNode() is way[-1].getToNode():
            continue
        lanes = min(edge.getLaneNumber() for edge in way)
        found[tuple(edge.getID() for edge in way)] = lanes * rng.uniform(0.5, 1.5)
        if len(found) == WAYS:
            break
    if not found:
        raise SystemExit("the network has no ways from border to border")
    whole = sum(found.values())
    return [Way(edges, share / whole) for edges, share in sorted(found.items())]


def lines(found: list[Way]) -> list[tuple[str, ...]]:
    """Return the ways of bus lines: the longest, no two with the same beginning."""
    chosen: list[tuple[str, ...]] = []
    for way in sorted(found, key=lambda one: (-len(one.edges), one.edges)):
        if all(way.edges[0] != other[0] for other in chosen):
            chosen.append(way.edges)
        if len(chosen) == LINES:
            break
    return chosen


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
    routes = lines(found)
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
