"""Find the line on which a key of a TOML text stands.

*Theory.* ``tomllib`` gives values without lines. This reads the same text again, only to note
where each key begins; it runs after ``tomllib`` accepted the text and only if there is a
problem to report. A path is the keys from the root, with an index for each array in between:
``("inventory", 0, "columns", "id")``.

*Rules.* Never raise: a text that this reader does not understand gives fewer lines, and a
missing path falls back to its nearest known parent.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""(?:"{1,2}(?!"))?'
    r"|'''(?:[^']|'(?!''))*'''(?:'{1,2}(?!'))?"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\[\]{}#\n\"']+")


class _LostError(Exception):
    """The text is not what this reader expects."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._tables: dict[Path, int] = {}

    def document(self) -> None:
        base: Path = ()
        while self._next():
            base = self._header() if self._next() == "[" else self._pair(base)

    def _next(self) -> str:
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at
        return self.text[self.at : self.at + 1]

    def _take(self, expected: str) -> None:
        if self._next() != expected:
            raise _LostError
        self.at += 1

    def _note(self, path: Path, at: int) -> None:
        line = bisect_right(self._starts, at)
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return
            self.lines[path[:end]] = line

    def _header(self) -> Path:
        start = self.at
        many = self.text.startswith("[[", start)
        self.at += 2 if many else 1
        path: Path = ()
        keys = self._keys()
        for number, key in enumerate(keys):
            path = (*path, key)
            if many and number == len(keys) - 1:
                self._tables[path] = self._tables.get(path, 0) + 1
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        self._take("]")
        if many:
            self._take("]")
        self._note(path, start)
        return path

    def _keys(self) -> list[str]:
        keys = []
        while True:
            first = self._next()
            token = (_STRING if first in ('"', "'") else _BARE_KEY).match(self.text, self.at)
            if not token:
                raise _LostError
            self.at = token.end()
            bare = token.group()
            keys.append(tomllib.loads(f"k={bare}")["k"] if first in ('"', "'") else bare)
            if self._next() != ".":
                return keys
            self.at += 1

    def _pair(self, base: Path) -> Path:
        start = self.at
        path = (*base, *self._keys())
        self._note(path, start)
        self._take("=")
        self._value(path)
        return base

    def _value(self, path: Path) -> None:
        first = self._next()
        if first == "[":
            self._sequence(path, "]")
        elif first == "{":
            self._sequence(path, "}")
        else:
            token = (_STRING if first in ('"', "'") else _BARE_VALUE).match(self.text, self.at)
            if not token:
                raise _LostError
            self.at = token.end()

    def _sequence(self, path: Path, end: str) -> None:
        self.at += 1
        index = 0
        while self._next() != end:
            if end == "}":
                self._pair(path)
            else:
                self._note((*path, index), self.at)
                self._value((*path, index))
            index += 1
            if self._next() == ",":
                self.at += 1
            elif self._next() != end:
                raise _LostError
        self.at += 1


def locate(text: str) -> dict[Path, int]:
    """Return the line, from 1, of every key that was found."""
    reader = _Reader(text)
    try:
        reader.document()
    except (_LostError, RecursionError, tomllib.TOMLDecodeError):
        pass
    return reader.lines


def line_of(lines: dict[Path, int], path: Path) -> int:
    """Return the line of a path, or of its nearest parent; 1 if there is none."""
    for end in range(len(path), 0, -1):
        line = lines.get(path[:end])
        if line is not None:
            return line
    return 1
