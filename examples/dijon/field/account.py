"""The field's own account: what every lamp was told, and what it really does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from field.lamp import Lamp
from field.station import Standing, Station

BEHIND: dict[Standing, str] = {
    "dead": "behind_dead_cabinet",
    "mute": "behind_mute_cabinet",
    "hostile": "behind_hostile_cabinet",
}


def account(
    stations: Iterable[Station], now: float, wall: Callable[[float], float]
) -> dict[str, Any]:
    """Return the document; ``wall`` turns the field's time into seconds since 1970.

    ``lamps`` has for each id: ``level`` (percent, now), ``setpoint`` (percent, as taken; null if
    never), ``writes`` and ``written_at``, ``unclear`` (writes that arrived, executed
    or not, and whose sender cannot know what became of them: no answer, a late or broken one, or
    an exception that leaves it open), and ``state``: ok, dead, stuck, lying, unpowered, or
    behind_dead_cabinet, behind_mute_cabinet, behind_hostile_cabinet, which outweigh the others.
    """
    lamps: dict[str, Any] = {}
    cabinets: dict[str, Any] = {}
    for station in stations:
        cabinet = station.cabinet
        cabinet.advance(now)
        sound = BEHIND.get(station.standing)
        if sound is None and not cabinet.closed:
            sound = "unpowered"
        for lamp in cabinet.lamps:
            lamps[lamp.id] = _lamp(lamp, sound or lamp.condition, now, wall)
        cabinets[cabinet.id] = {
            "state": station.standing,
            "behaviour": station.behaviour_name if station.listening else "refuse",
            "contactor": cabinet.closed,
            "contactor_writes": cabinet.contactor_writes,
            "door": cabinet.door_open,
            "connections": len(station.connections),
        }
    return {"at": _ms(wall(now)), "lamps": lamps, "cabinets": cabinets}


def _lamp(lamp: Lamp, state: str, now: float, wall: Callable[[float], float]) -> dict[str, Any]:
    return {
        "level": round(lamp.level_at(now), 1),
        "setpoint": lamp.setpoint,
        "writes": lamp.writes,
        "written_at": [_ms(wall(at)) for at in lamp.written_at],
        "unclear": lamp.unclear,
        "state": state,
    }


def _ms(seconds: float) -> float:
    return math.floor(seconds * 1000.0) / 1000.0
