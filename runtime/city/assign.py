"""Zones for devices by where they stand, where no column or default says them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.problems import Words
from jacquemart.runtime.city.rejects import Problem
from jacquemart.runtime.city.rows import Rows
from jacquemart.runtime.model.extras import geo_library
from jacquemart.runtime.model.territory import Territory

_ALLOWED = "a point in a zone"


def zones_of_points(
    inventory: Inventory,
    rows: Rows,
    territory: Territory,
    lats: Any,
    lons: Any,
) -> list[str | None]:
    """Return the zone of each row; None where it is not known, "" where that is a problem.

    Args:
        inventory: says what becomes of points outside of all zones.
        rows: its rows, for the places of problems.
        territory: the outlines of the zones; it knows some.
        lats: latitudes in degrees; NaN or None where there is none.
        lons: longitudes, as many.
    """
    numpy = geo_library("numpy", "the outlines of zones")
    y, x = numpy.array(lats, dtype=float), numpy.array(lons, dtype=float)
    found = territory.zones_at(y, x)
    known = numpy.isfinite(y) & numpy.isfinite(x)
    names: list[str | None] = [*territory.zones, None]
    zones = [names[at] for at in found.tolist()]
    outside = numpy.flatnonzero(known & (found < 0))
    if not len(outside):
        return zones
    policy, within = inventory.says["outside"], inventory.says["outside_within_m"]
    moved: Mapping[int, str] = {}
    if policy == "nearest":
        at, metres = territory.nearest_at(y[outside], x[outside])
        close = metres <= within
        moved = {
            int(row): territory.zones[zone]
            for row, zone in zip(outside[close], at[close], strict=True)
        }
        inventory.account.moved += len(moved)
    for row, zone in moved.items():
        zones[row] = zone
    left = [row for row in outside.tolist() if row not in moved]
    for row in left:
        zones[row] = ""

    def tell(row: int) -> Problem:
        zone, away_m = territory.nearest(float(y[row]), float(x[row]))
        message = f"{away_m:,.0f} m from the nearest zone, {zone}"
        turned = territory.zone_at(float(x[row]), float(y[row]))
        if turned:
            message += f"; the other way round it is in {turned}"
        found = Words(f"{y[row]:.6f}, {x[row]:.6f} (lat, lon)")
        return rows.place(row, "zone", ""), found, _ALLOWED, message, ()

    inventory.problems.add_each(left, tell, always_drop=policy == "drop")
    return zones
