"""An inventory's CSV file as columns, with the line of each row."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from jacquemart.runtime.city.files import INVENTORY_LIMIT, read_text
from jacquemart.runtime.city.problems import Place, Report, Words, shown
from jacquemart.runtime.city.rejects import RowProblems
from jacquemart.runtime.city.rows import Rows, cell_key

#: Rows that are turned into columns at once: short-lived, so they never burden the collector.
_CHUNK = 500


class Sheet(Rows):
    """The rows of a CSV file that have as many cells as its header.

    Attributes:
        lines: the line of each row, from 1.
    """

    def __init__(self, file: str) -> None:
        """Start without columns."""
        super().__init__(file)
        self.lines: list[int] = []
        self._columns: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, row: int, key: str, column: str) -> Place:
        """Return where a cell stands."""
        return Place(self.file, self.lines[row], cell_key(key, column))

    def cells(self, column: str) -> Sequence[str]:
        """Return a column as it stands in the file."""
        return self._columns[column]

    def release(self) -> None:
        """Give the columns back; the lines stay."""
        self._columns = {}

    def read(self, content: str, delimiter: str, report: Report, problems: RowProblems) -> bool:
        """Read the header and the rows; return whether there is any use in going on."""
        rows = self._rows(content, delimiter, report, problems)
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

    def _rows(
        self, content: str, delimiter: str, report: Report, problems: RowProblems
    ) -> Iterator[list[str]]:
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
                    allowed = f"{width} cells, as the header has (delimiter {shown(delimiter)})"
                    found = Words(f"{len(row)} cells")
                    self.complete &= problems.lose(Place(self.file, start), found, allowed)
        except csv.Error as error:
            self.complete = False
            found = Words(f"a row that is not CSV ({error})")
            report.add(Place(self.file, end + 1), found, "CSV, as RFC 4180 has it")


def read_sheet(
    file: str,
    named: Place,
    report: Report,
    problems: RowProblems,
    encoding: str | None,
    delimiter: str,
) -> Sheet | None:
    """Read a CSV file; None, with the problems reported, if its columns cannot be used."""
    advice = "set encoding in this [[inventory]]"
    known = encoding or "utf-8"
    content = read_text(file, named, report, known, INVENTORY_LIMIT, advice=advice)
    sheet = Sheet(file)
    sheet.encoding, sheet.encoding_from = known, "given" if encoding else "assumed"
    usable = content is not None and sheet.read(content, delimiter, report, problems)
    return sheet if usable else None
