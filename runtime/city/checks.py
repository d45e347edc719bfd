"""What a value of the city file may be: checks, keys, and the one reader of tables.

*Theory.* A check is data: the words that tell what is allowed, a function that accepts a typed
value of TOML, and one that makes such a value out of a cell of an inventory. A key is a name, a
check and a default. A table is read against its keys; every problem is reported, and a value
that was refused is replaced by its default, so that reading goes on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jacquemart.runtime.city.files import Table
from jacquemart.runtime.city.problems import NOTHING, UNKNOWN_KEY, Report
from jacquemart.runtime.model.ids import ID_PATTERN, valid_id

#: The default of a key that must be given.
REQUIRED: Final = object()

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_PLAIN_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
#: float() also takes "nan", "inf", "1_000", blanks and the digits of other scripts.
_NUMBER_SIGNS = re.compile(r"[0-9.eE+-]*")
_ID_LINES = re.compile(rf"(?:{ID_PATTERN.pattern}\n)*+")


@dataclass(frozen=True, slots=True)
class Check:
    """What is allowed, in words and as code.

    ``accept`` returns the value to keep, or raises ValueError (its text explains further).
    ``parse`` makes a typed value of a cell, where that is not text; a cell that is no such
    value stays text, which ``accept`` then refuses. ``bulk`` does both for a whole column, or
    raises ValueError if it has any cell to look at alone. ``among``: the names that may be
    meant by a wrong one.
    """

    allowed: str
    accept: Callable[[Any], Any]
    parse: Callable[[str], Any] | None = None
    among: Collection[str] = ()
    bulk: Callable[[Sequence[str]], list[Any]] | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table, or the meaning of a column."""

    name: str
    check: Check
    default: Any = REQUIRED
    instead: Any = None
    """What stands in for a refused value where the default would mean something else."""

    @property
    def fallback(self) -> Any:
        """Return what stands in for a value that was refused."""
        return (
            self.instead if self.default is REQUIRED or self.instead is not None else self.default
        )


