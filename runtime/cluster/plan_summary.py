"""A planned change as plain values: for the operator, and for programs. Pure.

What this version cannot know is said with ``known: false`` and why, never left out: whoever
reads a plan must not take silence for "nothing".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from jacquemart.runtime.cluster.change_steps import ChangeSteps
from jacquemart.runtime.cluster.loads import sizes
from jacquemart.runtime.cluster.slots import waste
from jacquemart.runtime.kernel.change import CityChange, Pair
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec
from jacquemart.runtime.model.directory import Placement

T = TypeVar("T")
#: So many of a list are named; all are counted.
NAMED = 1_000


def summarize_change(
    change: CityChange, before: Placement, after: Placement, steps: ChangeSteps, plan: str
) -> dict[str, Any]:
    """Return what a change does to the running city; only types of JSON.

    Args:
        change: the difference of the two cities.
        before: where everything is.
        after: where everything shall be.
        steps: which cells take it.
        plan: what identifies the plan.
    """
    devices, links = change.devices, change.links
    return {
        "city": before.city.id,
        "source": after.city.source,
        "plan": plan,
        "empty": change.empty,
        "restart": [
            {"key": one.key, "old": one.old, "new": one.new, "advice": one.advice}
            for one in change.restart
        ],
        "name": {"old": change.name.old, "new": change.name.new} if change.name else None,
        "devices": {
            "added": _listed(devices.added, _device),
            "removed": _listed(devices.removed, _device),
            "changed": _listed(devices.changed, _changed_device(change)),
            "moved": _listed(devices.moved, _moved_device),
            "redescribed": _listed(devices.redescribed, _differing),
            "reconnected": _listed(devices.reconnected, _device),
        },
        "links": {
            "added": _listed(links.added, _link),
            "removed": _listed(links.removed, _link),
            "changed": _listed(links.changed, _differing),
            "moved": _listed(links.moved, _differing),
        },
        "zones": {
            "added": _listed(change.zones.added, _named),
            "removed": _listed(change.zones.removed, _named),
            "changed": _listed(change.zones.changed, _differing),
        },
        "templates": {
            "added": [one.name for one in change.templates.added],
            "removed": [one.name for one in change.templates.removed],
            "changed": [pair.new.name for pair in change.templates.changed],
        },
        "blind": {
            "devices": sum(1 for _ in change.blind()),
            "until": "the first reading after the change, as a rule one poll period",
        },
        "cells": {
            "changed": list(steps.changed),
            "started": list(steps.fresh),
            "stopped": list(steps.gone),
        },
        "wasteful": _wasteful(after),
        "in_flight": _unknown(
            "only the cells know what they have in hand",
            "commands to devices that leave, change or move: not sent ones end REJECTED, sent "
            "ones as the field has shown by then, or INDETERMINATE",
        ),
        "holds": _unknown("only the running city knows who holds what"),
        "alarms": _unknown("this version has no alarms"),
    }


def _listed(items: Sequence[T], told: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    shown = [told(item) for item in items[:NAMED]]
    return {"count": len(items), "named": shown, "more": len(items) - len(shown)}


def _device(device: DeviceSpec) -> dict[str, Any]:
    return {
        "id": device.id,
        "template": device.template,
        "zone": device.zone,
        "link": device.link,
    }


def _link(link: LinkSpec) -> dict[str, Any]:
    return {"id": link.id, "driver": link.driver, "zone": link.zone}


def _named(one: Any) -> dict[str, Any]:
    return {"id": one.id, "name": one.name}


def _differing(pair: Pair[Any]) -> dict[str, Any]:
    return {"id": pair.new.id, "keys": differing_keys(pair)}


def _changed_device(change: CityChange) -> Callable[[Pair[DeviceSpec]], dict[str, Any]]:
    templates = {pair.new.name for pair in change.templates.changed}

    def told(pair: Pair[DeviceSpec]) -> dict[str, Any]:
        keys = differing_keys(pair)
        if pair.new.template in templates and "template" not in keys:
            keys.append("template")
        return {**_device(pair.new), "keys": keys}

    return told


def _moved_device(pair: Pair[DeviceSpec]) -> dict[str, Any]:
    return {
        **_device(pair.new),
        "keys": differing_keys(pair),
        "from_zone": pair.old.zone,
        "from_link": pair.old.link,
    }


def differing_keys(pair: Pair[Any]) -> list[str]:
    """Return the fields in which two of a kind differ."""
    return [
        one.name
        for one in fields(pair.new)
        if getattr(pair.old, one.name) != getattr(pair.new, one.name)
    ]


def _wasteful(placement: Placement) -> list[dict[str, Any]]:
    size = sizes(placement.city)
    found = []
    for plan in placement.cells:
        for shard in plan.shards:
            slots, used = waste(shard, size)
            if used * 2 < slots:
                found.append({"shard": shard.id, "slots": slots, "used": used})
    return found


def _unknown(why: str, then: str = "") -> dict[str, Any]:
    return {"known": False, "why": why, "then": then}


def device_counts(summary: dict[str, Any]) -> dict[str, int]:
    """Return how many devices a plan is about, by what happens to them."""
    return {kind: int(part["count"]) for kind, part in summary["devices"].items()}
