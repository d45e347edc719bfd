"""What a simulated point does over time, and what its address may say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jacquemart.drivers.simulated.checks import (
    Check,
    Problem,
    non_negative,
    number,
    one_of,
    point_name,
    problems,
)
from jacquemart.drivers.simulated.traffic import check_driving, drives
from jacquemart.runtime.model.city import PointSpec

CHECKS: Mapping[str, Check] = {
    "initial": number,
    "ramp_per_s": non_negative,
    "lag_ms": non_negative,
    "noise": non_negative,
    "drift_per_s": number,
    "follows": point_name,
    "gain": number,
    "offset": number,
    "counter_per_s": non_negative,
    "counts": one_of("value", "time"),
    "resets": point_name,
}


_MOST_MADE = 1_024


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a point comes by its value.

    A writable point takes what is written. If it has another point for feedback, it is a plain
    register: it holds the written value at once, and its ``lag_ms`` and ``ramp_per_s`` are those
    of the feedback point, which follows it. If it is its own feedback, it moves itself.

    Attributes:
        initial: the value at the start, in the point's unit; None: that of what it follows, or 0.
        ramp_per_s: fastest change a second, in the point's unit; 0 jumps, None is not said.
        lag_ms: for how long a change of what it follows is not seen; None is not said.
        noise: a reading lies up to this far from the true value, either way.
        drift_per_s: how much further from the truth readings get each second.
        follows: another point of the same device; the value is ``offset + gain * followed``.
        counter_per_s: makes a counter, which never falls. By itself it rises by this each
            second; with ``follows`` by this times the followed value (above zero) and seconds
            (an energy), or with ``counts = "time"`` only while that is above zero (burn hours).
        resets: another writable point of the device, which becomes 0 when this one is written: two
            push-buttons for one thing.
        writable: taken from the point.
        feedback: taken from the point; empty: itself.
        whole: taken from the point: readings are rounded down to whole numbers.
        course: the address of a point that drives, and does nothing else; see ``traffic``.
    """

    initial: float | None = None
    ramp_per_s: float | None = None
    lag_ms: float | None = None
    noise: float = 0.0
    drift_per_s: float = 0.0
    follows: str = ""
    gain: float = 1.0
    offset: float = 0.0
    counter_per_s: float | None = None
    counts: Literal["value", "time"] = "value"
    resets: str = ""
    writable: bool = False
    feedback: str = ""
    whole: bool = False
    course: Mapping[str, Any] | None = None

    @property
    def is_register(self) -> bool:
        """Return whether writes only feed another point."""
        return self.writable and bool(self.feedback)


Behaviours = tuple[tuple[str, Behaviour], ...]
_MADE: dict[int, tuple[Sequence[PointSpec], Behaviours]] = {}


def behaviour_of(spec: PointSpec) -> Behaviour:
    """Return the behaviour that a (checked) point's address asks for."""
    if drives(spec.address):
        return Behaviour(course=spec.address)
    feedback = spec.feedback if spec.feedback != spec.name else ""
    told = {key: spec.address[key] for key in CHECKS if key in spec.address}
    return Behaviour(writable=spec.writable, feedback=feedback, whole=spec.whole, **told)


def behaviours_of(points: Sequence[PointSpec]) -> Behaviours:
    """Return points' names and behaviours; for the same points, as often as they stay the same.

    Thousands of links have devices of a few templates: what is made of those is kept, with the
    points that it was made of, so that no others can be taken for them.
    """
    made = _MADE.get(id(points))
    if made is None or made[0] is not points:
        if len(_MADE) >= _MOST_MADE:
            _MADE.clear()
        made = _MADE[id(points)] = points, tuple((one.name, behaviour_of(one)) for one in points)
    return made[1]


def check_behaviour(spec: PointSpec, address: Mapping[str, Any]) -> Sequence[Problem]:
    """Return what is wrong with a point's address, as ``(key, found, allowed)``."""
    if drives(address):
        return check_driving(spec, address)
    found = problems(CHECKS, address)
    if spec.writable:
        found += [
            (key, address[key], "only for points that are not writable")
            for key in ("follows", "counter_per_s")
            if key in address
        ]
    elif "resets" in address:
        found.append(("resets", address["resets"], "only for points that are writable"))
    for key in ("follows", "resets"):
        if address.get(key) == spec.name:
            found.append((key, spec.name, "another point of the same device"))
    if "counter_per_s" in address:
        found += [
            (key, address[key], "not for a counter, which only counts")
            for key in ("ramp_per_s", "lag_ms", "gain", "offset", "noise", "drift_per_s")
            if key in address
        ]
    elif "counts" in address:
        found.append(("counts", address["counts"], "only beside counter_per_s"))
    if "follows" not in address:
        found += [
            (key, address[key], "only beside follows")
            for key in ("gain", "offset", "counts")
            if key in address and (key != "counts" or "counter_per_s" in address)
        ]
    return found
