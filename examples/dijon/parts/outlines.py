"""Outlines of the communes: drawn, not surveyed.

The names and the coordinates of the centres are facts; the outlines are not. Each commune gets
what lies nearer to its centre than to any other (its Voronoi cell), within ``MARGIN_M`` around the
centres. They show which equipment belongs together and let vehicles cross borders; they are no
map. Every feature says so in its ``origin``.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parts.ground import METRES_A_DEGREE, Commune
from parts.tables import Tables

FILE = "communes.geojson"
ORIGIN = "drawn from the centre's coordinates; not the legal boundary"
MARGIN_M = 3_500.0
"""How far the territory reaches beyond the outermost centres."""
CORNERS = 24
"""Of the circle around each centre whose hull is the territory."""
DIGITS = 6

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Outlines:
    """The file of outlines, written as a :class:`Table` is."""

    content: dict[str, Any]
    name: str = FILE

    def write(self, folder: Path) -> None:
        """Write the file whole, then put it in its place."""
        unfinished = folder / f"{self.name}.part"
        text = json.dumps(self.content, ensure_ascii=False, indent=1)
        unfinished.write_text(f"{text}\n", encoding="utf-8")
        unfinished.replace(folder / self.name)


def draw(rng: random.Random, communes: Sequence[Commune], scale: float, *, port: int) -> Tables:
    """Return ``communes.geojson``; nothing in it is left to chance, or scales."""
    return Tables([Outlines(geojson(communes))])  # type: ignore[list-item]


def geojson(communes: Sequence[Commune]) -> dict[str, Any]:
    """Return the outlines as a GeoJSON FeatureCollection in WGS 84."""
    lat = sum(commune.lat for commune in communes) / len(communes)
    east_m = METRES_A_DEGREE * math.cos(math.radians(lat))
    centres = [(commune.lon * east_m, commune.lat * METRES_A_DEGREE) for commune in communes]
    territory = hull([corner for centre in centres for corner in circle(centre)])
    features = []
    for commune, centre in zip(communes, centres, strict=True):
        cell = territory
        for other in centres:
            if other != centre:
                cell = nearer(cell, centre, other)
        ring = [[round(x / east_m, DIGITS), round(y / METRES_A_DEGREE, DIGITS)] for x, y in cell]
        features.append(
            {
                "type": "Feature",
                "properties": {
                    "zone": commune.zone,
                    "name": commune.name,
                    "insee": commune.insee,
                    "origin": ORIGIN,
                },
                "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
            }
        )
    return {"type": "FeatureCollection", "features": features}


def circle(centre: Point) -> list[Point]:
    """Return corners at ``MARGIN_M`` around a centre."""
    turns = (2.0 * math.pi * corner / CORNERS for corner in range(CORNERS))
    x, y = centre
    return [(x + MARGIN_M * math.cos(turn), y + MARGIN_M * math.sin(turn)) for turn in turns]


def hull(points: Sequence[Point]) -> list[Point]:
    """Return the convex hull, counterclockwise (monotone chain)."""
    ordered = sorted(set(points))
    halves: list[Point] = []
    for way in (ordered, ordered[::-1]):
        half: list[Point] = []
        for point in way:
            while len(half) > 1 and turn(half[-2], half[-1], point) <= 0.0:
                half.pop()
            half.append(point)
        halves += half[:-1]
    return halves


def turn(first: Point, second: Point, third: Point) -> float:
    """Return twice the area of a triangle: above 0 if it turns to the left."""
    return (second[0] - first[0]) * (third[1] - first[1]) - (second[1] - first[1]) * (
        third[0] - first[0]
    )


def nearer(cell: Sequence[Point], centre: Point, other: Point) -> list[Point]:
    """Return the part of a convex cell that is nearer to ``centre`` than to ``other``."""
    (ax, ay), (bx, by) = centre, other
    dx, dy = bx - ax, by - ay
    limit = (bx * bx + by * by - ax * ax - ay * ay) / 2.0

    def beyond(point: Point) -> float:
        return point[0] * dx + point[1] * dy - limit

    kept: list[Point] = []
    for at, point in enumerate(cell):
        before = cell[at - 1]
        here, there = beyond(point), beyond(before)
        if (here > 0.0) != (there > 0.0):
            share = there / (there - here)
            kept.append(
                (
                    before[0] + (point[0] - before[0]) * share,
                    before[1] + (point[1] - before[1]) * share,
                )
            )
        if here <= 0.0:
            kept.append(point)
    return kept
