"""Buses: 180 from two depots, on lines drawn through the communes' centres."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from parts.ground import Commune, at_scale
from parts.rides import A_SERVER, beside, line, servers_for, waypoints
from parts.tables import ORIGIN, PLACE_COLUMNS, Table, Tables

BUSES = 180
LINES = 24
"""Drawn lines; ten times the buses run on as many."""
DEPOTS = ("dijon", "chenove")
"""Communes of the depots; each operates its buses over a link of its own."""
COLUMNS = ("id", "name", "zone", "link", "line", "route")


def draw(rng: random.Random, communes: Sequence[Commune], scale: float, *, port: int) -> Tables:
    """Return ``buses.csv`` and the links to their depots, ``bus_depots.csv``."""
    count = at_scale(BUSES, scale)
    lines = [waypoints(line(communes, rng)) for _ in range(LINES)]
    servers = servers_for(-(-count // len(DEPOTS)))
    links = [(link_of(depot, server), depot) for depot in DEPOTS for server in range(servers)]
    rows = _rows(rng, communes, count, lines)
    return Tables(
        [
            Table("bus_depots.csv", ("id", "zone"), links),
            Table("buses.csv", COLUMNS + PLACE_COLUMNS, rows),
        ],
        {"bus": count},
    )


def link_of(depot: str, server: int = 0) -> str:
    """Return the id of the link to a server (from 0) for a depot's buses."""
    return f"dij-avl-bus-{depot}" + (f"-{server + 1}" if server else "")


def _rows(
    rng: random.Random, communes: Sequence[Commune], count: int, lines: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    width = max(3, len(str(count)))
    by_zone = {commune.zone: commune for commune in communes}
    yards = [beside((by_zone[d].lat, by_zone[d].lon), rng, 900.0) for d in DEPOTS]
    for index in range(count):
        depot = index % len(DEPOTS)
        number = index % len(lines)
        lat, lon = yards[depot]
        yield (
            *(f"dij-bus{index + 1:0{width}d}", f"Bus {index + 1}, ligne {number + 1}"),
            *(DEPOTS[depot], link_of(DEPOTS[depot], index // len(DEPOTS) // A_SERVER)),
            *(number + 1, lines[number]),
            *(f"{lat:.6f}", f"{lon:.6f}", ORIGIN),
        )
