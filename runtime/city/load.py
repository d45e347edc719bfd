"""Load a city: read everything, check everything, then either all problems or one CitySpec."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass

from jacquemart.runtime.city import schema
from jacquemart.runtime.city.account import Account
from jacquemart.runtime.city.addresses import Claims, check_addresses
from jacquemart.runtime.city.checks import read_table
from jacquemart.runtime.city.declared_parameters import declare_all
from jacquemart.runtime.city.devices import Devices
from jacquemart.runtime.city.exclusive import check_exclusive
from jacquemart.runtime.city.files import Document, Table, read_document
from jacquemart.runtime.city.include import Documents
from jacquemart.runtime.city.intake import Surroundings
from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.kind_tables import check_kind_tables, with_tables
from jacquemart.runtime.city.links import Links
from jacquemart.runtime.city.problems import Report
from jacquemart.runtime.city.protected import Guarded, check_protected
from jacquemart.runtime.city.registry import (
    DriverInfo,
    KindInfo,
    Offer,
    driver_registry,
    find_drivers,
    find_kinds,
    kind_registry,
)
from jacquemart.runtime.city.relations import (
    check_drivers,
    check_feeds,
    settle_zones,
)
from jacquemart.runtime.city.roaming import with_zone_words
from jacquemart.runtime.city.templates import read_templates
from jacquemart.runtime.city.zones import read_zones, territory_of
from jacquemart.runtime.model.city import CitySpec, GatewaySpec

log = logging.getLogger("jacquemart.city")


@dataclass(frozen=True, slots=True)
class CitySurvey:
    """A city, and what became of the rows of its inventories.

    Attributes:
        city: the validated city.
        accounts: one for each inventory, in the order of the files.
    """

    city: CitySpec
    accounts: tuple[Account, ...]


def load_city(
    path: str | os.PathLike[str],
    *,
    kinds: Mapping[str, KindInfo] | None = None,
    drivers: Mapping[str, DriverInfo] | None = None,
) -> CitySpec:
    """Read a city file and its inventories, and check them whole.

    Rows that an inventory leaves out (``bad_rows``, ``outside``) are logged as a warning, with
    their number; ``survey_city`` tells each.

    Args:
        path: the city file; inventories are found relative to it.
        kinds: device kinds by name; None: those of the installed packages.
        drivers: drivers by name; None: those of the installed packages.

    Returns:
        The city. Devices and links are in the order of the files.

    Raises:
        CityErrors: all that is wrong; the operator's fault; a retry needs another file.
    """
    survey = survey_city(path, kinds=kinds, drivers=drivers)
    for account in survey.accounts:
        if account.rejected:
            log.warning(
                "%s: %d of %d rows were left out; `jacquemart check` tells why",
                account.file,
                account.rejected,
                account.rows,
            )
    return survey.city


def survey_city(
    path: str | os.PathLike[str],
    *,
    kinds: Mapping[str, KindInfo] | None = None,
    drivers: Mapping[str, DriverInfo] | None = None,
) -> CitySurvey:
    """Read and check a city as ``load_city`` does, and tell what became of each inventory's rows.

    Raises:
        CityErrors: as ``load_city``.
    """
    report = Report()
    document = read_document(os.fspath(path), report)
    if document is None:
        raise report.errors()
    survey = _read_city(
        document,
        report,
        Offer(find_kinds() if kinds is None else kind_registry(()), kinds),
        Offer(find_drivers() if drivers is None else driver_registry(()), drivers),
    )
    if report.count:
        raise report.errors()
    return survey


def _read_city(
    document: Document, report: Report, kinds: Offer[KindInfo], drivers: Offer[DriverInfo]
) -> CitySurvey:
    documents = Documents(document, report)
    if not documents.complete:  # what refers to the missing part would only seem to be wrong
        raise report.errors()
    root, top = documents.root, documents.top
    about = {key.name: key.fallback for key in schema.CITY}
    if top["city"] is not None:
        about = read_table(root.inside("city"), schema.CITY, report)
    gateway = _read_gateway(root.inside("gateway"), report)
    cells = read_table(root.inside("cells"), schema.CELLS, report)
    inventories = [
        Inventory(table, read_table(table, schema.INVENTORY, report), report)
        for table in documents.tables("inventory")
    ]
    zones, names = read_zones(documents, inventories, report)
    tables = documents.table("templates")
    templates, sound = read_templates(tables, report, kinds, drivers)
    links = Links(report, names, drivers)
    links.read_templates(documents.table("link_templates"))
    links.read_tables(documents.table("links"))
    for inventory in inventories:
        if inventory.makes in ("links", None):
            links.read_inventory(inventory)
    keys = schema.device_keys(names, templates, links.by_id, all_links=links.complete)
    parameters = declare_all(tables, templates, report, sound, [key.name for key in keys])
    linked = {link.id: link.zone for link in links.by_id.values() if link.zone}
    around = Surroundings(keys, territory_of(zones, report), linked, parameters, report)
    devices = Devices(around, templates)
    for inventory in inventories:
        if inventory.makes in ("devices", None):
            devices.read_inventory(inventory)
    for table in documents.tables("device"):
        devices.read_table(table)
    links.check_options()
    devices.check_ids()
    devices.check_positions()
    settle_zones(devices, links.by_id, report)
    check_drivers(devices, links.by_id, templates, report)
    check_feeds(devices, report)
    built = devices.build()
    whole = {name: templates[name] for name in sound}
    before = report.count
    check_addresses(devices, built, Claims(whole, drivers), report)
    if report.count == before:  # one fault is told once
        guarded = Guarded(whole, kinds, drivers)
        check_exclusive(devices, built, links.build(), whole, guarded, report)
        check_protected(devices, built, links.build(), guarded, report)
    of_kinds = check_kind_tables(documents, built, templates, kinds, report)
    if report.count == before:
        templates = with_tables(templates, kinds, of_kinds, document)
    devices.close_accounts()
    links.close_accounts()
    city = CitySpec(
        id=about["id"] or "",
        name=about["name"] or about["id"] or "",
        zones=zones,
        templates=with_zone_words(templates, kinds, zones),
        links=links.build(),
        devices=built,
        gateway=gateway,
        tick_ms=about["tick_ms"],
        cells=cells["count"],
        source=document.file,
        tables=of_kinds,
    )
    return CitySurvey(city, tuple(inventory.account for inventory in inventories))


def _read_gateway(table: Table, report: Report) -> GatewaySpec:
    gateway = GatewaySpec(**read_table(table, schema.GATEWAY, report))
    if gateway.port == gateway.stream_port != 0:
        report.add(table.place("stream_port"), gateway.stream_port, "another port than port, or 0")
    return gateway
