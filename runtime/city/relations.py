"""What must hold between devices, links and templates: zones, drivers, feeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jacquemart.runtime.city.devices import Devices
from jacquemart.runtime.city.links import LinkDraft
from jacquemart.runtime.city.problems import NOTHING, Report, Words, shown
from jacquemart.runtime.model.city import TemplateSpec


def settle_zones(devices: Devices, links: Mapping[str, LinkDraft], report: Report) -> None:
    """Give each link the zone of its devices, and each device that of its link.

    The devices of one link share a shard, and a shard is in one zone: so a second zone on a
    link is a problem.
    """
    column = devices.columns["zone"]
    told = {link.id: link.zone for link in links.values()}
    for index, (link, zone) in enumerate(zip(devices.columns["link"], column, strict=True)):
        if zone is None or link is None:
            continue
        home = told.get(link)
        if home is None:
            told[link] = zone
        elif zone != home and zone and home:  # "": it was refused already
            allowed = (
                f"{shown(home)}, the zone of link {shown(link)}: all its devices are in one zone"
            )
            report.add(devices.where(index, "zone"), zone, allowed)
    for draft in links.values():
        draft.zone = told[draft.id]
        if draft.zone is None and devices.complete:
            report.add(draft.place("zone"), NOTHING, "a zone, here or on a device of the link")
    devices.columns["zone"] = [
        zone or told.get(link) for link, zone in zip(devices.columns["link"], column, strict=True)
    ]


def check_drivers(
    devices: Devices,
    links: Mapping[str, LinkDraft],
    templates: Mapping[str, TemplateSpec],
    report: Report,
) -> None:
    """Report devices whose template speaks another protocol than their link."""
    columns = devices.columns
    wrong: dict[tuple[Any, Any], str] = {}
    for pair in set(zip(columns["link"], columns["template"], strict=True)):
        link, template = links.get(pair[0]), templates.get(pair[1])
        if not (link and template and link.driver and template.driver):
            continue
        if link.driver != template.driver:
            wrong[pair] = (
                f"a link with driver {shown(template.driver)}, as template {shown(pair[1])} has"
            )
    if not wrong:
        return
    for index, pair in enumerate(zip(columns["link"], columns["template"], strict=True)):
        if pair in wrong:
            found = Words(f"{shown(pair[0])} with driver {shown(links[pair[0]].driver)}")
            report.add(devices.where(index, "link"), found, wrong[pair])


def check_feeds(devices: Devices, report: Report) -> None:
    """Report ``fed_by`` that names no device, one on another link, or leads back to itself."""
    columns = devices.columns
    ids, feeds, links = columns["id"], columns["fed_by"], columns["link"]
    rows = dict(zip(ids, range(len(ids)), strict=True))
    for index, feeder in enumerate(feeds):
        if not feeder:
            continue
        row = rows.get(feeder)
        if row is None:
            if devices.complete:
                report.add(devices.where(index, "fed_by"), feeder, "a device", among=rows)
        elif links[row] != links[index] and links[row] and links[index]:
            found = Words(f"{shown(feeder)}, which is on link {shown(links[row])}")
            allowed = f"a device on the same link, {shown(links[index])}"
            report.add(devices.where(index, "fed_by"), found, allowed)
    done: set[str] = set()
    for start in dict.fromkeys(feeder for feeder in feeds if feeder):
        chain: dict[str, None] = {}
        name = start
        while name in rows and name not in done and name not in chain:
            chain[name] = None
            name = feeds[rows[name]]
        if name in chain:
            ring = list(chain)[list(chain).index(name) :]
            found = Words(" -> ".join([*ring[:8], *["…"] * (len(ring) > 8), name]))
            report.add(devices.where(rows[name], "fed_by"), found, "a feed that ends somewhere")
        done.update(chain)
