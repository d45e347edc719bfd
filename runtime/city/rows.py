"""The rows of an inventory as columns of text, whatever the file.

Cells repeat: a city has a handful of zones and some hundred links, but tens of thousands of
lamps. So where cells repeat, each *distinct* one is checked once, and equal values share one
object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from jacquemart.runtime.city.checks import REQUIRED, Key
from jacquemart.runtime.city.problems import NOTHING, Place
from jacquemart.runtime.city.rejects import Problem, RowProblems

#: As many cells tell whether those of a column repeat.
_SAMPLE = 500


class Rows(ABC):
    """The rows of one file.

    Attributes:
        file: the file, as it was opened.
        header: the names of the columns.
        complete: False if rows are missing that were not left out on purpose, so that a name not
            found here may be one of theirs.
        encoding: of its text.
        encoding_from: where that is known from: "given", "found" or "assumed".
    """

    def __init__(self, file: str) -> None:
        """Start without columns."""
        self.file = file
        self.header: list[str] = []
        self.complete = True
        self.encoding = "utf-8"
        self.encoding_from = "assumed"

    @abstractmethod
    def __len__(self) -> int: ...

    def __contains__(self, column: object) -> bool:
        return column in self.header

    @abstractmethod
    def place(self, row: int, key: str, column: str) -> Place:
        """Return where a cell stands."""

    @abstractmethod
    def cells(self, column: str) -> Sequence[str]:
        """Return a column as text; "" where there is nothing."""

    @abstractmethod
    def release(self) -> None:
        """Give the columns back; places stay known."""

    def values(self, column: str, key: Key, problems: RowProblems) -> list[Any]:
        """Return the checked values of a column; an empty cell takes the key's default.

        A refused cell is told for every row that has it, and takes the key's fallback.
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
                return check.bulk(self.cells(column))
            except ValueError:
                pass  # the cells one by one, to name those that are wrong
        values = self.map(column, value)
        if refused:
            cells = self.cells(column)

            def tell(row: int) -> Problem:
                found = cells[row] if cells[row].strip() else NOTHING
                place = self.place(row, key.name, column)
                return place, found, check.allowed, refused[cells[row]], check.among

            problems.add_each([row for row, cell in enumerate(cells) if cell in refused], tell)
        return values

    def map(self, column: str, make: Callable[[str], Any]) -> list[Any]:
        """Return what ``make`` makes of each cell; equal cells may share one result."""
        cells = self.cells(column)
        sample = cells[:_SAMPLE]
        if 2 * len(set(sample)) > len(sample):
            return list(map(make, cells))
        made = {cell: make(cell) for cell in set(cells)}
        return list(map(made.__getitem__, cells))


def cell_key(key: str, column: str) -> str:
    """Return how a problem names a cell: what it means, and its column."""
    return f'{key} (column "{column}")' if column else key
