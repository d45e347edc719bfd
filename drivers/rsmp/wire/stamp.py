"""Timestamps of RSMP: UTC with three decimals, ``2015-06-08T11:49:03.293Z``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORM: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
#: Largest time that has four digits of year, ms since 1970.
MAX_MS: Final = 253_402_300_799_999


def to_text(wall_ms: int) -> str:
    """Return a time in ms since 1970 as RSMP writes it; times out of range are clamped."""
    moment = _EPOCH + timedelta(milliseconds=min(max(wall_ms, 0), MAX_MS))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".rjust(24, "0")


def to_ms(text: object) -> int | None:
    """Return ms since 1970 of a timestamp, or None if it is none.

    Fewer or more decimals than three, and a missing ``Z``, are forgiven: sites send them.
    """
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    *parts, fraction, zone = found.groups()
    try:
        moment = datetime(*map(int, parts), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    ms = (moment - _EPOCH) // timedelta(milliseconds=1) + int((fraction or "0")[:3].ljust(3, "0"))
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        offset_ms = (hours * 60 + minutes) * 60_000
        ms += -offset_ms if zone[0] == "+" else offset_ms
    return ms
