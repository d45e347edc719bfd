"""Rows of a GTFS file, streamed out of its zip, with limits on everything.

*Rules.* A file is read once, from front to back, and never whole. What a zip says of its sizes is
not believed: bytes are counted as they come. Every problem names file, row, column, what was found
and what is allowed; the first hundred are kept, the others counted.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, BinaryIO, TypeVar

from jacquemart.runtime.city.problems import shown
from jacquemart.runtime.model.errors import ConfigError

#: Problems kept whole.
KEPT = 100
Value = TypeVar("Value")
#: What a damaged, an encrypted or an unknown kind of zip raises.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a feed may be; a large country's has some 10^8 stop times, a city's 10^6."""

    files: int = 200
    bytes_of_a_file: int = 2_000_000_000
    rows: int = 20_000_000
    line_bytes: int = 65_536


@dataclass(frozen=True, slots=True)
class TimetableProblem:
    """One thing that is wrong in a feed. ``row`` is its line; 0: the file as a whole."""

    file: str
    row: int
    column: str
    found: str
    allowed: str

    def __str__(self) -> str:
        at = f"{self.file}:{self.row}" if self.row else self.file
        where = f"{at}: {self.column}" if self.column else at
        return f"{where}: found {self.found}; allowed: {self.allowed}"


class TimetableErrors(ConfigError):
    """A feed is wrong: its publisher's or the operator's fault; nothing of it is used.

    Attributes:
        problems: the first of them, in the order of reading. more: how many others there are.
    """

    def __init__(self, problems: Sequence[TimetableProblem], more: int = 0) -> None:
        """Build one message of all problems, a line each."""
        lines = [str(problem) for problem in problems]
        if more:
            lines.append(f"and {more:,} more")
        super().__init__("\n".join(lines), where="timetable")
        self.problems = tuple(problems)
        self.more = more


class Feed:
    """An open feed, and what was found wrong with it so far."""

    def __init__(self, source: BinaryIO, limits: Limits | None = None) -> None:
        """Open a zip.

        Raises:
            TimetableErrors: it is no zip, or has too many files.
        """
        self.limits = limits or Limits()
        self.problems: list[TimetableProblem] = []
        self.more = 0
        try:
            self._zip = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise self._fatal("the feed", f"no zip ({error})", "a zip of GTFS files") from error
        if len(self._zip.namelist()) > self.limits.files:
            found = f"{len(self._zip.namelist())} files"
            raise self._fatal("the feed", found, f"{self.limits.files} at most")

    def has(self, file: str) -> bool:
        """Return whether a file is there."""
        return file in self._zip.namelist()

    def wrong(self, file: str, row: int, column: str, found: object, allowed: str) -> None:
        """Take note of a problem."""
        if len(self.problems) >= KEPT:
            self.more += 1
        else:
            self.problems.append(TimetableProblem(file, row, column, shown(found), allowed))

    def check(self) -> None:
        """Raise all problems, if there are any.

        Raises:
            TimetableErrors: with every problem so far.
        """
        if self.problems:
            raise TimetableErrors(self.problems, self.more)

    def rows(self, file: str, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Yield line and cells of each row; the columns are required, others come along.

        Raises:
            TimetableErrors: the file is not there, lacks a column, is no UTF-8, is too large, or
                its zip is damaged.
        """
        if not self.has(file):
            raise self._fatal(file, "nothing", "this file")
        try:
            with self._zip.open(file) as stream:
                reader = csv.reader(self._lines(file, stream), strict=True)
                yield from self._cells(file, reader, columns)
        except UnicodeDecodeError as error:
            raise self._fatal(file, f"no UTF-8 ({error.reason})", "UTF-8") from error
        except csv.Error as error:
            raise self._fatal(file, f"no CSV ({error})", "CSV as in RFC 4180") from error
        except _DAMAGED as error:
            raise self._fatal(file, f"a damaged zip ({error})", "a sound one") from error

    def value(
        self, file: str, row: int, cells: Mapping[str, str], column: str,
        of: Callable[[str], Value], allowed: str,
    ) -> Value | None:  # fmt: skip
        """Return what a cell means; None, and a problem, if it means nothing."""
        text = cells.get(column, "")
        try:
            return of(text)
        except ValueError:
            self.wrong(file, row, column, text, allowed)
            return None

    # Inside --------------------------------------------------------------------------------

    def _cells(
        self, file: str, reader: Iterator[list[str]], columns: Sequence[str]
    ) -> Iterator[tuple[int, Mapping[str, str]]]:
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in columns if name not in header]
        if missing:
            raise self._fatal(file, f"no column {', '.join(missing)}", ", ".join(columns), row=1)
        for row, cells in enumerate(reader, 2):
            if row > self.limits.rows:
                raise self._fatal(file, "more rows", f"{self.limits.rows:,} at most", row=row)
            if not cells:
                continue
            if len(cells) > len(header):
                self.wrong(file, row, "", f"{len(cells)} cells", f"{len(header)}, as the header")
                continue
            yield row, dict(zip(header, cells, strict=False))

    def _lines(self, file: str, stream: IO[bytes]) -> Iterator[str]:
        most, total, first = self.limits.line_bytes, 0, True
        while line := stream.readline(most + 1):
            total += len(line)
            if len(line) > most:
                raise self._fatal(file, "a longer line", f"lines of {most:,} bytes at most")
            if total > self.limits.bytes_of_a_file:
                raise self._fatal(file, "more bytes", f"{self.limits.bytes_of_a_file:,} at most")
            yield line.decode("utf-8-sig" if first else "utf-8")
            first = False

    def _fatal(self, file: str, found: str, allowed: str, row: int = 0) -> TimetableErrors:
        last = TimetableProblem(file, row, "", found, allowed)
        return TimetableErrors([*self.problems, last], self.more)
