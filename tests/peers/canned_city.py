"""What a small city would answer: two zones, three lamps and a cabinet, one of them unwell."""

from __future__ import annotations

import math
import time
from typing import Any

from jacquemart.runtime.model.quality import Quality

S = 1_000_000_000


def reading(point: str, value: float, unit: str = "", quality: int = 0) -> list[Any]:
    """Return a row of ``get``, seen five minutes ago: a slow test does not change the minute."""
    seen = time.time_ns() - 300 * S if quality != Quality.BAD_NEVER_READ else 0
    return [point, value, quality, seen, seen, unit]


def lamps(count: int, online: int, level: float, worst: int) -> dict[str, Any]:
    """Return a kind's part of a summary."""
    return {
        "count": count,
        "online": online,
        "worst": worst,
        "summary": [["level", level, "%"], ["power", 61_500.0, "W"], ["faults", 2.0, ""]],
    }


def zones() -> dict[str, Any]:
    """Return the answer to ``zones``."""
    north = {"street_light": lamps(1_200, 1_200, 80.0, Quality.GOOD)}
    south = {"street_light": lamps(800, 790, math.nan, Quality.BAD_FED_BY)}
    return {
        "city": "Testville",
        "zones": [
            {"zone": "north", "name": "North", "stale": False, "kinds": north},
            {"zone": "south", "name": "South", "stale": True, "kinds": south},
        ],
        "total": {"kinds": {"street_light": lamps(2_000, 1_990, 80.0, Quality.BAD_FED_BY)}},
    }


def event(name: str, zone: str, subject: str, severity: int, **detail: Any) -> list[Any]:
    """Return the wire form of an event that happened just now."""
    return [name, zone, subject, time.time_ns(), severity, detail]


def events() -> list[list[Any]]:
    """Return the answer to ``events``, newest first."""
    return [
        event("link_down", "south", "cab-3", 2, devices=56, why="connection refused"),
        event("lamp_fault", "north", "lamp-2", 1, level=0.0),
        event("link_up", "north", "cab-1", 0, devices=55, why=""),
    ]


def cell(name: str, role: str, cpu_s: float, commands: int, **more: Any) -> dict[str, Any]:
    """Return what a cell says of its health."""
    return {
        "name": name, "role": role, "epoch": 7, "pid": 4_321, "loop_lag_ms": 0.4, "cpu_s": cpu_s,
        "rss_mb": 88.5, "failures": [],
        "counters": {"commands": commands, "bulks": 0, "queries": 3, "bad_frames": 0,
                     "failures": 0},
        **more,
    }  # fmt: skip


def why() -> dict[str, Any]:
    """Return the answer to ``why lamp-17``."""
    received = 5_000 * S
    return {
        "device": "lamp-17", "name": "Rue de la Liberté 17", "kind": "street_light",
        "zone": "south", "cell": "device-1@7",
        "link": {"id": "cab-3", "up": False, "error": "connection refused"},
        "fed_by": {
            "device": "cab-3", "link_up": False, "error": "connection refused",
            "points": {"contactor_state": [1.0, Quality.BAD_COMM]},
        },
        "points": [
            {
                "point": "setpoint", "value": 80.0, "unit": "%", "quality": Quality.BAD_FED_BY,
                "source_ns": time.time_ns() - 300 * S, "receive_ns": time.time_ns(),
                "writable": True, "feedback": "level", "poll_ms": 1_000, "range": [0.0, 100.0],
            },
            {
                "point": "burn_hours", "value": math.nan, "unit": "h",
                "quality": Quality.BAD_NEVER_READ, "source_ns": 0, "receive_ns": 0,
                "writable": False, "feedback": "", "poll_ms": 60_000, "range": [None, None],
            },
        ],
        "waiting": 0,
        "last_command": {
            "id": b"\x01" * 16, "principal": "marie", "verb": "set", "point": "setpoint",
            "value": 80.0, "status": "FAILED", "reason": "not_following",
            "detail": "level is 0.0", "received_ns": received,
            "dispatched_ns": received + S // 1_000, "acknowledged_ns": 0,
            "finished_ns": received + 2 * S,
        },
        "reasons": [
            "link cab-3 is down: connection refused",
            "unreachable by cab-3, which is dead; no fault of lamp-17",
        ],
    }  # fmt: skip
