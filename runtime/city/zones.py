"""The zones of a city: ``[zones.*]``, and inventories of outlines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jacquemart.runtime.city import schema
from jacquemart.runtime.city.checks import read_table
from jacquemart.runtime.city.files import Table
from jacquemart.runtime.city.include import Documents
from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.outlines import ZoneDraft, check_overlaps, read_outlines
from jacquemart.runtime.city.problems import Place, Report, shown
from jacquemart.runtime.city.templates import named_tables
from jacquemart.runtime.model.city import ZoneSpec
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.territory import Territory


def read_zones(
    documents: Documents, inventories: Sequence[Inventory], report: Report
) -> tuple[tuple[ZoneSpec, ...], dict[str, str]]:
    """Return the zones, and what may name one: its id, and its name as published data has it."""
    parent = documents.table("zones")
    given = {
        zone: read_table(table, schema.ZONE, report)["name"]
        for zone, table in named_tables(parent, report)
    }
    drafts = {
        zone: ZoneDraft(zone, given.get(zone) or zone, _in_table(parent, zone))
        for zone in parent.values
    }
    names = _names(list(drafts.values()), report)
    outlined = [inventory for inventory in inventories if inventory.makes == "zones"]
    for inventory in outlined:
        read_outlines(inventory, drafts, names, report)
    if outlined:
        names = _names(list(drafts.values()), report)
        check_overlaps(list(drafts.values()), report)
    if not drafts and not outlined:
        documents.report_missing("zones", "at least one zone, [zones.<id>]")
    zones = tuple(ZoneSpec(draft.id, draft.name, draft.outline) for draft in drafts.values())
    return zones, names


def _in_table(parent: Table, zone: str) -> Callable[[str], Place]:
    return lambda key: parent.place(zone) if key == "id" else parent.place(zone, key)


def _names(zones: Sequence[ZoneDraft], report: Report) -> dict[str, str]:
    names = {zone.id: zone.id for zone in zones}
    for zone in zones:
        other = names.setdefault(zone.name, zone.id)
        if other != zone.id:
            allowed = f"a name by which no other zone is known (zone {shown(other)} is)"
            report.add(zone.place("name"), zone.name, allowed)
    return names


def territory_of(zones: Sequence[ZoneSpec], report: Report) -> Territory:
    """Return where the zones are; an empty territory, with the problem told, without libraries."""
    try:
        return Territory(zones)
    except ConfigError as error:
        report.add(Place(""), error.message, "the libraries for outlines", error.advice)
        return Territory(())
