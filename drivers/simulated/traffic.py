"""Vehicles in the simulated field: points that show where one is on its route.

A point whose address says ``drives`` shows one part of what a vehicle does; all parts of one
vehicle come from the same course, so they agree at any time. It drives on when it is off duty, as
people do: what is not to be told of that is not the field's business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jacquemart.drivers.simulated.chance import chance
from jacquemart.drivers.simulated.checks import (
    Check,
    Problem,
    non_negative,
    one_of,
    positive,
    problems,
    whole,
)
from jacquemart.drivers.simulated.route import Going, Route, parse_waypoints
from jacquemart.runtime.model.city import PointSpec

STATUS = "status"
#: How vehicles drive: the link's option ``driving``, or the address of each point of one.
DRIVING: Mapping[str, tuple[Check, float]] = {
    "speed": (positive, 8.0),
    "dwell_s": (non_negative, 20.0),
    "on_s": (positive, 4 * 3_600.0),
    "off_s": (non_negative, 0.0),
}
DRIVING_CHECKS: Mapping[str, Check] = {key: check for key, (check, _) in DRIVING.items()}


def _waypoints(value: Any) -> str:
    if not isinstance(value, str):
        return "a text of waypoints"
    try:
        parse_waypoints(value)
    except ValueError as error:
        return str(error)
    return ""


CHECKS: Mapping[str, Check] = {
    "drives": _waypoints,
    "part": one_of(*Going._fields, STATUS),
    "driving": whole,
    "standing": whole,
    "noise": non_negative,
    **DRIVING_CHECKS,
}


def drives(address: Mapping[str, Any]) -> bool:
    """Return whether a point with this address shows a part of a vehicle's course."""
    return "drives" in address


def check_driving(spec: PointSpec, address: Mapping[str, Any]) -> Sequence[Problem]:
    """Return what is wrong with the address of such a point, as ``(key, found, allowed)``."""
    found = problems(CHECKS, address)
    if spec.writable:
        found.append(("drives", address["drives"], "only for points that are not writable"))
    if "part" not in address:
        found.append(("part", "nothing", CHECKS["part"](None)))
    elif address["part"] != STATUS:
        found += [
            (key, address[key], 'only beside part = "status"')
            for key in ("driving", "standing")
            if key in address
        ]
    return found


@dataclass(slots=True)
class _Vehicle:
    """One vehicle's course, and where in it and in its shift it begins."""

    route: Route
    start_s: float
    on_s: float
    off_s: float
    shift_s: float
    _last: tuple[float, tuple[bool, Going]] | None = None
    """All parts of a vehicle are read at one time: where it was when it was last looked at."""

    def at(self, time: float) -> tuple[bool, Going]:
        """Return whether it is on duty, and where it is."""
        if self._last is None or self._last[0] != time:
            turn = (time + self.shift_s) % (self.on_s + self.off_s)
            self._last = time, (turn < self.on_s, self.route.at(time + self.start_s))
        return self._last[1]


class Traffic:
    """The vehicles of one link. Times are seconds since its field began."""

    def __init__(self, seed: int = 0, driving: Mapping[str, float] | None = None) -> None:
        """Take the seed and the link's option ``driving``."""
        self._seed = seed
        self._driving = {key: usual for key, (_, usual) in DRIVING.items()} | dict(driving or {})
        self._vehicles: dict[tuple[object, ...], _Vehicle] = {}
        self._points: dict[str, tuple[_Vehicle, Mapping[str, Any]]] = {}
        self._devices: dict[str, None] = {}
        self._stopped: dict[str, float] = {}

    def __contains__(self, point: str) -> bool:
        return point in self._points

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def devices(self) -> Collection[str]:
        """Return the devices that have points that drive."""
        return self._devices.keys()

    def declare(self, device: str, name: str, address: Mapping[str, Any]) -> None:
        """Add a point; points of a device that drive alike are of one vehicle."""
        told = {key: float(address.get(key, usual)) for key, usual in self._driving.items()}
        key = (device, address["drives"], *told.values())
        vehicle = self._vehicles.get(key)
        if vehicle is None:
            route = Route(parse_waypoints(address["drives"]), told["speed"], told["dwell_s"])
            turn = told["on_s"] + told["off_s"]
            vehicle = self._vehicles[key] = _Vehicle(
                route,
                chance(self._seed, "start", device) * route.period_s,
                told["on_s"],
                told["off_s"],
                chance(self._seed, "shift", device) * turn,
            )
        self._points[f"{device}/{name}"] = vehicle, address
        self._devices[device] = None

    def value(self, point: str, time: float) -> float:
        """Return what a point really shows."""
        vehicle, address = self._points[point]
        stopped = self._stopped.get(point.partition("/")[0])
        on_duty, going = vehicle.at(time if stopped is None else stopped)
        if address["part"] != STATUS:
            return float(getattr(going, address["part"]))
        if not on_duty:
            return 0.0
        word = "standing" if going.standing and "standing" in address else "driving"
        return float(address.get(word, 1))

    def reading(self, point: str, time: float) -> float:
        """Return what a reading shows: the true value with its noise."""
        value = self.value(point, time)
        noise = self._points[point][1].get("noise", 0.0)
        if noise:
            value += noise * (2.0 * chance(self._seed, "noise", point, f"{time:.3f}") - 1.0)
        return value

    def freeze(self, device: str, time: float) -> None:
        """Let a vehicle stop, wherever it is."""
        self._stopped.setdefault(device, time)

    def thaw(self, device: str) -> None:
        """Let it go on, as if it had never stopped."""
        self._stopped.pop(device, None)
