"""What a kind says of itself, as plain values: for the command line, programs and the reference."""

from __future__ import annotations

import inspect
from typing import Any

from jacquemart.runtime.actor.declare import CommandSpec, Point
from jacquemart.runtime.actor.device import DeviceActor


def describe_kind(name: str, kind: type[DeviceActor]) -> dict[str, Any]:
    """Return a kind's reference: points, commands, rules and summary.

    Args:
        name: the name under which city files know it.
        kind: its class.
    """
    text = inspect.getdoc(kind) or ""
    first, _, rest = text.partition("\n\n")
    return {
        "kind": name,
        "about": " ".join(first.split()),
        "rules": rest,
        "open_points": kind.open_points,
        "points": [describe_point(point) for point in kind.points],
        "commands": [describe_command(spec) for _, spec in sorted(kind.command_specs.items())],
        "summary": [
            {"label": one.label, "point": one.point, "how": one.how, "unit": one.unit}
            for one in kind.summary
        ],
    }


def describe_point(point: Point) -> dict[str, Any]:
    """Return one declared point."""
    low, high = point.limits
    return {
        "point": point.name,
        "about": point.about,
        "type": point.type,
        "unit": point.unit,
        "range": [low, high],
        "words": list(point.words),
        "writable": point.writable,
        "required": point.required,
        "derived": point.derived,
        "feedback": point.feedback,
        "tolerance": point.tolerance,
        "settle_ms": point.settle_ms,
        "pulse": point.pulse,
        "guards": list(point.guards),
        "poll_ms": 0 if point.derived else point.poll_ms,
        "stale_after_ms": point.stale_after_ms,
        "keep": point.keep,
        "urgent": point.urgent,
        "withheld_unless": point.withheld_unless,
        "protected": point.protected,
        "volatile": point.volatile,
        "min_on_s": point.min_on_s,
        "min_off_s": point.min_off_s,
        "default": point.default,
    }


def describe_command(spec: CommandSpec) -> dict[str, Any]:
    """Return one declared command."""
    takes = spec.takes
    return {
        "command": spec.name,
        "about": spec.about,
        "volatile": spec.volatile,
        "takes": None
        if takes is None
        else {
            "unit": takes.unit,
            "range": list(takes.limits),
            "words": list(takes.words),
            "like": takes.like,
            "optional": takes.optional,
            "text": takes.text,
        },
    }
