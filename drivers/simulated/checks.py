"""Checks of options: each says what is allowed, in the words that an operator reads."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any

from jacquemart.runtime.model.ids import valid_id

Problem = tuple[str, Any, str]
Check = Callable[[Any], str]
"""Takes what was found; returns what is allowed, or nothing if it is fine."""


def is_number(value: Any) -> bool:
    """Return whether the value is a finite number (and not a boolean)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Any) -> str:
    """Allow any finite number."""
    return "" if is_number(value) else "a finite number"


def non_negative(value: Any) -> str:
    """Allow a finite number from 0."""
    return "" if is_number(value) and value >= 0 else "a number of 0 or more"


def positive(value: Any) -> str:
    """Allow a finite number above 0."""
    return "" if is_number(value) and value > 0 else "a number above 0"


def whole(value: Any) -> str:
    """Allow a whole number from 0."""
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return "" if good else "a whole number of 0 or more"


def flag(value: Any) -> str:
    """Allow true or false."""
    return "" if isinstance(value, bool) else "true or false"


def point_name(value: Any) -> str:
    """Allow the name of a point."""
    return "" if isinstance(value, str) and valid_id(value) else "the name of a point"


def one_of(*words: str) -> Check:
    """Allow one of some words."""

    def check(value: Any) -> str:
        return "" if value in words else "one of: " + ", ".join(words)

    return check


def problems(checks: Mapping[str, Check], options: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with some options: unknown keys, and values not allowed."""
    found: list[Problem] = []
    for key, value in options.items():
        check = checks.get(key)
        if check is None:
            near = difflib.get_close_matches(key, checks, n=1)
            hint = f"did you mean {near[0]}?" if near else "one of: " + ", ".join(checks)
            found.append((key, value, f"no such key; {hint}"))
        elif allowed := check(value):
            found.append((key, value, allowed))
    return found
