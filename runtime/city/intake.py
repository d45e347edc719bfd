"""Turn the rows of one inventory into columns of devices: ids, places, zones, parameters.

The order matters: where a row is gives its zone, and its zone may give its link.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jacquemart.runtime.city.assign import zones_of_points
from jacquemart.runtime.city.checks import Key
from jacquemart.runtime.city.declared_parameters import ParameterKeys, shared
from jacquemart.runtime.city.identity import ids_of_columns, ids_of_places, ids_with_prefix
from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.positions import Positions, from_geometry, locate
from jacquemart.runtime.city.problems import NOTHING, Report
from jacquemart.runtime.city.rows import Rows
from jacquemart.runtime.model.city import NO_PARAMETERS
from jacquemart.runtime.model.territory import Territory

Columns = dict[str, list[Any]]
_BY_ZONE = "{zone}"
#: NaN in one of them: the place was refused, so that a zone is missing is no news.
_PLACE = ("lat", "lon")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rows of an inventory of devices are read against.

    Attributes:
        keys: what ``schema.device_keys`` returned for this city.
        territory: the outlines of its zones.
        link_zones: the links that have a zone of their own, with that zone.
        parameters: what each template declares.
        report: takes the problems of whole inventories.
    """

    keys: Sequence[Key]
    territory: Territory
    link_zones: Mapping[str, str]
    parameters: Mapping[str, ParameterKeys]
    report: Report


def device_columns(inventory: Inventory, rows: Rows, around: Surroundings) -> Columns | None:
    """Return a column for each field of a device; None, with the problem told, if that fails."""
    keys = {key.name: key for key in around.keys}
    if inventory.template:
        keys["template"] = replace(keys["template"], default=inventory.template)
    del keys["parameters"]
    places = None
    if from_geometry(inventory, rows):
        bounds = around.territory.bounds if around.territory else None
        places = locate(inventory, rows, around.report, bounds)
        if places is None:
            return None
        del keys["lat"], keys["lon"]
    id_from = inventory.says["id_from"]
    if id_from is not None:
        del keys["id"]
    link = inventory.defaults.get("link")
    by_zone = isinstance(link, str) and _BY_ZONE in link and not inventory.column("link")
    link_key = keys.pop("link") if by_zone else None
    columns = inventory.values(rows, list(keys.values()))
    if places is not None:
        columns["lat"], columns["lon"] = places.lat.tolist(), places.lon.tolist()
    if inventory.problems.drop:
        _check_halves(inventory, rows, columns)
    if around.territory and not inventory.gives("zone") and _located(inventory, places):
        columns["zone"] = zones_of_points(
            inventory, rows, around.territory, columns["lat"], columns["lon"]
        )
        if link_key is None:
            columns["zone"] = _unless_linked(columns, around.link_zones)
    if link_key is not None:
        columns["link"] = _links_of_zones(inventory, rows, str(link), columns, link_key)
    columns["parameters"] = _parameters(inventory, rows, columns["template"], around)
    columns["id"] = _ids(inventory, rows, columns, places, around.report)
    return columns


def _located(inventory: Inventory, places: Positions | None) -> bool:
    return places is not None or inventory.gives("lat", "lon")


def _unless_linked(columns: Columns, link_zones: Mapping[str, str]) -> list[str | None]:
    """Return the zones of places, but none where the link has one: authority goes with the cable.

    "" stays: a place outside of the city is wrong whatever the link says.
    """
    pairs = zip(columns["zone"], columns["link"], strict=True)
    return [None if zone and link in link_zones else zone for zone, link in pairs]


def _links_of_zones(
    inventory: Inventory, rows: Rows, link: str, columns: Columns, key: Key
) -> list[str | None]:
    """Return the link of each row, whose name has the row's zone in it."""
    zones = columns["zone"]
    made: dict[str, str | None] = {}
    for zone in set(zones):
        if zone:
            try:
                made[zone] = key.check.accept(link.replace(_BY_ZONE, zone))
            except ValueError:
                made[zone] = None
    for row, zone in enumerate(zones):
        if zone and made[zone] is None:
            found, place = link.replace(_BY_ZONE, zone), inventory.table.place("defaults", "link")
            if inventory.problems.drop:
                place = rows.place(row, "link", "")
            inventory.problems.add(row, place, found, key.check.allowed, "", key.check.among)
        elif zone is None and not any(columns[name][row] != columns[name][row] for name in _PLACE):
            place = rows.place(row, "zone", "")
            inventory.problems.add(row, place, NOTHING, "a zone, of which the link is made")
    return [made[zone] if zone else None for zone in zones]


def _ids(
    inventory: Inventory, rows: Rows, columns: Columns, places: Positions | None, report: Report
) -> list[str | None]:
    source, prefix = inventory.says["id_from"], inventory.says["id_prefix"]
    if source is None:
        ids = columns["id"]
        return ids_with_prefix(inventory, rows, ids) if prefix else ids
    if isinstance(source, list):
        known = all(name in rows for name in source)
        return ids_of_columns(inventory, rows, source) if known else [None] * len(rows)
    if places is not None:
        grid = places.grid()
    else:
        pairs = zip(columns["lon"], columns["lat"], strict=True)
        grid = [_cell(lon, lat) for lon, lat in pairs]
        for row, cell in enumerate(grid):
            if cell is None and columns["lat"][row] is None:
                place = rows.place(row, "id", "")
                inventory.problems.add(row, place, NOTHING, "lat and lon, of which the id is made")
    names = [name for name in columns if name not in ("id", "lat", "lon", "zone")]
    return ids_of_places(inventory, grid, [columns[name] for name in names])


def _cell(lon: float | None, lat: float | None) -> tuple[int, int] | None:
    if lon is None or lat is None or lon != lon or lat != lat:
        return None
    return round(lon * 1e7), round(lat * 1e7)


def _parameters(
    inventory: Inventory, rows: Rows, templates: Sequence[str | None], around: Surroundings
) -> list[Mapping[str, Any]]:
    used = [name for name in set(templates) if name and around.parameters.get(name)]
    if not used:
        return [NO_PARAMETERS] * len(rows)
    found: list[Mapping[str, Any]] = [NO_PARAMETERS] * len(rows)
    for template in used:
        keys = around.parameters[template]
        mine = [row for row, name in enumerate(templates) if name == template]
        values = inventory.values(rows, keys, only=None if len(mine) == len(rows) else set(mine))
        names = tuple(key.name for key in keys)
        cells = [values[name] for name in names]
        made = shared((tuple(column[row] for column in cells) for row in mine), names)
        for row, parameters in zip(mine, made, strict=True):
            found[row] = parameters
    return found


def _check_halves(inventory: Inventory, rows: Rows, columns: Columns) -> None:
    """Leave out rows with a latitude and no longitude, or the other way round."""
    for row, (lat, lon) in enumerate(zip(columns["lat"], columns["lon"], strict=True)):
        if (lat is None) != (lon is None) and lat == lat and lon == lon:
            key = "lat" if lat is None else "lon"
            place = inventory.place_of(rows, row)(key)
            inventory.problems.add(row, place, NOTHING, "both lat and lon, or neither")
