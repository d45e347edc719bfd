"""Read devices into columns: from inventories and from ``[[device]]``.

Columns and not objects, until everything is known (a zone may come from the link): checks over
tens of thousands of devices are then loops over plain lists.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from itertools import compress

from jacquemart.runtime.city.checks import read_table
from jacquemart.runtime.city.files import Table
from jacquemart.runtime.city.intake import Columns, Surroundings, device_columns
from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.problems import NOTHING, Place
from jacquemart.runtime.city.rows import Rows
from jacquemart.runtime.model.city import NO_PARAMETERS, DeviceSpec
from jacquemart.runtime.model.devices import records_of

FIELDS = tuple(field.name for field in fields(DeviceSpec))

Where = Callable[[int, str], Place]
"""The place of a key of the n-th device of one source."""


class Devices:
    """The devices of a city, as one list for each field of DeviceSpec."""

    def __init__(self, around: Surroundings, templates: Collection[str]) -> None:
        """Start without devices; ``templates`` are the names of the device templates."""
        self.columns: Columns = {name: [] for name in FIELDS}
        self.complete = True
        """False if some device could not be read."""
        self._around = around
        self._report = around.report
        self._templates = templates
        self._keys = around.keys
        self._starts: list[int] = []
        self._sources: list[Where] = []
        self._inventories: dict[int, Inventory] = {}

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
        names = [key.name for key in self._keys if key.name != "parameters"]
        names += ["x", "y", *self._parameter_names(inventory)]
        inventory.refuse([name for name in inventory.targets() if name not in names], names)
        # Without a template for all of them, a column says which.
        known = not inventory.template or inventory.knows_template("template", self._templates)
        rows = inventory.read() if known else None
        columns = device_columns(inventory, rows, self._around) if rows is not None else None
        if rows is None or columns is None:
            self.complete = False
            return
        self.complete &= rows.complete
        left_out = inventory.problems.rows
        if inventory.problems.drop:
            self._leave_out_known(inventory, rows, columns["id"])
        kept = [name is not None for name in columns["id"]]
        self.complete &= all(row in left_out for row, good in enumerate(kept) if not good)
        for row in left_out:
            kept[row] = False
        numbers = range(len(rows)) if all(kept) else list(compress(range(len(rows)), kept))
        if len(numbers) < len(rows):
            columns = {name: list(compress(column, kept)) for name, column in columns.items()}
        rows.release()
        self._inventories[len(self._starts)] = inventory
        self._append(columns, lambda row, key: inventory.place_of(rows, numbers[row])(key))

    def _parameter_names(self, inventory: Inventory) -> list[str]:
        declared = self._around.parameters
        chosen = [inventory.template] if inventory.template else declared
        return list(dict.fromkeys(key.name for name in chosen for key in declared.get(name, ())))

    def _leave_out_known(self, inventory: Inventory, rows: Rows, ids: list[str | None]) -> None:
        """Leave out rows whose id another device has already."""
        before = dict(zip(self.columns["id"], range(len(self)), strict=True))
        here: dict[str, int] = {}
        problems = inventory.problems
        for row, name in enumerate(ids):
            if name is None or row in problems.rows:
                continue
            if name in before:
                first = self.where(before[name], "id")
            elif here.setdefault(name, row) == row:
                continue
            else:
                first = inventory.place_of(rows, here[name])("id")
            place = inventory.place_of(rows, row)("id")
            allowed = "an id that no other device has"
            problems.add(row, place, name, allowed, f"first at {first.at}")

    def read_table(self, table: Table) -> None:
        """Read one ``[[device]]``."""
        values = read_table(table, self._keys, self._report)
        if values["id"] is None:
            self.complete = False
            return
        declared = self._around.parameters.get(values["template"] or "", ())
        inner = table.inside("parameters")
        found = read_table(inner, declared, self._report) if declared or inner.values else None
        values["parameters"] = found or NO_PARAMETERS
        columns = {name: [value] for name, value in values.items()}
        own = {key.name for key in declared}

        def where(_: int, key: str) -> Place:
            return table.place("parameters", key) if key in own else table.place(key)

        self._append(columns, where)

    def _append(self, columns: Columns, where: Where) -> None:
        self._starts.append(len(self))
        self._sources.append(where)
        for name in FIELDS:
            self.columns[name].extend(columns[name])

    def close_accounts(self) -> None:
        """Count for each inventory what became of its rows, once all zones are known."""
        ends = [*self._starts[1:], len(self)]
        for number, inventory in self._inventories.items():
            zones = self.columns["zone"][self._starts[number] : ends[number]]
            inventory.account.accepted = len(zones)
            counts: Mapping[str, int] = Counter(zone for zone in zones if zone)
            inventory.account.zones = dict(sorted(counts.items()))

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
                message = f"first at {place.at}"
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
        return tuple(records_of(*(self.columns[name] for name in FIELDS)))
