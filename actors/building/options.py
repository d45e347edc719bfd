"""The options of a building's template, checked and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from jacquemart.actors.building.intrusion import Times
from jacquemart.actors.building.plant import PlantTimes

Wrong = tuple[str, Any, str]

#: Each option in seconds: default and what is allowed.
SECONDS: Final[Mapping[str, tuple[float, float, float]]] = {
    "exit_s": (45.0, 0.0, 3_600.0),
    "entry_s": (30.0, 0.0, 3_600.0),
    "confirm_window_s": (1_800.0, 1.0, 86_400.0),
    "door_held_s": (60.0, 0.0, 86_400.0),
    "plant_min_on_s": (180.0, 0.0, 3_600.0),
    "plant_min_off_s": (180.0, 0.0, 3_600.0),
    "restart_spread_s": (120.0, 0.0, 3_600.0),
}
ACTIVATIONS: Final = (3, 2, 100)
_KEYS: Final = (*SECONDS, "confirm_activations", "entry_route")


class Options(NamedTuple):
    """The options of one template."""

    times: Times
    route: frozenset[int]
    """Detectors on an entry route."""
    door_held_s: float
    """0: doors may stay open."""
    plant: PlantTimes


def check_options(options: Mapping[str, Any]) -> Sequence[Wrong]:
    """Return what is wrong with a template's options, as ``(key, found, allowed)``."""
    wrong: list[Wrong] = [
        (key, found, "one of " + ", ".join(_KEYS))
        for key, found in options.items()
        if key not in _KEYS
    ]
    for key, (_, low, high) in SECONDS.items():
        if key in options and not _is_number(options[key], low, high):
            wrong.append((key, options[key], f"seconds, {low:g} to {high:g}"))
    _, fewest, most = ACTIVATIONS
    found = options.get("confirm_activations", fewest)
    if not _is_whole(found) or not fewest <= found <= most:
        wrong.append(("confirm_activations", found, f"a whole number, {fewest} to {most}"))
    route = options.get("entry_route", [])
    if not isinstance(route, Sequence) or isinstance(route, str) or not all(map(_is_whole, route)):
        wrong.append(("entry_route", route, "the numbers of detectors, as [101, 201]"))
    return wrong


def read_options(options: Mapping[str, Any]) -> Options:
    """Return checked options as one value; what is left out has its default."""
    found = {key: float(options.get(key, default)) for key, (default, _, _) in SECONDS.items()}
    return Options(
        times=Times(
            found["exit_s"],
            found["entry_s"],
            found["confirm_window_s"],
            int(options.get("confirm_activations", ACTIVATIONS[0])),
        ),
        route=frozenset(options.get("entry_route", ())),
        door_held_s=found["door_held_s"],
        plant=PlantTimes(
            found["plant_min_on_s"], found["plant_min_off_s"], found["restart_spread_s"]
        ),
    )


def _is_whole(found: Any) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)


def _is_number(found: Any, low: float, high: float) -> bool:
    number = isinstance(found, (int, float)) and not isinstance(found, bool)
    return number and low <= found <= high
