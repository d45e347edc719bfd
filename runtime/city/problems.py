"""What is wrong with a city file: problems, their one-line text, and the error that carries all.

The operator repairs a file once, not once a problem: so nothing here raises before the whole
city was read. A wrong column of an inventory can be wrong in every row, so only the first
problems are kept whole, and the rest are counted by file and key.
"""

from __future__ import annotations

import datetime
import difflib
import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from jacquemart.runtime.model.errors import ConfigError

#: Problems kept whole.
KEPT = 100
#: Characters of a found value that are shown.
SHOWN = 80
#: Above this many names a search for the nearest one takes longer than the operator waits.
NEAREST_OF = 1_000


class Words(str):
    """A description in the place of a found value: shown as it stands, without quotes."""

    __slots__ = ()


NOTHING = Words("nothing")
UNKNOWN_KEY = Words("an unknown key")


class Place(NamedTuple):
    """Where something stands. Line 0: the file as a whole, or a row of a file without lines."""

    file: str
    line: int = 0
    key: str = ""
    row: int = 0
    """From 1, of a file whose rows have no lines that a person could look up."""

    @property
    def at(self) -> str:
        """Return the file with the line or row, as text."""
        return _at(self.file, self.line, self.row)


def _at(file: str, line: int, row: int) -> str:
    return f"{file}:{line}" if line else f"{file}: row {row}" if row else file


@dataclass(frozen=True, slots=True)
class CityProblem:
    """One thing that is wrong, with everything needed to repair it.

    Attributes:
        file: the file, as a path that can be opened from where the city file was named.
        line: its line, from 1; 0 if the file as a whole is meant.
        key: the key (``templates.street_light.points.level.range``) or the column's meaning.
        found: what stands there.
        allowed: what may stand there.
        message: more about it: a suggestion, the other place, the cause.
        row: its row, from 1, in a file whose rows have no lines (GeoJSON, shapefile, Parquet).
    """

    file: str
    line: int
    key: str
    found: str
    allowed: str
    message: str = ""
    row: int = 0

    def __str__(self) -> str:
        where = _at(self.file, self.line, self.row)
        what = f"found {self.found}; allowed: {self.allowed}"
        text = ": ".join(part for part in (where, self.key, what) if part)
        return printable(f"{text} ({self.message})" if self.message else text)


class CityErrors(ConfigError):
    """A city file, or an inventory of it, is wrong: the operator's fault; nothing was started.

    Attributes:
        errors: the problems, in the order of files and lines; at most 100.
        more: how many others were counted and not kept.
        more_at: how many of them are where, by file and key.
    """

    def __init__(self, errors: tuple[CityProblem, ...], more: int = 0, more_at: str = "") -> None:
        """Build one message of all problems, a line each; ``more_at`` tells where the rest is."""
        total = len(errors) + more
        lines = [f"{total:,} error{'s' if total != 1 else ''} in the city file"]
        lines += [str(problem) for problem in errors]
        if more:
            lines.append(f"and {more:,} more{more_at and f': {more_at}'}")
        super().__init__("\n".join(lines))
        self.errors = errors
        self.more = more
        self.more_at = more_at


class Report:
    """Collects problems while a city is read."""

    def __init__(self) -> None:
        """Start without problems."""
        self._kept: list[CityProblem] = []
        self._others: Counter[str] = Counter()
        self.count = 0

    @property
    def full(self) -> bool:
        """Return whether further problems are only counted, so need no explanation."""
        return len(self._kept) >= KEPT

    def add(
        self,
        place: Place,
        found: Any,
        allowed: str,
        message: str = "",
        *,
        among: Collection[str] = (),
    ) -> None:
        """Add a problem; the name in ``among`` that is nearest to what was found is suggested.

        The same problem again (a fault of a template, met once a link) is not added again.
        """
        if self.full:
            self.count_only(place.file, place.key)
            return
        problem = problem_of(place, found, allowed, message, among)
        if problem not in self._kept:
            self._kept.append(problem)
            self.count += 1

    def count_only(self, file: str, key: str, times: int = 1) -> None:
        """Count problems that nobody will see whole."""
        self.count += times
        self._others[f"{file} {key}"] += times

    def errors(self) -> CityErrors:
        """Return the error that carries all problems, in the order of files and lines."""
        ranks: dict[str, int] = {}
        for problem in self._kept:
            ranks.setdefault(problem.file, len(ranks))
        ordered = sorted(
            self._kept, key=lambda problem: (ranks[problem.file], problem.line or problem.row)
        )
        often = [f"{count:,} at {printable(at)}" for at, count in self._others.most_common(9)]
        more_at = ", ".join(often) + ", …" * (len(self._others) > len(often))
        return CityErrors(tuple(ordered), self.count - len(ordered), more_at)


def problem_of(
    place: Place, found: Any, allowed: str, message: str = "", among: Collection[str] = ()
) -> CityProblem:
    """Return a problem; the name in ``among`` nearest to what was found is suggested."""
    if found is UNKNOWN_KEY:
        message = message or suggestion(place.key.rpartition(".")[2], among)
    elif isinstance(found, str) and not isinstance(found, Words):
        message = message or suggestion(found, among)
    file, line, key, row = place
    return CityProblem(file, line, key, shown(found), allowed, message, row)


def suggestion(wanted: str, among: Collection[str]) -> str:
    """Return ``did you mean "x"?`` for the nearest name, or nothing."""
    if not wanted or not among:
        return ""
    folded = wanted.strip().casefold()
    near = [name for name in among if name.casefold() == folded]
    if not near and len(among) <= NEAREST_OF:
        near = difflib.get_close_matches(wanted, among, n=1)
    return f'did you mean "{near[0]}"?' if near else ""


def shown(value: Any, depth: int = 0) -> str:
    """Return a value as the file would write it, on one line and not too long."""
    if value is None:
        text = str(NOTHING)
    elif isinstance(value, Words):
        return printable(value)
    elif isinstance(value, str):
        text = json.dumps(value[:SHOWN] + "…" * (len(value) > SHOWN), ensure_ascii=False)
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int):
        text = str(value) if value.bit_length() < 256 else "a number of very many digits"
    elif isinstance(value, dict | list | tuple) and depth > 1:
        text = "…"
    elif isinstance(value, dict):
        inner = (f"{key} = {shown(item, depth + 1)}" for key, item in list(value.items())[:9])
        text = "{ " + ", ".join(inner) + " }" if value else "{}"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(shown(item, depth + 1) for item in value[:9]) + "]"
    elif isinstance(value, datetime.date | datetime.time):
        text = value.isoformat()
    else:
        text = repr(value)
    text = printable(text)
    return text if len(text) <= SHOWN + 3 else text[:SHOWN] + "…"


def printable(text: str) -> str:
    """Return the text with everything escaped that could move a cursor or break a line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
