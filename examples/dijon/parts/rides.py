"""Where vehicles go: lines through centres, and rounds from a depot, as texts of waypoints."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from parts.ground import METRES_A_DEGREE, Commune, offset

MOST_WAYPOINTS = 11
"""A parameter of a device holds 200 characters; a waypoint takes 16 of them."""
A_SERVER = 100
"""Vehicles that one server knows at most: what it says comes all at once."""
BESIDE_M = 150.0
"""How far from a centre a stop is drawn."""

Place = tuple[float, float]


def servers_for(vehicles: int) -> int:
    """Return how many servers a depot has, at least one."""
    return max(1, -(-vehicles // A_SERVER))


def waypoints(places: Sequence[Place]) -> str:
    """Return places as the simulated driver reads them, to about ten metres."""
    return "; ".join(f"{lat:.4f} {lon:.4f}" for lat, lon in places)


def apart_m(first: Place, second: Place) -> float:
    """Return the distance of two places (flat earth: a city is small)."""
    east = (second[1] - first[1]) * math.cos(math.radians(first[0]))
    return math.hypot(second[0] - first[0], east) * METRES_A_DEGREE


def beside(place: Place, rng: random.Random, most_m: float = BESIDE_M) -> Place:
    """Draw a place near another one."""
    return offset(*place, rng.uniform(-most_m, most_m), rng.uniform(-most_m, most_m))


def line(communes: Sequence[Commune], rng: random.Random) -> list[Place]:
    """Draw a line: from a commune over what lies on the way to the largest one, and on to another.

    Ends are drawn by people, so that large communes have more lines.
    """
    hub = max(communes, key=lambda commune: commune.people)
    others = [commune for commune in communes if commune is not hub]
    weights = [math.sqrt(commune.people) for commune in others]
    first = rng.choices(others, weights)[0]
    last = rng.choices(others, weights)[0]
    stops = [*_on_the_way(first, hub, others), hub]
    if last is not first:
        stops += reversed(_on_the_way(last, hub, others))
    places = [beside((stop.lat, stop.lon), rng) for stop in dict.fromkeys(stops)]
    if len(places) < 2:
        places.append(beside((hub.lat, hub.lon), rng, 2_000.0))
    return places[:MOST_WAYPOINTS]


def _on_the_way(begin: Commune, end: Commune, others: Sequence[Commune]) -> list[Commune]:
    """Return the communes that make a way longer by less than a tenth, in its order."""
    here, there = (begin.lat, begin.lon), (end.lat, end.lon)
    direct = apart_m(here, there)
    near = [
        other
        for other in others
        if other is not begin
        and apart_m(here, (other.lat, other.lon)) + apart_m((other.lat, other.lon), there)
        < 1.1 * direct
    ]
    near.sort(key=lambda other: apart_m(here, (other.lat, other.lon)))
    return [begin, *near[:3]]


def tour(depot: Place, communes: Sequence[Commune], rng: random.Random) -> list[Place]:
    """Draw a round: from the depot through places in communes near by, and back."""
    near = sorted(communes, key=lambda commune: apart_m(depot, (commune.lat, commune.lon)))[:8]
    weights = [math.sqrt(commune.people) for commune in near]
    stops = rng.choices(near, weights, k=rng.randint(3, MOST_WAYPOINTS - 3))
    places = [beside((stop.lat, stop.lon), rng, 4.0 * stop.radius_m**0.75) for stop in stops]
    return [depot, *places, depot]
