"""Buildings: the 180 that are watched for safety, each a Modbus server of its own.

Every commune has its town hall first; then come schools, gymnasiums and whatever else a town
keeps. The names are drawn like everything else: no real building is meant.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from parts import NETWORKS, at_scale, host_of
from parts.ground import Commune, spread
from parts.tables import ORIGIN, PLACE_COLUMNS, Table, Tables

BUILDINGS = 180
COLUMNS = (
    "id",
    "name",
    "zone",
    "insee",
    "use",
    "line",
    "host",
    "port",
    "unit",
    "exit_s",
    "entry_s",
)
USES = (
    ("école", 8),
    ("gymnase", 5),
    ("crèche", 3),
    ("salle des fêtes", 3),
    ("médiathèque", 2),
    ("centre technique", 2),
    ("maison de quartier", 2),
    ("piscine", 1),
    ("musée", 1),
)
"""What a building is used for, and how often."""
EXIT_S = (30, 45, 60)
ENTRY_S = (20, 30, 40)


def draw(rng: random.Random, communes: Sequence[Commune], scale: float, *, port: int) -> Tables:
    """Return ``buildings.csv``, of which links and devices are made and which the field reads."""
    count = at_scale(BUILDINGS, scale)
    rows = _rows(rng, communes, count, port)
    return Tables([Table("buildings.csv", COLUMNS + PLACE_COLUMNS, rows)], {"building": count})


def _rows(
    rng: random.Random, communes: Sequence[Commune], count: int, port: int
) -> Iterator[tuple[object, ...]]:
    width = max(3, len(str(count)))
    uses, weights = zip(*USES, strict=True)
    numbers: dict[tuple[str, str], int] = {}
    for index, spot in enumerate(spread(communes, count, rng, least=1)):
        commune = spot.commune
        use = "mairie" if spot.number == 1 else rng.choices(uses, weights)[0]
        number = numbers[commune.zone, use] = numbers.get((commune.zone, use), 0) + 1
        name = f"{commune.name}, {use}" if use == "mairie" else f"{commune.name}, {use} {number}"
        id = f"dij-b{index + 1:0{width}d}"
        yield (
            *(id, name, commune.zone, commune.insee, use, f"{id}-line"),
            *(host_of(NETWORKS["building"], index), port, 1),
            *(rng.choice(EXIT_S), rng.choice(ENTRY_S)),
            *(f"{spot.lat:.6f}", f"{spot.lon:.6f}", ORIGIN),
        )
