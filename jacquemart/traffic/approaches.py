"""The ways on which buses of a simulation come to its signals, as a city would declare them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from jacquemart.actors.priority.approach.declared import LONGEST_M, SHORTEST_M, Approach
from jacquemart.actors.priority.approach.plane import RADIAN
from jacquemart.actors.signals.model import Intersection
from jacquemart.drivers.sumo.geometry import Lane
from jacquemart.runtime.model.territory import EARTH_M

#: A network without a place on earth is laid there: the middle of Dijon.
LAT, LON = 47.322, 5.041
#: How far before a stop line a city begins to look for buses.
AHEAD_M = 400.0


def placed(x_m: float, y_m: float) -> tuple[float, float]:
    """Return latitude and longitude of a point of a network, in metres from its origin."""
    north, east = EARTH_M * RADIAN, EARTH_M * RADIAN * math.cos(LAT * RADIAN)
    return LAT + y_m / north, LON + x_m / east


def approaches(
    line: str,
    route: Sequence[str],
    lanes: Mapping[str, Lane],
    shapes: Mapping[str, Sequence[tuple[float, float]]],
    models: Mapping[str, Intersection],
) -> list[Approach]:
    """Return the approaches of one line, in the order of its route.

    Args:
        line: its name.
        route: the edges that it drives.
        lanes: those that end at signals (``geometry.lanes``).
        shapes: of the edges of the route, (x, y) in m in the direction of travel.
        models: of the signals that are controlled; others have no approach.
    """
    found = []
    for at in range(len(route) - 1):
        movement = _movement(route[at], route[at + 1], lanes)
        if movement is None:
            continue
        lane, link = movement
        model = models.get(lane.signal)
        group = next((one for one in model.groups if link in one.links), None) if model else None
        if group is None:
            continue
        path = _path(list(lane.shape), [shapes[edge] for edge in reversed(route[:at])])
        if path is None:
            continue
        found.append(
            Approach(
                f"{line}.{at}", lane.signal, group.name, [placed(*point) for point in path],
                frozenset({line}), speed_mps=min(40.0, max(1.0, lane.speed_mps)),
                width_m=20.0,
            )
        )  # fmt: skip
    return found


def _movement(edge: str, after: str, lanes: Mapping[str, Lane]) -> tuple[Lane, int] | None:
    """Return the lane and the link that lead from one edge to another."""
    for lane in lanes.values():
        if lane.edge == edge:
            for link, to_edge in zip(lane.links, lane.to_edges, strict=True):
                if to_edge == after:
                    return lane, link
    return None


def _path(
    last: list[tuple[float, float]], before: Sequence[Sequence[tuple[float, float]]]
) -> list[tuple[float, float]] | None:
    """Put a way together from its end back; None: it is too short for one."""
    path = last
    for shape in before:
        if _length(path) >= AHEAD_M:
            break
        path = [*shape, *path]
    path = [one for at, one in enumerate(path) if at == 0 or one != path[at - 1]]
    while _length(path) > LONGEST_M * 0.95 and len(path) > 2:
        path = path[1:]
    return path if SHORTEST_M < _length(path) <= LONGEST_M else None


def _length(path: Sequence[tuple[float, float]]) -> float:
    return sum(math.dist(one, two) for one, two in pairwise(path))
