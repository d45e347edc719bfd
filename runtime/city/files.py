"""Read the files of a city: bytes to text to TOML, with a problem for whatever is in the way."""

from __future__ import annotations

import codecs
import os
import re
import stat
import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jacquemart.runtime.city.locate import Path, line_of, locate
from jacquemart.runtime.city.problems import Place, Report, Words, shown

#: Bytes of a city file: far above any real one, far below what exhausts a machine.
CITY_LIMIT = 16 << 20
#: Bytes of an inventory: some two million rows.
INVENTORY_LIMIT = 256 << 20
#: Bytes of an inventory that is read in batches: some ten million rows.
BATCHED_LIMIT = 4 << 30
#: Encodings of published inventories; the two names of one encoding are both in use.
ENCODINGS = (
    "utf-8",
    "utf-16",
    "iso-8859-1",
    "latin-1",
    "iso-8859-15",
    "windows-1252",
    "cp1252",
    "cp850",
)

_AT_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Document:
    """A parsed city file that knows the line of each of its keys."""

    def __init__(self, file: str, text: str, values: dict[str, Any]) -> None:
        """Keep the text for the lines of later problems."""
        self.file = file
        self.values = values
        self._text = text

    @cached_property
    def _lines(self) -> dict[Path, int]:
        return locate(self._text)

    def place(self, path: Path) -> Place:
        """Return where a key stands, or would stand."""
        return Place(self.file, line_of(self._lines, path), dotted(path))

    def beside(self, file: str) -> str:
        """Return the path of a file that is named relative to this one."""
        return os.path.join(os.path.dirname(self.file), file)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the document, with its path."""

    document: Document
    path: Path
    values: dict[str, Any]

    def place(self, *keys: str | int) -> Place:
        """Return where a key of this table stands, or would stand."""
        return self.document.place((*self.path, *keys))

    def inside(self, *keys: str | int) -> Table:
        """Return a table, or a table of an array, in this one; empty if there is none."""
        value: Any = self.values
        for key in keys:
            value = value[key] if isinstance(key, int) else value.get(key)
        return Table(self.document, (*self.path, *keys), value if isinstance(value, dict) else {})


def dotted(path: Path) -> str:
    """Return a path as TOML writes it, with indexes: ``inventory[0].columns.id``."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += "." * bool(text) + (key if _BARE_KEY.fullmatch(key) else shown(key))
    return text


def read_document(
    file: str,
    report: Report,
    *,
    named: Place | None = None,
    holds: str = "a city file with at least [city]",
) -> Document | None:
    """Read and parse a file of TOML; None, with the problem reported, if that cannot be done.

    Args:
        file: the file.
        report: takes the problem.
        named: the place that names it, for a file that is not there; None: the file itself.
        holds: what an empty file should have been.
    """
    named = named or Place(file)
    text = read_text(file, named, report, "utf-8", CITY_LIMIT, advice="save it as UTF-8")
    if text is None:
        return None
    if not text.strip():
        report.add(Place(file), Words("an empty file"), holds)
        return None
    try:
        return Document(file, text, tomllib.loads(text))
    except RecursionError:
        report.add(Place(file), Words("values nested too deep"), "a few levels")
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        lines = text.split("\n")
        there = lines[line - 1].strip() if line <= len(lines) else ""
        found = there or Words("the end of the file")
        report.add(Place(file, line), found, "TOML 1.0", str(error))
    except ValueError:  # int() refuses to read some thousand digits
        report.add(Place(file), Words("a number of very many digits"), "a number of a few digits")
    return None


def check_file(file: str, named: Place, report: Report, limit: int) -> bool:
    """Return whether there is such a file, and not too large a one; report it if not."""
    try:
        status = os.stat(file)
        if not stat.S_ISREG(status.st_mode):
            report.add(named, Words(f'"{file}", which is no file'), "a file")
            return False
        if status.st_size > limit:
            found = Words(f'"{file}" of {status.st_size:,} bytes')
            report.add(named, found, f"a file of at most {limit:,} bytes")
            return False
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        cause = getattr(error, "strerror", None) or str(error)
        report.add(named, Words(f'"{file}", which cannot be read'), "a file", cause)
        return False
    return True


def read_text(
    file: str, named: Place, report: Report, encoding: str, limit: int, *, advice: str
) -> str | None:
    """Read a text file; None, with the problem reported, if that cannot be done.

    Args:
        file: the file.
        named: the place that names it, for a file that is not there.
        report: takes the problem.
        encoding: one of ``ENCODINGS``.
        limit: bytes that it may have.
        advice: what to do about a wrong encoding.
    """
    if not check_file(file, named, report, limit):
        return None
    try:
        with open(file, "rb") as stream:
            data = stream.read(limit)
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        cause = getattr(error, "strerror", None) or str(error)
        report.add(named, Words(f'"{file}", which cannot be read'), "a file", cause)
        return None
    if data.startswith(codecs.BOM_UTF8) and encoding not in ("utf-8", "utf-16"):
        data = data.removeprefix(codecs.BOM_UTF8)
        if not data.isascii() and _is_utf_8(data):
            found = Words("text in utf-8, with its byte order mark")
            report.add(Place(file, 1), found, f"text in {encoding}", advice)
            return None
    try:
        return data.decode(encoding).removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        report_encoding(file, data, error, report, encoding, advice)
        return None


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def report_encoding(
    file: str,
    data: bytes,
    error: UnicodeDecodeError,
    report: Report,
    encoding: str,
    advice: str,
    lines: int = 0,
    column: int = 0,
) -> None:
    """Report a byte that is no text, with a guess what it may be.

    Args:
        file: the file.
        data: the piece of it in which the byte is.
        error: where it is in the piece.
        report: takes the problem.
        encoding: as which it was read.
        advice: what to do about it.
        lines: line ends before the piece.
        column: bytes between the last of them and the piece.
    """
    line = lines + data.count(b"\n", 0, error.start) + 1
    start = data.rfind(b"\n", 0, error.start)
    column = error.start - start if start >= 0 else column + error.start + 1
    byte = data[error.start]
    found = Words(f"byte 0x{byte:02X} at byte {column:,} of the line")
    if lines == 0 and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        guess = "the file looks like utf-16"
    elif encoding != "utf-8":
        guess = ""
    else:
        # Only windows-1252 has letters and signs between 0x80 and 0x9F.
        name = "windows-1252" if re.search(rb"[\x80-\x9f]", data) else "iso-8859-1"
        sign = bytes([byte]).decode(name, "replace")
        guess = f"it may be {name}, where this byte is {shown(sign)}"
    message = ": ".join(part for part in (guess, advice) if part)
    report.add(Place(file, line), found, f"text in {encoding}", message)
