r"""Sentences of NMEA 0183 with a TAG block that names the vehicle; read and written. Pure.

    \s:BUS-12*23\$GPRMC,081836.250,A,4719.32007,N,00502.47407,E,16.134,84.4,231126,,,A*6B
    \s:BUS-12*23\$PJQMV,1,3,95,42,0*44

*Theory.* A gateway that speaks for many receivers puts the source into a TAG block (NMEA 0183
version 4.10, "s:"); what follows is the receiver's own sentence. ``RMC`` has all that a position
needs, its date too. Duty, line, lateness, load and door have no sentence in the standard, so they
have one of ours, as the standard lets makers have them (``$P``, then a code).

*Rules.* Total: whatever the bytes are, there is an answer. Both checksums must be there and right.
What is out of its range is refused whole: half a position is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

#: A sentence has 82 characters at most, a TAG block 80; receivers with more digits have a few more.
LONGEST: Final = 256
KNOT_MPS: Final = 1852.0 / 3600.0
FASTEST_MPS: Final = 150.0
#: Mode indicators of RMC: what kind of position it is.
MODES: Final = {
    "A": "autonomous", "D": "differential", "E": "estimated", "F": "float RTK", "M": "manual",
    "N": "no fix", "P": "precise", "R": "RTK", "S": "simulated",
}  # fmt: skip
_NAME: Final = re.compile(r"[A-Za-z0-9_.:+=/-]{1,40}", re.ASCII)
_TIME: Final = re.compile(r"(\d\d)(\d\d)(\d\d)(\.\d{1,9})?", re.ASCII)
_DATE: Final = re.compile(r"(\d\d)(\d\d)(\d\d)", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,7}(\.\d{0,9})?", re.ASCII)
_PLACE: Final = re.compile(r"(\d{2,3})(\d\d(?:\.\d{1,9})?)", re.ASCII)
_LINE: Final = re.compile(
    r"(?:\\([^\\*]*)\*([0-9A-Fa-f]{2})\\)?\$([^*$\\]*)\*([0-9A-Fa-f]{2})", re.ASCII
)


class Fix(NamedTuple):
    """A position.

    Attributes:
        vehicle: as the TAG block names it; empty: it has none.
        taken_ns: when it was there, ns of the wall clock, by the receiver.
        mode: of ``MODES``; "N": it knows no place, and the next three are NaN.
        lat, lon: WGS 84. speed_mps: over ground. heading_deg: from true north, NaN if it stands.
    """

    vehicle: str
    taken_ns: int
    mode: str
    lat: float
    lon: float
    speed_mps: float
    heading_deg: float


class Duty(NamedTuple):
    """What its on-board computer says; NaN: that it does not say.

    Attributes:
        status: 0 off duty, 1 in service, 2 at a stop, 3 empty run, 4 layover.
        line: its number. delay_s: how late it is. load_pct: how full. door: 1 one is open.
    """

    vehicle: str
    status: float
    line: float = math.nan
    delay_s: float = math.nan
    load_pct: float = math.nan
    door: float = math.nan


class Refused(NamedTuple):
    """A line that is not taken, and why: one of few words, so that they can be counted."""

    why: str


class Other(NamedTuple):
    """A good sentence that says nothing of these."""

    formatter: str


Told = Fix | Duty | Refused | Other
_DUTY_RANGES: Final = ((0.0, 4.0), (0.0, 9_999.0), (-3_600.0, 36_000.0), (0.0, 150.0), (0.0, 1.0))


def checksum(text: str) -> str:
    """Return the exclusive or of all characters, as two digits."""
    value = 0
    for byte in text.encode("latin-1"):
        value ^= byte
    return f"{value:02X}"


def decode(line: bytes) -> Told:
    """Return what one line says, without its end."""
    if len(line) > LONGEST:
        return Refused("too long")
    try:
        found = _LINE.fullmatch(line.decode("ascii").strip())
    except UnicodeDecodeError:
        return Refused("no ASCII")
    if found is None:
        return Refused("no sentence")
    tag, tag_sum, body, body_sum = found.groups()
    if checksum(body) != body_sum.upper() or (tag and checksum(tag) != tag_sum.upper()):
        return Refused("checksum")
    vehicle = _source(tag or "")
    if vehicle is None:
        return Refused("TAG block")
    formatter, *fields = body.split(",")
    if formatter[:1] != "P" and formatter[2:] == "RMC":
        return _fix(vehicle, fields)
    return _duty(vehicle, fields) if formatter == "PJQMV" else Other(formatter[:8])


def _source(tag: str) -> str | None:
    """Return the source of a TAG block, empty if it has none; None: it is malformed."""
    name = ""
    for part in filter(None, tag.split(",")):
        code, colon, value = part.partition(":")
        if not colon or len(code) != 1:
            return None
        if code == "s":
            if name or not _NAME.fullmatch(value):
                return None
            name = value
    return name


def _fix(vehicle: str, fields: Sequence[str]) -> Told:
    if not 9 <= len(fields) <= 13:
        return Refused("number of fields")
    time, state, lat, south, lon, west, knots, course, date = fields[:9]
    mode = fields[11] if len(fields) > 11 else "A"
    taken_ns = _moment(time, date)
    if taken_ns is None:
        return Refused("time")
    if state not in ("A", "V") or mode not in MODES:
        return Refused("status")
    if state == "V" or mode == "N":
        return Fix(vehicle, taken_ns, "N", math.nan, math.nan, math.nan, math.nan)
    north, east = _degrees(lat, south, "NS", 2, 90.0), _degrees(lon, west, "EW", 3, 180.0)
    if north is None or east is None:
        return Refused("place")
    speed = _number(knots, 0.0, FASTEST_MPS / KNOT_MPS)
    heading = math.nan if course == "" else _number(course, 0.0, 360.0)
    if speed is None or heading is None:
        return Refused("speed or course")
    return Fix(vehicle, taken_ns, mode, north, east, speed * KNOT_MPS, heading % 360.0)


def _duty(vehicle: str, fields: Sequence[str]) -> Told:
    if not 1 <= len(fields) <= len(_DUTY_RANGES):
        return Refused("number of fields")
    values: list[float] = []
    for text, (low, high) in zip(fields, _DUTY_RANGES, strict=False):
        value = math.nan if text == "" else _number(text, low, high)
        if value is None:
            return Refused("duty")
        values.append(value)
    whole = all(math.isnan(values[at]) or values[at].is_integer() for at in (0, 1, 4) if
                at < len(values))  # fmt: skip
    if math.isnan(values[0]) or not whole:
        return Refused("duty")
    return Duty(vehicle, *values)


def _number(text: str, low: float, high: float) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if low <= value <= high else None


def _degrees(text: str, side: str, sides: str, digits: int, most: float) -> float | None:
    """Return degrees of ddmm.mmmm or dddmm.mmmm."""
    found = _PLACE.fullmatch(text)
    if found is None or len(found[1]) != digits or side not in tuple(sides):
        return None
    minutes = float(found[2])
    degrees = int(found[1]) + minutes / 60.0
    if minutes >= 60.0 or degrees > most:
        return None
    return -degrees if side == sides[1] else degrees


def _moment(time: str, date: str) -> int | None:
    of_day, of_year = _TIME.fullmatch(time), _DATE.fullmatch(date)
    if of_day is None or of_year is None:
        return None
    hour, minute, second = (int(of_day[at]) for at in (1, 2, 3))
    day, month, year = (int(of_year[at]) for at in (1, 2, 3))
    try:
        whole = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    part = round(float(of_day[4] or 0.0) * 1e9)
    return int(whole.timestamp()) * 1_000_000_000 + part


# Writing ---------------------------------------------------------------------------------------


def encode(told: Fix | Duty) -> bytes:
    """Return a line, with its end; the opposite of ``decode``, but for rounding (2 cm, 1 ms)."""
    body = _rmc(told) if isinstance(told, Fix) else _pjqmv(told)
    tag = f"s:{told.vehicle}"
    lead = f"\\{tag}*{checksum(tag)}\\" if told.vehicle else ""
    return f"{lead}${body}*{checksum(body)}\r\n".encode("ascii")


def _rmc(fix: Fix) -> str:
    ms = fix.taken_ns // 1_000_000
    moment = datetime.fromtimestamp(ms // 1_000, UTC)
    time, date = f"{moment:%H%M%S}.{ms % 1_000:03d}", f"{moment:%d%m%y}"
    if fix.mode == "N":
        return f"GPRMC,{time},V,,,,,,,{date},,,N"
    course = "" if math.isnan(fix.heading_deg) else f"{fix.heading_deg % 360.0:.1f}"
    return (
        f"GPRMC,{time},A,{_minutes(fix.lat, 'NS', 2)},{_minutes(fix.lon, 'EW', 3)},"
        f"{fix.speed_mps / KNOT_MPS:.3f},{course},{date},,,{fix.mode}"
    )


def _minutes(degrees: float, sides: str, digits: int) -> str:
    units = round(abs(degrees) * 60.0 * 1e5)  # as a whole number, so that 60 minutes never show
    whole, rest = divmod(units, 60 * 100_000)
    minutes, part = divmod(rest, 100_000)
    return f"{whole:0{digits}d}{minutes:02d}.{part:05d},{sides[degrees < 0]}"


def _pjqmv(duty: Duty) -> str:
    shown = ("" if math.isnan(value) else f"{value:.0f}" for value in duty[1:])
    return ",".join(("PJQMV", *shown))
