"""Read links: one by one from ``[links.*]``, or many from an inventory and a link template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jacquemart.runtime.city import schema
from jacquemart.runtime.city.checks import IDENTIFIER, Key, read_table
from jacquemart.runtime.city.declared_parameters import (
    ParameterKeys,
    check_use,
    read_parameters,
)
from jacquemart.runtime.city.files import Table
from jacquemart.runtime.city.identity import ids_of_columns, ids_with_prefix
from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.problems import Place, Report
from jacquemart.runtime.city.registry import DriverInfo, Offer, ask
from jacquemart.runtime.city.rows import Rows
from jacquemart.runtime.city.templates import named_tables
from jacquemart.runtime.model.city import LinkSpec
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.parameters import filled

#: What columns of an inventory of links mean already.
_TAKEN = ("id", "zone", "isolation", "node", "driver", "parameters")


@dataclass(slots=True)
class LinkDraft:
    """A link whose zone may still be open: its devices may tell it."""

    id: str
    driver: str | None
    """None: it was refused."""
    zone: str | None
    isolation: Any
    node: str
    options: dict[str, Any]
    place: Callable[[str], Place]
    """Where a key of it stands; "" for the link itself."""


@dataclass(frozen=True, slots=True)
class LinkTemplate:
    """Named options for links that an inventory makes."""

    table: Table
    values: dict[str, Any]
    options: dict[str, Any]
    parameters: ParameterKeys = ()


class Links:
    """The links of a city, by id, while they are read."""

    def __init__(self, report: Report, zones: Mapping[str, str], drivers: Offer[DriverInfo]):
        """Start without links."""
        self.by_id: dict[str, LinkDraft] = {}
        self.complete = True
        """False if an inventory of links could not be read whole."""
        self.templates: dict[str, LinkTemplate] = {}
        self._report = report
        self._zones = zones
        self._drivers = drivers
        self._keys = schema.link_keys(zones, drivers)
        self._made: list[tuple[LinkDraft, Inventory]] = []

    def read_templates(self, parent: Table) -> None:
        """Read ``[link_templates.*]``."""
        for name, table in named_tables(parent, self._report):
            options: dict[str, Any] = {}
            values = read_table(table, self._keys, self._report, rest=options)
            declared: ParameterKeys = ()
            if isinstance(options.pop("parameters", None), dict):
                declared = read_parameters(table, self._report, _TAKEN)
                for key, value in options.items():
                    check_use(value, declared, table.place(key), self._report)
            self.templates[name] = LinkTemplate(table, values, options, declared)

    def read_tables(self, parent: Table) -> None:
        """Read ``[links.*]``."""
        for name, table in named_tables(parent, self._report):
            options: dict[str, Any] = {}
            values = read_table(table, self._keys, self._report, rest=options)
            self._add(LinkDraft(name, **values, options=options, place=_in_table(table)))

    def read_inventory(self, inventory: Inventory) -> None:
        """Make a link of each row."""
        inventory.refuse(
            ["driver", "parameters"], ["id", "zone", "isolation", "node", "the driver's options"]
        )
        known = inventory.knows_template("link template", self.templates)
        rows = inventory.read() if known else None
        if rows is None:
            self.complete = False
            return
        template = self.templates[inventory.template]
        self.complete &= rows.complete
        place_keys = schema.place_keys(self._zones)
        keys = [replace(key, default=template.values[key.name]) for key in place_keys]
        id_keys = () if inventory.says["id_from"] else (Key("id", IDENTIFIER),)
        own = inventory.values(rows, (*id_keys, *keys))
        ids = self._ids(inventory, rows, own)
        values = inventory.values(rows, template.parameters)
        parameters = _by_row(values, len(rows))
        options = {
            name: inventory.options(rows, name, template.options)
            for name in inventory.targets()
            if name not in own and name not in values and name not in ("id", "driver")
        }
        for row, link in enumerate(ids):
            if row in inventory.problems.rows:
                continue
            if link is None:
                self.complete = False
                continue
            given = {name: column[row] for name, column in options.items()}
            place = inventory.place_of(rows, row, template.table)
            sound = None not in parameters[row].values()
            draft = LinkDraft(
                link,
                template.values["driver"] if sound else None,
                **{name: column[row] for name, column in own.items()},
                options={
                    **self._filled(template, parameters[row], place),
                    **{name: value for name, value in given.items() if value is not None},
                },
                place=place,
            )
            self._add(draft, inventory)
        rows.release()

    def _ids(self, inventory: Inventory, rows: Rows, own: dict[str, list[Any]]) -> list[str | None]:
        prefix = inventory.says["id_prefix"]
        source = inventory.says["id_from"]
        if source is None:
            ids = own.pop("id")
            return ids_with_prefix(inventory, rows, ids) if prefix else ids
        if isinstance(source, list):
            known = all(name in rows for name in source)
            return ids_of_columns(inventory, rows, source) if known else [None] * len(rows)
        place = inventory.table.place("id_from")
        self._report.add(place, source, "columns, since a link stands nowhere")
        return [None] * len(rows)

    def _filled(
        self, template: LinkTemplate, parameters: Mapping[str, Any], place: Callable[[str], Place]
    ) -> Mapping[str, Any]:
        """Return the options of the template with the parameters of one link put in."""
        if not parameters or None in parameters.values():
            return template.options
        made = dict(template.options)
        for key, value in template.options.items():
            try:
                made.update(filled({key: value}, parameters))
            except ConfigError as error:
                self._report.add(place(key), value, "an option that can be made", error.message)
        return made

    def _add(self, draft: LinkDraft, inventory: Inventory | None = None) -> None:
        first = self.by_id.setdefault(draft.id, draft)
        if first is draft:
            if inventory is not None:
                self._made.append((draft, inventory))
            return
        place = first.place("id")
        message = f"first at {place.at}"
        self._report.add(draft.place("id"), draft.id, "an id that no other link has", message)

    def close_accounts(self) -> None:
        """Count for each inventory what became of its rows, once all zones are known."""
        counts: dict[int, Counter[str]] = {}
        for draft, inventory in self._made:
            counts.setdefault(id(inventory), Counter())[draft.zone or ""] += 1
            inventory.account.zones = counts[id(inventory)]
            inventory.account.accepted += 1

    def check_options(self) -> None:
        """Ask the drivers about the options."""
        for draft in self.by_id.values():
            driver = self._drivers.get(draft.driver or "")
            for key, found, allowed in ask(driver.check_link, draft.options) if driver else ():
                self._report.add(draft.place(key), found, allowed)

    def build(self) -> tuple[LinkSpec, ...]:
        """Return the links, in the order in which they were read."""
        return tuple(
            LinkSpec(d.id, d.driver or "", d.zone or "", d.options, d.isolation, d.node)
            for d in self.by_id.values()
        )


def _by_row(values: Mapping[str, list[Any]], count: int) -> list[dict[str, Any]]:
    if not values:
        return [{}] * count
    return [{name: column[row] for name, column in values.items()} for row in range(count)]


def _in_table(table: Table) -> Callable[[str], Place]:
    def place(key: str) -> Place:
        return table.place() if key in ("", "id") else table.place(key)

    return place
