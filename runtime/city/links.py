"""Read links: one by one from ``[links.*]``, or many from an inventory and a link template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jacquemart.runtime.city import schema
from jacquemart.runtime.city.checks import IDENTIFIER, Key, read_table
from jacquemart.runtime.city.files import Table
from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.problems import Place, Report
from jacquemart.runtime.city.registry import DriverInfo, Offer, ask
from jacquemart.runtime.city.templates import named_tables
from jacquemart.runtime.model.city import LinkSpec


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

    def read_templates(self, parent: Table) -> None:
        """Read ``[link_templates.*]``."""
        for name, table in named_tables(parent, self._report):
            options: dict[str, Any] = {}
            values = read_table(table, self._keys, self._report, rest=options)
            self.templates[name] = LinkTemplate(table, values, options)

    def read_tables(self, parent: Table) -> None:
        """Read ``[links.*]``."""
        for name, table in named_tables(parent, self._report):
            options: dict[str, Any] = {}
            values = read_table(table, self._keys, self._report, rest=options)
            self._add(LinkDraft(name, **values, options=options, place=_in_table(table)))

    def read_inventory(self, inventory: Inventory) -> None:
        """Make a link of each row."""
        inventory.refuse(["driver"], ["id", "zone", "isolation", "node", "the driver's options"])
        known = inventory.knows_template("link template", self.templates)
        sheet = inventory.read() if known else None
        if sheet is None:
            self.complete = False
            return
        template = self.templates[inventory.template]
        self.complete &= sheet.complete
        place_keys = schema.place_keys(self._zones)
        keys = [replace(key, default=template.values[key.name]) for key in place_keys]
        own = inventory.values(sheet, (Key("id", IDENTIFIER), *keys))
        options = {
            name: inventory.options(sheet, name, template.options)
            for name in inventory.targets()
            if name not in own and name != "driver"
        }
        for row, link in enumerate(own.pop("id")):
            if link is None:
                self.complete = False
                continue
            given = {name: column[row] for name, column in options.items()}
            draft = LinkDraft(
                link,
                template.values["driver"],
                **{name: column[row] for name, column in own.items()},
                options={
                    **template.options,
                    **{name: value for name, value in given.items() if value is not None},
                },
                place=inventory.place_of(sheet, row, template.table),
            )
            self._add(draft)

    def _add(self, draft: LinkDraft) -> None:
        first = self.by_id.setdefault(draft.id, draft)
        if first is not draft:
            place = first.place("id")
            message = f"first at {place.file}:{place.line}"
            self._report.add(draft.place("id"), draft.id, "an id that no other link has", message)

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


def _in_table(table: Table) -> Callable[[str], Place]:
    def place(key: str) -> Place:
        return table.place() if key in ("", "id") else table.place(key)

    return place
