"""What ``--json`` prints: plain values, NaN as null, bytes as hex, one document or line each."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from jacquemart.cli.values import quality
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.outcome import Outcome
from jacquemart.runtime.model.reading import Reading


def plain(value: Any) -> Any:
    """Return a value of the API with only the types of JSON; there is no NaN in JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return str(value)


def show(value: Any) -> None:
    """Print one document on a line of its own, pure ASCII, and pass it on at once."""
    sys.stdout.write(json.dumps(plain(value), allow_nan=False) + "\n")
    sys.stdout.flush()


def reading(found: Reading) -> dict[str, Any]:
    """Return a reading by names; times are POSIX ns."""
    return {
        "point": found.point,
        "value": found.value,
        "unit": found.unit,
        "quality": found.quality.text,
        "usable": found.good,
        "source_ns": found.source_ns,
        "receive_ns": found.receive_ns,
        **({"word": found.word} if found.words else {}),
    }


def outcome(found: Outcome) -> dict[str, Any]:
    """Return an outcome by names; stages are ns after the command was received, or null."""
    stages = found.stages

    def stage(at_ns: int) -> int | None:
        return at_ns - stages.received if at_ns and stages.received else None

    return {
        "id": found.id,
        "device": found.device,
        "point": found.point,
        "status": found.status,
        "applied": found.applied,
        "reason": found.reason,
        "detail": found.detail,
        "value": found.value,
        "dispatched_ns": stage(stages.dispatched),
        "acknowledged_ns": stage(stages.acknowledged),
        "finished_ns": stage(stages.finished),
    }


def event(found: Event) -> dict[str, Any]:
    """Return an event by names; the time is POSIX ns."""
    return {
        "name": found.name,
        "zone": found.zone,
        "subject": found.subject,
        "time_ns": found.time_ns,
        "severity": found.severity,
        "detail": found.detail,
    }


def summary(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the kinds of a zone or of the city: counts, worst quality, summary lines by name."""
    return {
        name: {
            "devices": kind["count"],
            "online": kind["online"],
            "worst": quality(kind["worst"]),
            "summary": {
                label: {"value": value, "unit": unit} for label, value, unit in kind["summary"]
            },
        }
        for name, kind in found.items()
    }