def read_table(
    table: Table, keys: Sequence[Key], report: Report, *, rest: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Read a table against its keys; the result has every key.

    Keys that are not in the schema go to ``rest``, or are problems if that is None.
    """
    names = [key.name for key in keys]
    for name, value in table.values.items():
        if name in names:
            continue
        if rest is not None:
            rest[name] = value
        else:
            report.add(table.place(name), UNKNOWN_KEY, ", ".join(names), among=names)
    return {key.name: _read_value(table, key, report) for key in keys}


def _read_value(table: Table, key: Key, report: Report) -> Any:
    if key.name in table.values:
        found = table.values[key.name]
        try:
            return key.check.accept(found)
        except ValueError as error:
            place = table.place(key.name)
            report.add(place, found, key.check.allowed, str(error), among=key.check.among)
    elif key.default is REQUIRED:
        report.add(table.place(key.name), NOTHING, key.check.allowed)
        return None
    else:
        return key.default
    return key.fallback


def text(most: int = 200, least: int = 0) -> Check:
    """Allow printable text of so many characters."""

    def accept(value: Any) -> str:
        if isinstance(value, str) and least <= len(value) <= most and value.isprintable():
            return value
        raise ValueError

    return Check(f"text of {least} to {most:,} printable characters", accept)


def _accept_id(value: Any) -> str:
    if isinstance(value, str) and valid_id(value):
        return value
    raise ValueError


def _bulk_ids(cells: Sequence[str]) -> list[str]:
    lines = "".join([f"{cell}\n" for cell in cells])
    if lines.count("\n") != len(cells) or not _ID_LINES.fullmatch(lines):
        raise ValueError
    return list(cells)


def _accept_optional_id(value: Any) -> str:
    return value if value == "" else _accept_id(value)


_ID_WORDS = "1 to 64 of A-Z a-z 0-9 _ . : -, with a letter or digit first and last"
IDENTIFIER = Check(_ID_WORDS, _accept_id, bulk=_bulk_ids)
OPTIONAL_IDENTIFIER = Check(f'"" or {_ID_WORDS}', _accept_optional_id)


def _parse_whole(cell: str) -> Any:
    return int(cell) if _WHOLE.fullmatch(cell) else cell


def whole(low: int, high: int) -> Check:
    """Allow integers from low to high, both included."""

    def accept(value: Any) -> int:
        if type(value) is int and low <= value <= high:  # a bool is no number
            return value
        raise ValueError

    return Check(f"a whole number from {low:,} to {high:,}", accept, _parse_whole)


def _finite(value: Any) -> float:
    try:
        if type(value) in (int, float) and math.isfinite(value):
            return float(value)
    except OverflowError:  # an integer above all floats
        pass
    raise ValueError


def _parse_number(cell: str) -> Any:
    return float(cell) if _NUMBER.fullmatch(cell) else cell


def number(low: float, high: float = math.inf) -> Check:
    """Allow finite numbers from low to high, both included."""

    def accept(value: Any) -> float:
        finite = value if type(value) is float else _finite(value)
        if low <= finite <= high and finite != math.inf:
            return finite
        raise ValueError

    def bulk(cells: Sequence[str]) -> list[float]:
        if not _NUMBER_SIGNS.fullmatch("".join(cells)):
            raise ValueError
        values = list(map(float, cells))
        for extreme in (min(values, default=low), max(values, default=low)):
            accept(extreme)
        return values

    words = f"a number from {low:g} to {high:g}" if high < math.inf else f"a number >= {low:g}"
    return Check(words, accept, _parse_number, bulk=bulk)


def _accept_interval(value: Any) -> tuple[float, float]:
    if isinstance(value, list) and len(value) == 2:
        low, high = map(_finite, value)
        if low <= high:
            return low, high
    raise ValueError


INTERVAL = Check("two numbers, low <= high", _accept_interval)


def _accept_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError


BOOLEAN = Check("true or false", _accept_boolean)


def one_of(*words: str) -> Check:
    """Allow one of a few words."""

    def accept(value: Any) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise ValueError

    return Check("one of " + ", ".join(f'"{word}"' for word in words), accept)


def known(what: str, names: Mapping[str, str], *, complete: bool = True) -> Check:
    """Allow a name of what the city has; the result is the id that ``names`` gives for it.

    Not ``complete``: the names could not all be read, so an unknown one is let pass.
    """
    ids = list(dict.fromkeys(names.values()))
    some = ", ".join(ids[:6]) + (f", … ({len(ids):,} in all)" if len(ids) > 6 else "")

    def accept(value: Any) -> str:
        if isinstance(value, str):
            if value in names:
                return names[value]
            if not complete:
                return value
        raise ValueError

    return Check(
        f"{what}: {some}" if some else f"{what}, of which there is none", accept, among=names
    )


def _accept_character(value: Any) -> str:
    if isinstance(value, str) and len(value) == 1 and value not in '\r\n" \0':
        return value
    raise ValueError


CHARACTER = Check("one character, but no blank, quote or line end", _accept_character)


def _accept_table(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise ValueError


TABLE = Check("a table", _accept_table)


def _accept_tables(value: Any) -> list[Any]:
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise ValueError


TABLES = Check("tables with [[double]] brackets", _accept_tables)


def _accept_scalar(value: Any) -> int | str:
    if type(value) is int or isinstance(value, str):
        return value
    raise ValueError


SCALAR = Check("a whole number or text", _accept_scalar)


def _accept_texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [_SHORT.accept(item) for item in value]
    raise ValueError


_SHORT = text(4_096, 1)
TEXTS = Check(f"a list, each of it {_SHORT.allowed}", _accept_texts)


def parse_option(cell: str) -> Any:
    """Read a cell as TOML would read it bare: integer, number, true, false; otherwise text.

    An integer with leading zeros is a code and not a quantity: it stays text.
    """
    if _PLAIN_WHOLE.fullmatch(cell):
        return int(cell)
    if _NUMBER.fullmatch(cell) and not cell.lstrip("+-").isdecimal():
        value = float(cell)
        return value if math.isfinite(value) else cell
    return {"true": True, "false": False}.get(cell, cell)
