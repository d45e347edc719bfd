"""Check a value that somebody sends: its type, unit, range and words."""

from __future__ import annotations

import math
from typing import Final

from jacquemart.runtime.actor.declare import CommandSpec
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.outcome import Reason

Refusal = tuple[str, str]
"""Why a value is refused: a reason of ``Reason``, and a sentence."""

_NO_WORDS: Final[tuple[str, ...]] = ()


def check_value(spec: PointSpec, value: object, unit: str) -> tuple[float, Refusal | None]:
    """Check a value for a point; return it as a number, and why it is refused if it is."""
    if not spec.writable:
        return math.nan, (Reason.NOT_WRITABLE, f"{spec.name} cannot be written")
    limits = spec.low, spec.high
    return check_number(spec.name, value, unit, spec.unit, limits, spec.words, whole=spec.whole)


def check_reading(spec: PointSpec, value: object, unit: str) -> tuple[float, Refusal | None]:
    """Check a value that shall stand in place of a reading; see ``check_value``."""
    limits = spec.low, spec.high
    return check_number(spec.name, value, unit, spec.unit, limits, spec.words, whole=spec.whole)


def check_argument(command: CommandSpec, value: object, unit: str) -> tuple[object, Refusal | None]:
    """Check the value of a command; return what its handler shall see, and why it is refused.

    A command that is not declared (no ``about``) has its value as it came.
    """
    takes = command.takes
    if not command.about:
        return value, None
    if takes is None:
        if value is None:
            return None, None
        return None, (Reason.BAD_VALUE, f"{command.name} takes no value")
    if value is None and takes.optional:
        return None, None
    if takes.text:
        return check_text(command.name, value, unit, takes.text)
    return check_number(
        command.name, value, unit, takes.unit, takes.limits, takes.words,
        whole=takes.whole or bool(takes.words),
    )  # fmt: skip


def check_text(name: str, value: object, unit: str, most: int) -> tuple[object, Refusal | None]:
    """Return a text of ``most`` characters at most, and why it is refused if it is none."""
    if not isinstance(value, str):
        found = "nothing" if value is None else type(value).__name__
        return None, (Reason.BAD_VALUE, f"{name} takes a text, not {found}")
    if not 1 <= len(value) <= most:
        return None, (Reason.BAD_VALUE, f"{name} takes 1 to {most:,} characters, not {len(value)}")
    if unit:
        return None, (Reason.WRONG_UNIT, f"{name} is in no unit, not {unit}")
    return value, None


def check_number(
    name: str,
    value: object,
    unit: str,
    needed_unit: str,
    limits: tuple[float | None, float | None],
    words: tuple[str, ...] = _NO_WORDS,
    *,
    whole: bool = False,
) -> tuple[float, Refusal | None]:
    """Return the number that a value means, and why it is refused if it is.

    Args:
        name: of the point or command, for the sentence.
        value: a number, a truth value, or one of ``words``.
        unit: that the sender named; empty: none.
        needed_unit: that it must be in then.
        limits: least and largest number allowed; None: no limit.
        words: what 0, 1, 2 … mean.
        whole: refuse fractions.
    """
    if words and isinstance(value, (str, bool)):
        if isinstance(value, bool):  # "on" and "off" as a command line sends them
            value = "on" if value else "off"
        if value not in words:
            some = ", ".join(words)
            return math.nan, (Reason.BAD_VALUE, f"{name} takes {some}, not {value[:40]!r}")
        value = words.index(value)
    if not isinstance(value, (bool, int, float)):
        return math.nan, (Reason.BAD_VALUE, f"{name} takes a number, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        return math.nan, (Reason.BAD_VALUE, f"{name} takes a finite number, not {number}")
    if unit and unit != needed_unit:
        return math.nan, (Reason.WRONG_UNIT, f"{name} is in {needed_unit or 'no unit'}, not {unit}")
    low, high = limits
    if (low is not None and number < low) or (high is not None and number > high):
        return math.nan, (
            Reason.OUT_OF_RANGE,
            f"{name} takes {low:g} to {high:g} {needed_unit}, not {number:g}".rstrip()
            if low is not None and high is not None
            else f"{name} takes {'at least' if high is None else 'at most'} "
            f"{low if high is None else high:g} {needed_unit}, not {number:g}",
        )
    if whole and number != math.floor(number):
        return math.nan, (Reason.BAD_VALUE, f"{name} takes whole numbers, not {number:g}")
    return number, None
