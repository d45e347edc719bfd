"""Values, ages, qualities and durations as people read them."""

from __future__ import annotations

import argparse
import math
import time

from jacquemart.cli.text import escape
from jacquemart.runtime.model.ids import valid_word
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.reading import Reading

#: What stands where there is no value.
NOTHING = "–"

_SWITCHES = {"on": True, "true": True, "off": False, "false": False}
_MINUTE_S = 60
_HOUR_S = 3_600
_DAY_S = 86_400
#: Units that summaries scale up, with what they become for each factor of a thousand.
_SCALES = {
    "W": ("W", "kW", "MW", "GW"),
    "kW": ("kW", "MW", "GW"),
    "Wh": ("Wh", "kWh", "MWh", "GWh"),
    "kWh": ("kWh", "MWh", "GWh"),
}


def number(value: float | None) -> str:
    """Return a number with as many digits as help, ``–`` for NaN or none."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "-inf" if value < 0 else "inf"
    size = abs(value)
    if size >= 1e12 or 0 < size < 1e-3:
        return f"{value:.4g}"
    text = f"{value:.3f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def quantity(value: float | None, unit: str) -> str:
    """Return a value with its unit: ``80.0 %``; without a unit, whole numbers stay whole."""
    if unit and value is not None and not math.isnan(value):
        return f"{number(value)} {escape(unit)}"
    text = number(value)
    return text.removesuffix(".0")


def reading(found: Reading) -> str:
    """Return the value of a reading: the word of an enumeration, or its quantity."""
    return found.word or quantity(found.value, found.unit)


def parse(text: str) -> float | str | bool:
    """Read a value of a command line: a number, on or off, or a word.

    Raises:
        argparse.ArgumentTypeError: none of these.
    """
    switch = _SWITCHES.get(text.lower())
    if switch is not None:
        return switch
    try:
        value = float(text)
    except ValueError:
        if valid_word(text):
            return text
        value = math.nan
    if not math.isfinite(value):
        allowed = "a number, on or off, or a word of the point"
        raise argparse.ArgumentTypeError(f"{text!r} is no value; allowed: {allowed}")
    return value


def total(value: float | None, unit: str) -> str:
    """Return a sum or mean for a summary: one decimal, in a unit that keeps it short."""
    if value is None or not math.isfinite(value):
        return number(value)
    scales = _SCALES.get(unit, (unit,))
    step = 0
    while abs(value) >= 10_000 and step + 1 < len(scales):
        value /= 1_000
        step += 1
    if not unit:
        return f"{value:,.1f}".removesuffix(".0")
    return f"{value:,.1f} {escape(scales[step])}"


def quality(code: int) -> str:
    """Return the text of a quality byte: ``GOOD``, ``BAD(comm)``."""
    return Quality.from_code(code).text


def age(then_ns: int, now_ns: int) -> str:
    """Return how long ago a POSIX time was: ``3.2 s ago``; 0 is never."""
    if then_ns <= 0:
        return "never"
    seconds = (now_ns - then_ns) / 1e9
    if seconds < -0.1:  # the field's clock, or ours, was set meanwhile
        return f"{span(-seconds)} ahead"
    return f"{span(max(0.0, seconds))} ago"


def span(seconds: float) -> str:
    """Return a duration in the unit that fits: ``3.2 s``, ``4 min``, ``7 h``, ``12 d``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    if seconds < 2 * _DAY_S:
        return f"{seconds / _HOUR_S:.0f} h"
    return f"{seconds / _DAY_S:,.0f} d"


def after(start_ns: int, end_ns: int) -> str:
    """Return the distance of two times of one clock: ``+0.31 ms``, ``+1,041 ms``."""
    found_ms = (end_ns - start_ns) / 1e6
    return f"{found_ms:+,.2f} ms" if abs(found_ms) < 10 else f"{found_ms:+,.0f} ms"


def local_time(time_ns: int) -> str:
    """Return a POSIX time as local date and time with milliseconds."""
    try:
        stamp = time.localtime(time_ns // 10**9)
    except (OverflowError, ValueError, OSError):
        return f"{time_ns} ns"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', stamp)}.{time_ns // 10**6 % 1_000:03d}"


def time_of_day(time_ns: int) -> str:
    """Return the time of day of a POSIX time, without its date."""
    return local_time(time_ns).rpartition(" ")[2]
