"""What a starting and running city tells, as lines for a person. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jacquemart.cli.text import escape

Event = Mapping[str, Any]


def line(event: Event) -> str:
    """Return the line for an event of the warden, escaped; empty if there is nothing to say."""
    kind = str(event.get("event", ""))
    if kind == "progress":
        stage = str(event.get("stage", ""))
        told = _STAGES.get(stage, _facts)(event)
        return escape(f"{float(event.get('seconds', 0.0)):6.1f} s  {stage:<10} {told}".rstrip())
    tell = _EVENTS.get(kind)
    return escape(tell(event)) if tell is not None else ""


def _ready(event: Event) -> str:
    return (
        f"ready in {float(event['ready_s']):.1f} s; API {event['api']}, streams {event['stream']}; "
        "stop with Ctrl-C or `jacquemart stop`"
    )


def _city(event: Event) -> str:
    return f"{event['zones']:,} zones, {event['links']:,} links, {event['devices']:,} devices"


def _placed(event: Event) -> str:
    shards = sum(event["cells"].values())
    return f"{shards:,} shards in {len(event['cells']):,} device cells"


def _links(event: Event) -> str:
    return (
        f"{event['links_up']:,} of {event['links']:,} links up, {event['devices']:,} devices, "
        f"{event['cells_ready']} of {event['cells']} cells ready"
    )


def _lost(event: Event) -> str:
    pause_s = float(event.get("pause_s", 0.0))
    when = f"in {pause_s:.0f} s" if pause_s else "now"
    return f"cell {event['cell']} lost: {event['reason']}; started again {when}"


def _replaced(event: Event) -> str:
    cell = event["cell"]
    return f"cell {cell['name']} replaced: pid {cell['pid']}, epoch {cell['epoch']}"


def _added(event: Event) -> str:
    cell = event["cell"]
    return f"cell {cell['name']} added: pid {cell['pid']}, epoch {cell['epoch']}"


def _changed(event: Event) -> str:
    devices = ", ".join(f"{count:,} {kind}" for kind, count in event["devices"].items() if count)
    what = f"{devices} devices" if devices else "no devices"
    return f"city changed in {float(event['seconds']):.1f} s: {what}"


def _facts(event: Event) -> str:
    """Return what a stage has to tell beside its name and time."""
    known = ("event", "stage", "seconds")
    return ", ".join(f"{key} {value}" for key, value in event.items() if key not in known)


_STAGES: Mapping[str, Callable[[Event], str]] = {
    "city": _city,
    "ray": lambda event: f"at {event['ray_address']}",
    "placed": _placed,
    "cells": lambda event: f"{event['cells']:,} cells started",
    "links": _links,
    "stopping": lambda event: str(event.get("reason", "")),
}

_EVENTS: Mapping[str, Callable[[Event], str]] = {
    "ready": _ready,
    "cell_late": lambda event: f"cell {event['cell']} is late: {event['misses']} answers missed",
    "cell_recovered": lambda event: f"cell {event['cell']} answers again",
    "cell_lost": _lost,
    "cell_replaced": _replaced,
    "cell_added": _added,
    "cell_removed": lambda event: f"cell {event['cell']} removed: nothing lives there any more",
    "city_changed": _changed,
    "ray_lost": lambda event: f"Ray lost ({', '.join(event['processes'])}); started again",
    "warning": lambda event: f"warning: {event['message']}",
    "stopped": lambda event: f"stopped in {float(event['seconds']):.1f} s",
}
