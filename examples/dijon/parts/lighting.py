"""Street lights and the cabinets that feed them: 34,000 behind 630.

Each cabinet is a Modbus server at an address of its own; its lamps stand along its feeders.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parts import NETWORKS, at_scale, host_of
from parts.ground import Commune, offset, spread
from parts.tables import ORIGIN, PLACE_COLUMNS, Table, Tables

LAMPS = 34_000
CABINETS = 630
MOST_LAMPS = 99
"""Lamps behind one cabinet: what the cabinet's register map has room for."""
MOST_CABINETS = 60_000
ONE_READ = 62
"""Lamps whose level and status (two registers each) fit one Modbus read of 125 registers."""
FEEDERS = 4
"""Cables that leave a cabinet; its lamps stand along them, one every ``LAMP_SPACING_M``."""
LAMP_SPACING_M = 28.0
LAMP_POWERS_W = (28, 35, 42, 55, 70)

CABINET_COLUMNS = ("id", "name", "zone", "insee", "line", "host", "port", "unit", "lamps")
LIGHT_COLUMNS = ("id", "name", "zone", "cabinet", "line", "unit", "number", "rated_w")


@dataclass(frozen=True, slots=True)
class Cabinet:
    """One lighting cabinet: where it stands and how it is reached."""

    id: str
    commune: Commune
    number: int
    """From 1, inside its commune."""
    host: str
    port: int
    lamps: int
    lat: float
    lon: float

    @property
    def line(self) -> str:
        """Return the id of the link to it."""
        return f"{self.id}-line"


def draw(
    rng: random.Random,
    communes: Sequence[Commune],
    scale: float,
    *,
    port: int,
    lamps: int | None = None,
    cabinets: int | None = None,
) -> Tables:
    """Return ``cabinets.csv`` and ``lights.csv``; numbers that are given stand above the scale.

    Raises:
        ValueError: the numbers do not fit each other; the caller's fault.
    """
    cabinets = at_scale(CABINETS, scale) if cabinets is None else cabinets
    lamps = max(at_scale(LAMPS, scale), cabinets) if lamps is None else lamps
    drawn = draw_cabinets(communes, lamps, cabinets, port, rng)
    return Tables(
        [
            Table("cabinets.csv", CABINET_COLUMNS + PLACE_COLUMNS, cabinet_rows(drawn)),
            Table("lights.csv", LIGHT_COLUMNS + PLACE_COLUMNS, light_rows(drawn, rng)),
        ],
        {"lighting_cabinet": cabinets, "street_light": lamps},
    )


def lamps_per_cabinet(lamps: int, cabinets: int, rng: random.Random) -> list[int]:
    """Spread the lamps evenly, then let neighbours differ by a few, as they do in a street."""
    counts = [lamps // cabinets + (n < lamps % cabinets) for n in range(cabinets)]
    for n in range(0, cabinets - 1, 2):
        room = min(6, ONE_READ - counts[n], counts[n + 1] - 1)
        if room > 0:
            moved = rng.randint(0, room)
            counts[n] += moved
            counts[n + 1] -= moved
    return counts


def draw_cabinets(
    communes: Sequence[Commune], lamps: int, cabinets: int, port: int, rng: random.Random
) -> list[Cabinet]:
    """Draw the cabinets, commune by commune.

    Raises:
        ValueError: the numbers do not fit each other; the caller's fault.
    """
    if not 1 <= cabinets <= MOST_CABINETS:
        raise ValueError(f"cabinets: {cabinets}, allowed 1 to {MOST_CABINETS}")
    if not cabinets <= lamps <= cabinets * MOST_LAMPS:
        raise ValueError(
            f"lamps: {lamps}, allowed {cabinets} to {cabinets * MOST_LAMPS} "
            f"(1 to {MOST_LAMPS} behind each of {cabinets} cabinets)"
        )
    counts = lamps_per_cabinet(lamps, cabinets, rng)
    width = max(3, len(str(cabinets)))
    return [
        Cabinet(
            id=f"dij-c{index + 1:0{width}d}",
            commune=spot.commune,
            number=spot.number,
            host=host_of(NETWORKS["lighting"], index),
            port=port,
            lamps=counts[index],
            lat=spot.lat,
            lon=spot.lon,
        )
        for index, spot in enumerate(spread(communes, cabinets, rng, least=1))
    ]


def cabinet_rows(cabinets: Sequence[Cabinet]) -> Iterator[tuple[object, ...]]:
    """Yield the rows of cabinets.csv."""
    for cabinet in cabinets:
        commune = cabinet.commune
        name = f"{commune.name}, armoire {cabinet.number}"
        yield (
            *(cabinet.id, name, commune.zone, commune.insee, cabinet.line),
            *(cabinet.host, cabinet.port, 1, cabinet.lamps),
            *(f"{cabinet.lat:.6f}", f"{cabinet.lon:.6f}", ORIGIN),
        )


def light_rows(cabinets: Sequence[Cabinet], rng: random.Random) -> Iterator[tuple[object, ...]]:
    """Yield the rows of lights.csv: the lamps of each cabinet along its feeders."""
    for cabinet in cabinets:
        first = rng.uniform(0.0, 2.0 * math.pi)
        bearings = [first + k * 2.0 * math.pi / FEEDERS for k in range(FEEDERS)]
        steps = [
            offset(0.0, 0.0, LAMP_SPACING_M * math.sin(b), LAMP_SPACING_M * math.cos(b))
            for b in bearings
        ]
        stretch = 1.0 / math.cos(math.radians(cabinet.lat))
        rated_w = rng.choice(LAMP_POWERS_W)
        for number in range(cabinet.lamps):
            north, east = steps[number % FEEDERS]
            places = 1 + number // FEEDERS
            yield (
                f"{cabinet.id}-l{number + 1:02d}",
                f"{cabinet.commune.name}, armoire {cabinet.number}, lampe {number + 1}",
                *(cabinet.commune.zone, cabinet.id, cabinet.line, 2, number, rated_w),
                f"{cabinet.lat + north * places:.6f}",
                f"{cabinet.lon + east * stretch * places:.6f}",
                ORIGIN,
            )
