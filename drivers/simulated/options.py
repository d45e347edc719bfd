"""The link options of ``simulated``: what they may be, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jacquemart.drivers.simulated.checks import (
    Check,
    Problem,
    flag,
    is_number,
    non_negative,
    positive,
    problems,
    whole,
)
from jacquemart.drivers.simulated.faults import Fault
from jacquemart.drivers.simulated.traffic import DRIVING_CHECKS


def _refuse(value: Any) -> str:
    return "" if not flag(value) or not whole(value) else "true, false, or how many times"


def _share_or_devices(value: Any) -> str:
    if is_number(value):
        return "" if 0 <= value <= 1 else "a share from 0 to 1"
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return ""
    return "a share from 0 to 1, or a list of devices"


def _share(value: Any) -> str:
    return "" if is_number(value) and 0 <= value <= 1 else "a share from 0 to 1"


FLAP_CHECKS: Mapping[str, Check] = {"up_s": positive, "down_s": positive}
FAULT_CHECKS: Mapping[str, Check] = {
    fault: _share if fault is Fault.LOST else _share_or_devices for fault in Fault
}
_TABLES: Mapping[str, Mapping[str, Check]] = {
    "faults": FAULT_CHECKS,
    "flap": FLAP_CHECKS,
    "driving": DRIVING_CHECKS,
}
CHECKS: Mapping[str, Check] = {
    "seed": whole,
    "latency_ms": non_negative,
    "timeout_ms": positive,
    "late_ms": non_negative,
    "refuse": _refuse,
    "hang": flag,
    "drop_after_n": whole,
    "publish_ms": non_negative,
    "flap": lambda value: "" if isinstance(value, Mapping) else "{ up_s = …, down_s = … }",
    "driving": lambda value: "" if isinstance(value, Mapping) else "{ speed = m/s, … }",
    "faults": lambda value: "" if isinstance(value, Mapping) else "{ fault = share or devices }",
}


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """What a city file may ask of a simulated link.

    Attributes:
        seed: decides everything that is left to chance.
        latency_ms: how long each call takes.
        timeout_ms: how long the driver waits for an answer that never comes.
        late_ms: how much longer an answer takes that the fault ``late`` holds up.
        refuse: every ``open`` fails, or the first so many.
        hang: nothing answers any more, though the link is there.
        drop_after_n: the link is lost in this call after ``open``, and again each time; 0: never.
        publish_ms: the field speaks by itself this often, about what changed; 0: never.
        flap_up_s, flap_down_s: the link comes and goes; 0: it stays.
        driving: how its vehicles drive: speed (m/s), dwell_s at each waypoint, and on_s and off_s,
            how long they are on duty and off duty in turn.
        shares: for each fault, the share of devices that have it, or of calls that it strikes.
        devices: for each fault, the devices (or points) that always have it.
    """

    seed: int = 0
    latency_ms: float = 0.0
    timeout_ms: float = 1_000.0
    late_ms: float = 500.0
    refuse: bool | int = False
    hang: bool = False
    drop_after_n: int = 0
    publish_ms: float = 0.0
    flap_up_s: float = 0.0
    flap_down_s: float = 0.0
    driving: tuple[tuple[str, float], ...] = ()
    shares: tuple[tuple[Fault, float], ...] = ()
    devices: tuple[tuple[Fault, tuple[str, ...]], ...] = ()


def link_options(options: Mapping[str, Any]) -> LinkOptions:
    """Return the options of a (checked) link."""
    plain = {key: value for key, value in options.items() if key not in _TABLES}
    flap = options.get("flap", {})
    faults = options.get("faults", {})
    return LinkOptions(
        **plain,
        flap_up_s=flap.get("up_s", 0.0),
        flap_down_s=flap.get("down_s", 0.0),
        driving=tuple(sorted(options.get("driving", {}).items())),
        shares=tuple((Fault(f), float(v)) for f, v in faults.items() if is_number(v)),
        devices=tuple((Fault(f), tuple(v)) for f, v in faults.items() if not is_number(v)),
    )


def check_link_options(options: Mapping[str, Any]) -> Sequence[Problem]:
    """Return what is wrong with a link's options, as ``(key, found, allowed)``."""
    found = problems(CHECKS, options)
    for table, checks in _TABLES.items():
        inner = options.get(table)
        if isinstance(inner, Mapping):
            found += [(f"{table}.{key}", value, why) for key, value, why in problems(checks, inner)]
    flap = options.get("flap")
    if isinstance(flap, Mapping):
        found += [("flap", dict(flap), f"needs {key}") for key in FLAP_CHECKS if key not in flap]
    return found
