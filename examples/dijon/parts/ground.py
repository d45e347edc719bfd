"""The ground that all parts stand on: the communes, and how things are spread over them."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

COMMUNES = Path(__file__).resolve().parent.parent / "communes.csv"
METRES_A_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class Commune:
    """One commune of Dijon Métropole in 2017, a zone of the city."""

    zone: str
    name: str
    insee: str
    lat: float
    lon: float
    people: int

    @property
    def radius_m(self) -> float:
        """Return how far from the centre its equipment is drawn."""
        return max(150.0, 7.5 * math.sqrt(self.people))


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one thing stands, and its number among its like in the commune (from 1)."""

    commune: Commune
    number: int
    lat: float
    lon: float


def read_communes(path: Path = COMMUNES) -> list[Commune]:
    """Return the communes, in the order of the file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Commune(
                zone=row["zone"],
                name=row["name"],
                insee=row["insee"],
                lat=float(row["lat"]),
                lon=float(row["lon"]),
                people=int(row["people"]),
            )
            for row in csv.DictReader(file)
        ]


def at_scale(base: int, scale: float) -> int:
    """Return how many there are at a scale: at least one."""
    return max(1, round(base * scale))


def share_out(total: int, weights: Sequence[int], least: int) -> list[int]:
    """Divide ``total`` by weight, largest remainders first, at least ``least`` for each."""
    rest = total - least * len(weights)
    whole = sum(weights)
    shares = [rest * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(rest * weights[i] % whole), i))
    for index in by_remainder[: rest - sum(shares)]:
        shares[index] += 1
    return [least + share for share in shares]


def offset(lat: float, lon: float, east_m: float, north_m: float) -> tuple[float, float]:
    """Return the place so many metres away (flat earth: a city is small)."""
    degree_east = METRES_A_DEGREE * math.cos(math.radians(lat))
    return lat + north_m / METRES_A_DEGREE, lon + east_m / degree_east


def place(commune: Commune, rng: random.Random) -> tuple[float, float]:
    """Draw a place in a commune, as (lat, lon): evenly over the circle around its centre."""
    bearing = rng.uniform(0.0, 2.0 * math.pi)
    distance = commune.radius_m * math.sqrt(rng.random())
    east_m, north_m = distance * math.sin(bearing), distance * math.cos(bearing)
    return offset(commune.lat, commune.lon, east_m, north_m)


def spread(
    communes: Sequence[Commune], total: int, rng: random.Random, least: int = 0
) -> list[Spot]:
    """Draw where ``total`` things stand: shared out by people, commune by commune.

    Communes get ``least`` each where there are enough things for that.
    """
    floor = least if total >= least * len(communes) else 0
    shares = share_out(total, [commune.people for commune in communes], floor)
    return [
        Spot(commune, number, *place(commune, rng))
        for commune, share in zip(communes, shares, strict=True)
        for number in range(1, share + 1)
    ]
