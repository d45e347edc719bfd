"""Draw the inventory of a city: its lighting cabinets and its street lights, as two CSV files.

The communes, their INSEE codes and the coordinates of their centres are facts (communes.csv;
populations rounded); every cabinet and every lamp is drawn from a seed, around those centres,
and says so in its ``origin`` column. The same arguments give the same files, byte for byte.

    python examples/dijon/generate.py                      # 630 cabinets, 34,000 lamps
    python examples/dijon/generate.py --lamps 540 --cabinets 10 --out /tmp/small
"""

from __future__ import annotations

import argparse
import csv
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOST_LAMPS = 99
"""Lamps behind one cabinet: what the cabinet's register map has room for."""
ONE_READ = 62
"""Lamps whose level and status (two registers each) fit one Modbus read of 125 registers."""
METRES_A_DEGREE = 111_320.0
FEEDERS = 4
"""Cables that leave a cabinet; its lamps stand along them, one every ``LAMP_SPACING_M``."""
LAMP_SPACING_M = 28.0
LAMP_POWERS_W = (28, 35, 42, 55, 70)
ORIGIN = "generated"

CABINET_COLUMNS = ("id", "name", "zone", "insee", "line", "host", "port", "unit", "lamps")
LIGHT_COLUMNS = ("id", "name", "zone", "cabinet", "line", "unit", "number", "rated_w")
PLACE_COLUMNS = ("lat", "lon", "origin")


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
        """Return how far from the centre its cabinets are drawn."""
        return max(150.0, 7.5 * math.sqrt(self.people))


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


def read_communes(path: Path = HERE / "communes.csv") -> list[Commune]:
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


def share_out(total: int, weights: Sequence[int], least: int) -> list[int]:
    """Divide ``total`` by weight, largest remainders first, at least ``least`` for each."""
    rest = total - least * len(weights)
    whole = sum(weights)
    shares = [rest * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(rest * weights[i] % whole), i))
    for index in by_remainder[: rest - sum(shares)]:
        shares[index] += 1
    return [least + share for share in shares]


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


def host_of(number: int) -> str:
    """Return the loopback address of a cabinet (from 0): 127.24.0.1 and on."""
    return f"127.24.{number // 250}.{1 + number % 250}"


def offset(lat: float, lon: float, east_m: float, north_m: float) -> tuple[float, float]:
    """Return the place so many metres away (flat earth: a city is small)."""
    degree_east = METRES_A_DEGREE * math.cos(math.radians(lat))
    return lat + north_m / METRES_A_DEGREE, lon + east_m / degree_east


def draw_cabinets(
    communes: Sequence[Commune], lamps: int, cabinets: int, port: int, rng: random.Random
) -> list[Cabinet]:
    """Draw the cabinets, commune by commune.

    Raises:
        ValueError: the numbers do not fit each other; the caller's fault.
    """
    if not 1 <= cabinets <= 60_000:
        raise ValueError(f"cabinets: {cabinets}, allowed 1 to 60000")
    if not cabinets <= lamps <= cabinets * MOST_LAMPS:
        raise ValueError(
            f"lamps: {lamps}, allowed {cabinets} to {cabinets * MOST_LAMPS} "
            f"(1 to {MOST_LAMPS} behind each of {cabinets} cabinets)"
        )
    least = 1 if cabinets >= len(communes) else 0
    shares = share_out(cabinets, [commune.people for commune in communes], least)
    counts = lamps_per_cabinet(lamps, cabinets, rng)
    width = max(3, len(str(cabinets)))
    drawn: list[Cabinet] = []
    for commune, share in zip(communes, shares, strict=True):
        for number in range(1, share + 1):
            index = len(drawn)
            bearing = rng.uniform(0.0, 2.0 * math.pi)
            distance = commune.radius_m * math.sqrt(rng.random())
            east_m, north_m = distance * math.sin(bearing), distance * math.cos(bearing)
            lat, lon = offset(commune.lat, commune.lon, east_m, north_m)
            drawn.append(
                Cabinet(
                    id=f"dij-c{index + 1:0{width}d}",
                    commune=commune,
                    number=number,
                    host=host_of(index),
                    port=port,
                    lamps=counts[index],
                    lat=lat,
                    lon=lon,
                )
            )
    return drawn


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


def write_csv(path: Path, columns: Sequence[str], rows: Iterator[tuple[object, ...]]) -> None:
    """Write one file whole, then put it in its place: a reader never sees half of it."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    unfinished.replace(path)


def generate(
    out: Path, *, seed: int = 2017, lamps: int = 34_000, cabinets: int = 630, port: int = 15_020
) -> None:
    """Write ``cabinets.csv`` and ``lights.csv`` into a folder, which is made if need be.

    Raises:
        ValueError: the numbers do not fit each other; the caller's fault.
    """
    rng = random.Random(f"jacquemart-dijon-{seed}")
    drawn = draw_cabinets(read_communes(), lamps, cabinets, port, rng)
    out.mkdir(parents=True, exist_ok=True)
    write_csv(out / "cabinets.csv", CABINET_COLUMNS + PLACE_COLUMNS, cabinet_rows(drawn))
    write_csv(out / "lights.csv", LIGHT_COLUMNS + PLACE_COLUMNS, light_rows(drawn, rng))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lamps", type=int, default=34_000)
    parser.add_argument("--cabinets", type=int, default=630)
    parser.add_argument("--seed", type=int, default=2017)
    parser.add_argument("--port", type=int, default=15_020, help="TCP port of every cabinet")
    parser.add_argument("--out", type=Path, default=HERE / "generated")
    chosen = parser.parse_args()
    try:
        generate(
            chosen.out,
            seed=chosen.seed,
            lamps=chosen.lamps,
            cabinets=chosen.cabinets,
            port=chosen.port,
        )
    except ValueError as error:
        parser.error(str(error))
    print(f"{chosen.cabinets} cabinets and {chosen.lamps} lamps in {chosen.out}")


if __name__ == "__main__":
    main()
