"""Read devices into columns: from inventories and from ``[[device]]``.

Columns and not objects, until everything is known (a zone may come from the link): checks over
tens of thousands of devices are then loops over plain lists.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields, replace
from itertools import compress
from typing import Any

from jacquemart.runtime.city.checks import Key, read_table
from jacquemart.runtime.city.files import Table
from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.problems import NOTHING, Place, Report
from jacquemart.runtime.model.city import DeviceSpec

FIELDS = tuple(field.name for field in fields(DeviceSpec) if field.name != "parameters")

Where = Callable[[int, str], Place]
"""The place of a key of the n-th device of one source."""


class Devices:
    """The devices of a city, as one list for each field of DeviceSpec."""

    def __init__(self, report: Report, templates: Collection[str], keys: Sequence[Key]) -> None:
        """Start without devices.

        Args:
            report: takes the problems.
            templates: the names of the device templates.
            keys: what ``schema.device_keys`` returned for this city.
        """
        self.columns: dict[str, list[Any]] = {name: [] for name in FIELDS}
        self.complete = True
        """False if some device could not be read."""
        self._report = report
        self._templates = templates
        self._keys = keys
        self._starts: list[int] = []
        self._sources: list[Where] = []

    def __len__(self) -> int:
        return len(self.columns["id"])

    def where(self, index: int, key: str) -> Place:
        """Return where a key of a device stands."""
        source = bisect_right(self._starts, index) - 1
        return self._sources[source](index - self._starts[source], key)

    def read_inventory(self, inventory: Inventory) -> None:
        """Make a device of each row."""
        if inventory.makes is None:
            self.complete = False
            return
        names = [key.name for key in self._keys]
        inventory.refuse([name for name in inventory.targets() if name not in names], names)
        # Without a template for all of them, a column says which.
        known = not inventory.template or inventory.knows_template("template", self._templates)
        sheet = inventory.read() if known else None
        if sheet is None:
            self.complete = False
            return
        self.complete &= sheet.complete
        keys = list(self._keys)
        if inventory.template:
            at = names.index("template")
            keys[at] = replace(keys[at], default=inventory.template)
        columns = inventory.values(sheet, keys)
        rows: Sequence[int] = range(len(sheet))
        named = [name is not None for name in columns["id"]]
        if not all(named):
            self.complete = False
            rows = list(compress(rows, named))
            columns = {name: list(compress(column, named)) for name, column in columns.items()}
        self._append(columns, lambda row, key: inventory.place_of(sheet, rows[row])(key))

    def read_table(self, table: Table) -> None:
        """Read one ``[[device]]``."""
        values = read_table(table, self._keys, self._report)
        if values["id"] is None:
            self.complete = False
            return
        columns = {name: [value] for name, value in values.items()}
        self._append(columns, lambda _, key: table.place(key))

    def _append(self, columns: dict[str, list[Any]], where: Where) -> None:
        self._starts.append(len(self))
        self._sources.append(where)
        for name in FIELDS:
            self.columns[name].extend(columns[name])

    def check_ids(self) -> None:
        """Report ids that several devices have, each with the place of the first."""
        ids = self.columns["id"]
        if len(set(ids)) == len(ids):
            return
        first: dict[str, int] = {}
        for index, name in enumerate(ids):
            other = first.setdefault(name, index)
            if other != index:
                place = self.where(other, "id")
                message = f"first at {place.file}:{place.line}"
                allowed = "an id that no other device has"
                self._report.add(self.where(index, "id"), name, allowed, message)

    def check_positions(self) -> None:
        """Report a latitude without a longitude, and the other way round."""
        for index, (lat, lon) in enumerate(
            zip(self.columns["lat"], self.columns["lon"], strict=True)
        ):
            if (lat is None) != (lon is None) and lat == lat and lon == lon:  # NaN: refused
                key = "lat" if lat is None else "lon"
                self._report.add(self.where(index, key), NOTHING, "both lat and lon, or neither")

    def build(self) -> tuple[DeviceSpec, ...]:
        """Return the devices, in the order in which they were read."""
        return tuple(map(DeviceSpec, *(self.columns[name] for name in FIELDS)))
