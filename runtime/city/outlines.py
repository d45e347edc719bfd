"""Zones whose outlines come from an inventory: read, checked, and made WGS 84."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jacquemart.runtime.city.checks import IDENTIFIER, Key, text
from jacquemart.runtime.city.features import Features
from jacquemart.runtime.city.identity import ids_of_columns, ids_with_prefix, slug
from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.positions import advice, frame_for, pair
from jacquemart.runtime.city.problems import NOTHING, Place, Report, Words, shown
from jacquemart.runtime.city.rows import Rows
from jacquemart.runtime.model.extras import geo_library
from jacquemart.runtime.model.ids import valid_id
from jacquemart.runtime.model.territory import EARTH_M

#: Square metres by which neighbours may overlap: published outlines are drawn one by one.
OVERLAP_M2 = 1_000.0
_KEYS = (Key("id", IDENTIFIER), Key("name", text(), ""))


@dataclass(slots=True)
class ZoneDraft:
    """A zone while the city is read."""

    id: str
    name: str
    place: Callable[[str], Place]
    outline: bytes = b""
    outlined: Callable[[str], Place] | None = None
    """Where the outline stands, if that is elsewhere."""


def read_outlines(
    inventory: Inventory, zones: dict[str, ZoneDraft], tabled: Mapping[str, str], report: Report
) -> None:
    """Add the zones of an inventory; one that a table names already gets its outline.

    Args:
        inventory: it makes zones.
        zones: the zones so far, by id; this adds to them.
        tabled: the ids of those of tables, by id and by name.
        report: takes the problems.
    """
    rows = inventory.read()
    if rows is None:
        return
    if not isinstance(rows, Features) or not rows.located:
        found = Words(f"{inventory.format} without geometries")
        report.add(inventory.table.place("file"), found, "a file with polygons")
        return
    inventory.refuse(
        [name for name in inventory.targets() if name not in ("id", "name")], ["id", "name"]
    )
    named = inventory.values(rows, _KEYS[1:])["name"]
    ids = _ids(inventory, rows, named, tabled)
    shapes = _shapes(inventory, rows, report)
    if shapes is None:
        return
    shapely = geo_library("shapely", "the outlines of zones")
    for row, (zone, name, shape) in enumerate(zip(ids, named, shapes, strict=True)):
        if zone is None or shape is None or row in inventory.problems.rows:
            continue
        place = inventory.place_of(rows, row)
        outline = shapely.to_wkb(shape, output_dimension=2)
        other = zones.get(zone)
        if other is None:
            zones[zone] = ZoneDraft(zone, name or zone, place, outline)
        elif other.outline:
            first = (other.outlined or other.place)("id").at
            inventory.problems.add(
                row, place("id"), zone, "an id that no other zone has", f"first at {first}"
            )
            continue
        else:
            other.outline, other.outlined = outline, place
        inventory.account.accepted += 1
    rows.release()


def _ids(
    inventory: Inventory, rows: Rows, names: Sequence[str], tabled: Mapping[str, str]
) -> list[str | None]:
    """Return the id of each row: by column, made of columns, or made of its name."""
    source, prefix = inventory.says["id_from"], inventory.says["id_prefix"]
    if isinstance(source, list):
        known = all(name in rows for name in source)
        return ids_of_columns(inventory, rows, source) if known else [None] * len(rows)
    if inventory.gives("id"):
        return ids_with_prefix(inventory, rows, inventory.values(rows, _KEYS[:1])["id"])
    ids: list[str | None] = []
    for row, name in enumerate(names):
        made = tabled.get(name) or prefix + slug(name)
        if name and valid_id(made):
            ids.append(made)
            continue
        ids.append(None)
        place = rows.place(row, "name", inventory.column("name"))
        inventory.problems.add(row, place, name or NOTHING, "a name of which an id can be made")
    return ids


def _shapes(inventory: Inventory, rows: Features, report: Report) -> list[Any] | None:
    """Return the outlines in WGS 84; None in the place of one that is not sound."""
    numpy, shapely = (geo_library(name, "the outlines of zones") for name in ("numpy", "shapely"))
    shapes = shapely.from_wkb(numpy.array(rows.shapes, dtype=object), on_invalid="ignore")
    corners, owners = shapely.get_coordinates(shapes, return_index=True)
    frame = frame_for(inventory, rows, report, corners[:, 0], corners[:, 1], None)
    if frame is None:
        return None
    lon, lat = frame.to_wgs84(corners[:, 0], corners[:, 1])
    sound = numpy.isfinite(lon) & numpy.isfinite(lat) & (abs(lon) <= 180) & (abs(lat) <= 90)
    if len(corners) and not sound.any():
        place = Place(rows.file)
        found = Words(f"coordinates such as {corners[0, 0]:.2f}, {corners[0, 1]:.2f}")
        hint = advice(corners[:, 0], corners[:, 1], None)
        allowed = f"coordinates in {frame.name} ({frame.origin})"
        report.add(place, found, allowed, hint or "set crs in this [[inventory]]")
        return None
    shapes = shapely.set_coordinates(shapely.force_2d(shapes), numpy.column_stack([lon, lat]))
    bad = numpy.flatnonzero(~sound)
    off = dict(zip(owners[bad[::-1]].tolist(), bad[::-1].tolist(), strict=True))  # the first one
    for row, at in sorted(off.items()):
        found = Words(pair(corners[at, 0], corners[at, 1]))
        allowed = f"coordinates of {frame.name}"
        inventory.problems.add(row, rows.place(row, "geometry", ""), found, allowed)
    return [
        None if row in off else _sound(inventory, rows, row, shape)
        for row, shape in enumerate(shapes)
    ]


def _sound(inventory: Inventory, rows: Features, row: int, shape: Any) -> Any:
    """Return a polygon or multipolygon that is valid, or None with the problem told."""
    shapely = geo_library("shapely", "the outlines of zones")
    place = rows.place(row, "geometry", "")
    problems = inventory.problems
    if shape is None or shape.is_empty:
        found = Words("no geometry" if shape is None else "an empty geometry")
        problems.add(row, place, found, "a polygon or multipolygon")
        return None
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        problems.add(row, place, Words(f"a {shape.geom_type}"), "a polygon or multipolygon")
        return None
    if shapely.is_valid(shape):
        return shape
    reason = shapely.is_valid_reason(shape)
    if inventory.says["repair"]:
        made = shapely.make_valid(shape, method="structure", keep_collapsed=False)
        if made.geom_type in ("Polygon", "MultiPolygon") and not made.is_empty:
            inventory.account.repaired += 1
            return made
    advice = "" if inventory.says["repair"] else "repair = true makes it valid where it can"
    found = Words(f"an invalid polygon: {reason} (longitude latitude)")
    problems.add(row, place, found, "a valid polygon", advice)
    return None


def check_overlaps(zones: Sequence[ZoneDraft], report: Report) -> None:
    """Report zones that have more than ``OVERLAP_M2`` in common, each pair once."""
    drawn = [zone for zone in zones if zone.outline]
    if len(drawn) < 2:
        return
    numpy, shapely = (geo_library(name, "the outlines of zones") for name in ("numpy", "shapely"))
    shapes = shapely.from_wkb([zone.outline for zone in drawn])
    pairs = shapely.STRtree(shapes).query(shapes, predicate="intersects").T
    for one, other in pairs[pairs[:, 0] < pairs[:, 1]].tolist():
        common = shapely.intersection(shapes[one], shapes[other])
        if shapely.area(common) == 0:
            continue
        middle = shapely.get_coordinates(common)[:, 1].mean()
        metre = numpy.radians(EARTH_M)
        square = float(shapely.area(common) * metre**2 * numpy.cos(numpy.radians(middle)))
        if square > OVERLAP_M2:
            second = drawn[other]
            spot = shapely.point_on_surface(common)
            found = Words(
                f"an outline that overlaps zone {shown(drawn[one].id)} by {square:,.0f} m² "
                f"at {spot.y:.5f}, {spot.x:.5f} (lat, lon)"
            )
            first = (drawn[one].outlined or drawn[one].place)("id").at
            allowed = f"at most {OVERLAP_M2:,.0f} m² in common with another zone"
            place = (second.outlined or second.place)("id")._replace(key=f"zone {second.id}")
            report.add(place, found, allowed, f"the other is at {first}")
