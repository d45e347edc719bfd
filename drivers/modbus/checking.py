"""Rows of what is wrong with values from a city file: ``(key, found, allowed)``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

Wrong = tuple[str, Any, str]


def is_int(value: Any) -> TypeGuard[int]:
    """Return whether a value is a whole number; ``true`` is none, though Python says so."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a value is a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False


def unknown_keys(found: Mapping[str, Any], known: Sequence[str]) -> list[Wrong]:
    """Return a row for each key that means nothing here."""
    return [(key, found[key], "one of " + ", ".join(known)) for key in found if key not in known]


def within(
    wrong: list[Wrong],
    found: Mapping[str, Any],
    key: str,
    low: int,
    high: int,
    *,
    required: bool = False,
) -> None:
    """Add a row if a value is not a whole number of a range (inclusive)."""
    if key not in found and not required:
        return
    value = found.get(key)
    if not is_int(value) or not low <= value <= high:
        wrong.append((key, value, f"a whole number from {low} to {high}"))
