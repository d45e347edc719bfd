"""The times of a timetable: seconds of a service day, which is no day of a calendar. Pure.

*Theory.* GTFS counts a stop time from noon minus twelve hours of its service day, in the agency's
time zone. That is midnight, but on the two days on which clocks change: then it is 23:00 or 01:00.
A trip after midnight belongs to the day before, with times of 24:00:00 and more. Source: GTFS
Schedule reference, "Field types", Time.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

#: No trip of a service day ends later: two days after it began.
LATEST_S: Final = 72 * 3_600
_TIME = re.compile(r"([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])")
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_HALF_DAY_S: Final = 12 * 3_600


def seconds_of(text: str) -> int:
    """Return the seconds of ``H:MM:SS`` or ``HH:MM:SS``; 25:10:00 is ten past one the next day.

    Raises:
        ValueError: it is no such time, or later than 72:00:00.
    """
    found = _TIME.fullmatch(text.strip(" "))
    if found is None:
        raise ValueError(text)
    seconds = int(found[1]) * 3_600 + int(found[2]) * 60 + int(found[3])
    if seconds > LATEST_S:
        raise ValueError(text)
    return seconds


def date_of(text: str) -> date:
    """Return the date of ``YYYYMMDD``.

    Raises:
        ValueError: it is no such date.
    """
    found = _DATE.fullmatch(text.strip(" "))
    if found is None:
        raise ValueError(text)
    return date(int(found[1]), int(found[2]), int(found[3]))


def day_begins(day: date, zone: ZoneInfo) -> int:
    """Return second 0 of a service day, as POSIX seconds: noon minus twelve hours."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return round(noon.timestamp()) - _HALF_DAY_S


def days_at(now_s: float, zone: ZoneInfo) -> list[date]:
    """Return the service days that a trip under way now may belong to, the latest first."""
    today = datetime.fromtimestamp(now_s, zone).date()
    days = [today + timedelta(days=ahead) for ahead in (1, 0, -1, -2, -3)]
    return [day for day in days if 0 <= now_s - day_begins(day, zone) <= LATEST_S]
