"""Values as RSMP sends them: nearly all are text, also numbers and booleans.

Core 3.2.2, "Basic structure": JSON strings are used even for numbers and booleans, but for the
aggregated status and ``sOc``. Some sites send the JSON forms all the same (``true``, ``7``); what
is *read* is therefore taken in either form, and what is *sent* follows a quirk of the site.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

_WHOLE: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_TRUE: Final = ("true", "1")
_FALSE: Final = ("false", "0")


def to_bool(value: Any) -> bool | None:
    """Return a boolean in any of the forms that sites use, or None if it is none."""
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def to_int(value: Any) -> int | None:
    """Return a whole number that came as text or as a number, or None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**18 else None
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    return None


def to_seconds(value: Any) -> float | None:
    """Return an interval in s, 0 to 10^6, with decimals; or None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds <= 1e6 else None


def items(value: Any) -> list[str]:
    """Return the parts of a comma-separated list; of anything else its own text as one."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else [str(value)]


def bool_text(value: bool) -> str:
    """Return ``True`` or ``False``, as RSMP writes them."""
    return "True" if value else "False"


def native(kind: str, value: Any) -> Any:
    """Return a value in its JSON form, for sites with that quirk; text stays what it is."""
    if kind == "boolean":
        found = to_bool(value)
        return value if found is None else found
    if kind == "integer":
        number = to_int(value)
        return value if number is None else number
    return value
