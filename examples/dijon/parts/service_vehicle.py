"""Vehicles of the municipality: 205 of four services, each service from a depot of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from parts.ground import Commune, at_scale, share_out
from parts.rides import A_SERVER, beside, servers_for, tour, waypoints
from parts.tables import ORIGIN, PLACE_COLUMNS, Table, Tables

VEHICLES = 205
SERVICES = (
    ("police", "police municipale", "dijon", 45),
    ("cleaning", "propreté", "longvic", 80),
    ("green", "espaces verts", "quetigny", 50),
    ("snow", "viabilité hivernale", "saint-apollinaire", 30),
)
"""Name, what people call it, commune of its depot, and its vehicles out of the 205."""
COLUMNS = ("id", "name", "zone", "link", "route")


def draw(rng: random.Random, communes: Sequence[Commune], scale: float, *, port: int) -> Tables:
    """Return ``service_vehicles.csv`` and the links of the services, ``service_depots.csv``."""
    count = at_scale(VEHICLES, scale)
    shares = share_out(count, [weight for *_, weight in SERVICES], 0)
    links = [
        (link_of(service, server), zone)
        for (service, _, zone, _), share in zip(SERVICES, shares, strict=True)
        for server in range(servers_for(share))
    ]
    rows = _rows(rng, communes, count, shares)
    return Tables(
        [
            Table("service_depots.csv", ("id", "zone"), links),
            Table("service_vehicles.csv", COLUMNS + PLACE_COLUMNS, rows),
        ],
        {"service_vehicle": count},
    )


def link_of(service: str, server: int = 0) -> str:
    """Return the id of the link to a server (from 0) for a service's vehicles."""
    return f"dij-avl-{service}" + (f"-{server + 1}" if server else "")


def _rows(
    rng: random.Random, communes: Sequence[Commune], count: int, shares: Sequence[int]
) -> Iterator[tuple[object, ...]]:
    width = max(3, len(str(count)))
    by_zone = {commune.zone: commune for commune in communes}
    index = 0
    for (service, called, zone, _), share in zip(SERVICES, shares, strict=True):
        depot = beside((by_zone[zone].lat, by_zone[zone].lon), rng, 600.0)
        for number in range(1, share + 1):
            index += 1
            yield (
                *(
                    f"dij-sv{index:0{width}d}",
                    f"{called} {number}",
                    zone,
                    link_of(service, (number - 1) // A_SERVER),
                ),
                waypoints(tour(depot, communes, rng)),
                *(f"{depot[0]:.6f}", f"{depot[1]:.6f}", ORIGIN),
            )
