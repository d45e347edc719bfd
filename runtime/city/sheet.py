"""An inventory's CSV file as columns, with the line of each row.

Cells repeat: a city has a handful of zones and some hundred links, but tens of thousands of
lamps. So where cells repeat, each *distinct* one is checked once, and equal values share one
object.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from jacquemart.runtime.city.checks import REQUIRED, Key
from jacquemart.runtime.city.files import INVENTORY_LIMIT, read_text
from jacquemart.runtime.city.problems import NOTHING, Place, Report, Words, shown

#: Rows that are turned into columns at once: short-lived, so they never burden the collector.
#: As many cells tell whether those of a column repeat.
_CHUNK = 500


class Sheet:
    """The rows of a CSV file that have as many cells as its header.

    Attributes:
        header: the names of the columns.
        lines: the line of each row, from 1.
        complete: False if rows are missing, so that a name not found here may be one of theirs.
    """

    def __init__(self, file: str) -> None:
        """Start without columns."""
        self.file = file
        self.header: list[str] = []
        self.lines: list[int] = []
        self.complete = True
        self._columns: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self.lines)

    def __contains__(self, column: object) -> bool:
        return column in self._columns

    def place(self, row: int, key: str, column: str) -> Place:
        """Return where a cell stands."""
        return Place(self.file, self.lines[row], f'{key} (column "{column}")' if column else key)

    def values(self, column: str, key: Key, report: Report) -> list[Any]:
        """Return the checked values of a column; an empty cell takes the key's default.

        A refused cell is reported for every row that has it, and takes the key's fallback.
        """
        check, parse, accept = key.check, key.check.parse, key.check.accept
        refused: dict[str, str] = {}

        def value(cell: str) -> Any:
            bare = cell.strip()
            if bare:
                try:
                    return accept(parse(bare) if parse else bare)
                except ValueError as error:
                    refused[cell] = str(error)
                    return key.fallback
            if key.default is REQUIRED:
                refused[cell] = ""
                return None
            return key.default

        if check.bulk is not None:
            try:
                return check.bulk(self._columns[column])
            except ValueError:
                pass  # the cells one by one, to name those that are wrong
        values = self.map(column, value)
        if refused:
            for row, cell in enumerate(self._columns[column]):
                if cell in refused:
                    found = cell if cell.strip() else NOTHING
                    place = self.place(row, key.name, column)
                    report.add(place, found, check.allowed, refused[cell], among=check.among)
        return values

    def map(self, column: str, make: Callable[[str], Any]) -> list[Any]:
        """Return what ``make`` makes of each cell; equal cells may share one result."""
        cells = self._columns[column]
        sample = cells[:_CHUNK]
        if 2 * len(set(sample)) > len(sample):
            return list(map(make, cells))
        made = {cell: make(cell) for cell in set(cells)}
        return list(map(made.__getitem__, cells))

    def read(self, content: str, delimiter: str, report: Report) -> bool:
        """Read the header and the rows; return whether there is any use in going on."""
        rows = self._rows(content, delimiter, report)
        header = next(rows, None)
        if header is None:
            if self.complete:
                report.add(Place(self.file), Words("an empty file"), "a header and rows")
            return False
        top = self.lines.pop()
        self.header = [name.strip() for name in header]
        twice = [name for name, count in Counter(self.header).items() if name and count > 1]
        for name in twice:
            message = "this one is there more than once"
            report.add(Place(self.file, top), name, "each column name once", message)
        columns: list[list[str]] = [[] for _ in self.header]
        while chunk := list(islice(rows, _CHUNK)):
            for column, cells in zip(columns, zip(*chunk, strict=True), strict=True):
                column.extend(cells)
        self._columns = dict(zip(self.header, columns, strict=True))
        if not self.lines and self.complete:
            found = Words("a header without rows")
            report.add(Place(self.file, top), found, "at least one row")
            self.complete = False
        return not twice

    def _rows(self, content: str, delimiter: str, report: Report) -> Iterator[list[str]]:
        """Yield the header, then the rows that fit it; report the others."""
        # strict: otherwise a quote that is never closed swallows the rest of the file in silence.
        lines = io.StringIO(content, newline="")
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        width = end = 0
        try:
            for row in reader:
                start, end = end + 1, reader.line_num
                if not row:
                    continue
                width = width or len(row)
                if len(row) == width:
                    self.lines.append(start)
                    yield row
                else:
                    self.complete = False
                    allowed = f"{width} cells, as the header has (delimiter {shown(delimiter)})"
                    report.add(Place(self.file, start), Words(f"{len(row)} cells"), allowed)
        except csv.Error as error:
            self.complete = False
            found = Words(f"a row that is not CSV ({error})")
            report.add(Place(self.file, end + 1), found, "CSV, as RFC 4180 has it")


def read_sheet(
    file: str, named: Place, report: Report, encoding: str, delimiter: str
) -> Sheet | None:
    """Read a CSV file; None, with the problems reported, if its columns cannot be used."""
    advice = "set encoding in this [[inventory]]"
    content = read_text(file, named, report, encoding, INVENTORY_LIMIT, advice=advice)
    sheet = Sheet(file)
    usable = content is not None and sheet.read(content, delimiter, report)
    return sheet if usable else None
