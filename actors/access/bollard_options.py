"""The options of a template of bollards: how long things take, and which way it fails safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jacquemart.actors.access.bollard_rules import SECOND, Times
from jacquemart.actors.access.passage import PassageTimes

#: Name, default, least and largest value, all in seconds.
_SECONDS: Final = {
    "travel_s": (8.0, 1.0, 60.0),
    "loop_stuck_s": (600.0, 10.0, 86_400.0),
    "pass_wait_s": (30.0, 1.0, 3_600.0),
    "hold_off_s": (3.0, 1.0, 60.0),
}
_FAIL_SAFE: Final = ("lowered", "raised")


def check_options(options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
    """Return what is wrong with a template's options, as ``(key, found, allowed)``."""
    wrong: list[tuple[str, Any, str]] = []
    for key, found in options.items():
        if key == "fail_safe":
            if found not in _FAIL_SAFE:
                wrong.append((key, found, '"lowered" or "raised"'))
        elif key not in _SECONDS:
            wrong.append((key, found, ", ".join([*_SECONDS, "fail_safe"])))
        else:
            _, low, high = _SECONDS[key]
            number = isinstance(found, (int, float)) and not isinstance(found, bool)
            if not number or not low <= found <= high:
                wrong.append((key, found, f"a number of seconds from {low:g} to {high:g}"))
    return wrong


def times_of(options: Mapping[str, Any]) -> Times:
    """Return the times of a template whose options have passed ``check_options``."""
    return Times(travel=_ns(options, "travel_s"), stuck=_ns(options, "loop_stuck_s"))


def passage_times_of(options: Mapping[str, Any]) -> PassageTimes:
    """Return the times of its passages."""
    return PassageTimes(wait=_ns(options, "pass_wait_s"), hold_off=_ns(options, "hold_off_s"))


def fail_safe_of(options: Mapping[str, Any]) -> str:
    """Return how a lane of this template is safe when its bollard fails: lowered or raised."""
    return str(options.get("fail_safe", "lowered"))


def _ns(options: Mapping[str, Any], key: str) -> int:
    return round(float(options.get(key, _SECONDS[key][0])) * SECOND)
