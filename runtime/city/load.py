"""Load a city: read everything, check everything, then either all problems or one CitySpec."""

from __future__ import annotations

import os
from collections.abc import Mapping

from jacquemart.runtime.city import schema
from jacquemart.runtime.city.addresses import Claims, check_addresses
from jacquemart.runtime.city.checks import read_table
from jacquemart.runtime.city.devices import Devices
from jacquemart.runtime.city.files import Document, Table, read_document
from jacquemart.runtime.city.include import Documents
from jacquemart.runtime.city.inventory import Inventory
from jacquemart.runtime.city.links import Links
from jacquemart.runtime.city.problems import Report, shown
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
from jacquemart.runtime.city.templates import named_tables, read_templates
from jacquemart.runtime.model.city import CitySpec, GatewaySpec, ZoneSpec


def load_city(
    path: str | os.PathLike[str],
    *,
    kinds: Mapping[str, KindInfo] | None = None,
    drivers: Mapping[str, DriverInfo] | None = None,
) -> CitySpec:
    """Read a city file and its inventories, and check them whole.

    Args:
        path: the city file; inventories are found relative to it.
        kinds: device kinds by name; None: those of the installed packages.
        drivers: drivers by name; None: those of the installed packages.

    Returns:
        The city. Devices and links are in the order of the files.

    Raises:
        CityErrors: all that is wrong; the operator's fault; a retry needs another file.
    """
    report = Report()
    document = read_document(os.fspath(path), report)
    if document is None:
        raise report.errors()
    city = _read_city(
        document,
        report,
        Offer(find_kinds() if kinds is None else kind_registry(()), kinds),
        Offer(find_drivers() if drivers is None else driver_registry(()), drivers),
    )
    if report.count:
        raise report.errors()
    return city


def _read_city(
    document: Document, report: Report, kinds: Offer[KindInfo], drivers: Offer[DriverInfo]
) -> CitySpec:
    documents = Documents(document, report)
    if not documents.complete:  # what refers to the missing part would only seem to be wrong
        raise report.errors()
    root, top = documents.root, documents.top
    about = {key.name: key.fallback for key in schema.CITY}
    if top["city"] is not None:
        about = read_table(root.inside("city"), schema.CITY, report)
    gateway = _read_gateway(root.inside("gateway"), report)
    cells = read_table(root.inside("cells"), schema.CELLS, report)
    zones = _read_zones(documents, report)
    names = _zone_names(zones, documents.table("zones"), report)
    templates, sound = read_templates(documents.table("templates"), report, kinds, drivers)
    links = Links(report, names, drivers)
    links.read_templates(documents.table("link_templates"))
    links.read_tables(documents.table("links"))
    inventories = [
        Inventory(table, read_table(table, schema.INVENTORY, report), report)
        for table in documents.tables("inventory")
    ]
    for inventory in inventories:
        if inventory.makes != "devices":
            links.read_inventory(inventory)
    devices = Devices(
        report,
        templates,
        schema.device_keys(names, templates, links.by_id, all_links=links.complete),
    )
    for inventory in inventories:
        if inventory.makes != "links":
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
    claims = Claims({name: templates[name] for name in sound}, drivers)
    check_addresses(devices, built, claims, report)
    guarded = Guarded({name: templates[name] for name in sound}, kinds, drivers)
    check_protected(devices, built, links.build(), guarded, report)
    return CitySpec(
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
    )


def _read_gateway(table: Table, report: Report) -> GatewaySpec:
    gateway = GatewaySpec(**read_table(table, schema.GATEWAY, report))
    if gateway.port == gateway.stream_port != 0:
        report.add(table.place("stream_port"), gateway.stream_port, "another port than port, or 0")
    return gateway


def _read_zones(documents: Documents, report: Report) -> tuple[ZoneSpec, ...]:
    parent = documents.table("zones")
    names = {
        zone: read_table(table, schema.ZONE, report)["name"]
        for zone, table in named_tables(parent, report)
    }
    if not parent.values:
        documents.report_missing("zones", "at least one zone, [zones.<id>]")
    return tuple(ZoneSpec(zone, names.get(zone) or zone) for zone in parent.values)


def _zone_names(zones: tuple[ZoneSpec, ...], parent: Table, report: Report) -> dict[str, str]:
    """Return what may name a zone: its id, and its name as published data has it."""
    names = {zone.id: zone.id for zone in zones}
    for zone in zones:
        other = names.setdefault(zone.name, zone.id)
        if other != zone.id:
            allowed = f"a name by which no other zone is known (zone {shown(other)} is)"
            report.add(parent.place(zone.id, "name"), zone.name, allowed)
    return names
