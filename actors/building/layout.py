"""What a template's point names say of its building: which zones, doors, plants and meters.

*Rules.* A detector's number is that of its intrusion zone times 100 plus its own: 101 to 116 are
those of zone 1, which may also be called 1 to 16. Zone 1 is there if the template names
``intrusion_zone_1``; its panel is in the field if it has ``intrusion_state_1`` too.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jacquemart.actors.building.points import COUNTERS
from jacquemart.runtime.model.city import PointSpec, TemplateSpec

MOST_ZONES: Final = 99
MOST_DETECTORS: Final = 16
PLANTS: Final = {"heating_plant_": "heating_running_", "air_plant_": "air_running_"}
_ZONE = re.compile(
    r"intrusion_"
    r"(zone|state|arm|set|tamper|fault|inhibit|inhibited|isolate|isolated)_(.+)"
)
_ORDERS = ("arm", "set", "inhibit", "inhibited", "isolate", "isolated")
_DETECTOR = re.compile(r"intrusion_detector_(.+)")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")

Wrong = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ZonePoints:
    """The points of one intrusion zone."""

    number: int
    detectors: tuple[int, ...]
    parts: frozenset[str]
    """Which it has of state, arm, set, tamper, fault, inhibit, inhibited, isolate, isolated."""

    @property
    def own(self) -> bool:
        """Return whether this runtime is its panel."""
        return "state" not in self.parts

    def point(self, part: str) -> str:
        """Return the name of one of its points."""
        return f"intrusion_{part}_{self.number}"


@dataclass(frozen=True, slots=True)
class Layout:
    """The equipment of a building, by what its points are called."""

    zones: tuple[ZonePoints, ...]
    doors: tuple[str, ...]
    plants: tuple[tuple[str, str], ...]
    """Each with its feedback."""
    meters: tuple[tuple[str, float | None], ...]
    """Counters, each with its top."""
    fire: tuple[str, ...]
    places: Mapping[str, int]
    """Each point's position in the template."""
    watched: tuple[tuple[int, str], ...]
    """Position and name of the points that the actor is told about."""


def zone_number(detector: int) -> int:
    """Return the number of the intrusion zone that a detector belongs to."""
    return detector // 100 or 1


def bit_of(detector: int) -> int:
    """Return the bit of a detector in the panel's registers of what is left out.

    Raises:
        ValueError: its number has no bit; the caller's bug.
    """
    place = detector % 100
    if not 1 <= place <= MOST_DETECTORS:
        raise ValueError(f"detector {detector}: allowed n01 to n{MOST_DETECTORS}")
    return 1 << (place - 1)


#: Layouts already made, one a template; the template is kept so that its id stays its own.
_MADE: dict[int, tuple[TemplateSpec, Layout]] = {}
_MOST_MADE: Final = 256


def layout_of(template: TemplateSpec, watched: Iterable[str]) -> Layout:
    """Return the layout of a template that has passed ``check_points``; made once for each.

    Args:
        template: the template.
        watched: names, also with ``*``, of the points that the actor is told about.
    """
    made = _MADE.get(id(template))
    if made is None:
        if len(_MADE) >= _MOST_MADE:
            _MADE.clear()
        made = _MADE[id(template)] = (template, _made(template.points, watched))
    return made[1]


def _made(points: Sequence[PointSpec], watched: Iterable[str]) -> Layout:
    patterns = re.compile("|".join(map(fnmatch.translate, sorted(watched))))
    names = [point.name for point in points]
    return Layout(
        zones=tuple(_zones(names)),
        doors=tuple(n.removeprefix("door_open_") for n in names if n.startswith("door_open_")),
        plants=tuple(
            (name, running + name.removeprefix(plant))
            for name in names
            for plant, running in PLANTS.items()
            if name.startswith(plant)
        ),
        meters=tuple((p.name, p.high) for p in points if p.name.startswith(COUNTERS)),
        fire=tuple(name for name in names if name.startswith("fire_")),
        places={name: at for at, name in enumerate(names)},
        watched=tuple((at, name) for at, name in enumerate(names) if patterns.match(name)),
    )


def check_points(points: Sequence[PointSpec]) -> Sequence[Wrong]:
    """Return which names do not fit each other, as ``(point, found, allowed)``."""
    names = {point.name for point in points}
    zones = {found.number for found in _zones(sorted(names))}
    wrong: list[Wrong] = []
    for name in sorted(names):
        allowed = _fault(name, names, zones)
        if allowed:
            wrong.append((name, name, allowed))
    return wrong


def _fault(name: str, names: set[str], zones: set[int]) -> str:
    detector = _DETECTOR.fullmatch(name)
    zone = _ZONE.fullmatch(name)
    if detector:
        number = int(detector[1]) if _NUMBER.fullmatch(detector[1]) else 0
        if not 1 <= number % 100 <= MOST_DETECTORS:
            return f"a detector n01 to n{MOST_DETECTORS} of intrusion zone n"
        if zone_number(number) not in zones:
            return f"intrusion_zone_{zone_number(number)} beside it"
        if number < 100 and f"intrusion_detector_{100 + number}" in names:
            return f"only one of {number} and {100 + number}, which are the same detector"
    elif zone:
        if not _NUMBER.fullmatch(zone[2]) or int(zone[2]) > MOST_ZONES:
            return f"an intrusion zone from 1 to {MOST_ZONES}"
        if int(zone[2]) not in zones:
            return f"intrusion_zone_{zone[2]} beside it"
        if zone[1] in _ORDERS and not _has(names, "state", zone[2]):
            return f"intrusion_state_{zone[2]} beside it: only a panel in the field takes orders"
        if zone[1] == "state" and not _has(names, "arm", zone[2]):
            return f"intrusion_arm_{zone[2]} beside it: a panel that shows its state takes orders"
    elif name.startswith(("door_locked_", "door_forced_")):
        number_text = name.split("_", 2)[2]
        if f"door_open_{number_text}" not in names:
            return f"door_open_{number_text} beside it"
    return ""


def _has(names: set[str], part: str, number: str) -> bool:
    return f"intrusion_{part}_{number}" in names


def _zones(names: Sequence[str]) -> list[ZonePoints]:
    parts: dict[int, set[str]] = {}
    detectors: dict[int, list[int]] = {}
    for name in names:
        zone, detector = _ZONE.fullmatch(name), _DETECTOR.fullmatch(name)
        if zone and _NUMBER.fullmatch(zone[2]):
            parts.setdefault(int(zone[2]), set()).add(zone[1])
        elif detector and _NUMBER.fullmatch(detector[1]):
            number = int(detector[1])
            detectors.setdefault(zone_number(number), []).append(number)
    return [
        ZonePoints(number, tuple(sorted(detectors.get(number, ()))), frozenset(found))
        for number, found in sorted(parts.items())
        if "zone" in found
    ]
