"""Access bollards: the 26 that close the centres of the communes to cars, each a PLC of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from parts import NETWORKS, at_scale, host_of
from parts.ground import Commune, spread
from parts.tables import ORIGIN, PLACE_COLUMNS, Table, Tables

BOLLARDS = 26
COLUMNS = (
    *("id", "name", "zone", "insee", "line", "host", "port", "unit"),
    *("begins", "traffic"),
)
UP_SHARE = 0.6
"""Raised when the day begins."""


def draw(rng: random.Random, communes: Sequence[Commune], scale: float, *, port: int) -> Tables:
    """Return ``bollards.csv``, of which links and devices are made and which the field reads."""
    count = at_scale(BOLLARDS, scale)
    rows = _rows(rng, communes, count, port)
    return Tables([Table("bollards.csv", COLUMNS + PLACE_COLUMNS, rows)], {"bollard": count})


def _rows(
    rng: random.Random, communes: Sequence[Commune], count: int, port: int
) -> Iterator[tuple[object, ...]]:
    width = max(3, len(str(count)))
    for index, spot in enumerate(spread(communes, count, rng)):
        commune = spot.commune
        id = f"dij-p{index + 1:0{width}d}"
        yield (
            *(id, f"{commune.name}, borne {spot.number}", commune.zone, commune.insee),
            *(f"{id}-line", host_of(NETWORKS["bollard"], index), port, 1),
            *("up" if rng.random() < UP_SHARE else "down", "cars"),
            *(f"{spot.lat:.6f}", f"{spot.lon:.6f}", ORIGIN),
        )
