"""The documents of one city: the city file, and the files that it includes.

What several files define is one table, of which each key knows its own file; so whoever reads
it does not notice, and problems still name the right file and line.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jacquemart.runtime.city import schema
from jacquemart.runtime.city.checks import read_table
from jacquemart.runtime.city.files import Document, Table, read_document
from jacquemart.runtime.city.problems import NOTHING, Place, Report, Words

_HOLDS = "a file with " + ", ".join(key.name for key in schema.INCLUDED)


@dataclass(frozen=True, slots=True)
class Merged(Table):
    """A table whose keys stand in several documents."""

    parts: Mapping[str, Table] = field(default_factory=dict)
    """For each key the table of the one document that has it."""

    def place(self, *keys: str | int) -> Place:
        """Return where a key stands, in whichever file."""
        part = self.parts.get(str(keys[0])) if keys else None
        return part.place(*keys) if part else Table.place(self, *keys)

    def inside(self, *keys: str | int) -> Table:
        """Return a table in this one; empty if there is none."""
        part = self.parts.get(str(keys[0])) if keys else None
        return part.inside(*keys) if part else Table.inside(self, *keys)


class Documents:
    """The city file and its included files, in the order in which they count."""

    def __init__(self, document: Document, report: Report) -> None:
        """Read what the city file includes; ``top`` has the values of its own keys."""
        self.root = Table(document, (), document.values)
        self._report = report
        self.top: dict[str, Any] = read_table(self.root, schema.DOCUMENT, report)
        self._values = [(self.root, self.top)]
        self.complete = True
        """False if something that was to be included could not be read."""
        for file, named in self._included():
            part = read_document(file, report, named=named, holds=_HOLDS)
            if part is None:
                self.complete = False
                continue
            table = Table(part, (), part.values)
            self._values.append((table, read_table(table, schema.INCLUDED, report)))

    def _included(self) -> list[tuple[str, Place]]:
        """Return the files that the patterns name, each once, and where it is named first."""
        found: dict[str, Place] = {}
        own = os.path.realpath(self.root.document.file)
        for number, pattern in enumerate(self.top["include"]):
            place = self.root.place("include", number)
            whole = self.root.document.beside(pattern)
            try:
                files = sorted(glob.glob(whole, recursive=True))
            except (ValueError, OSError) as error:  # a null byte; a folder that may not be read
                files = []
                cause = str(error)
            else:
                cause = ""
            files = [file for file in files if os.path.realpath(file) != own]
            if not files:
                self.complete = False
                allowed = "a file, or a pattern that names at least one"
                found_words = Words(f'"{pattern}", which names no file')
                self._report.add(place, found_words, allowed, cause)
            for file in files:
                found.setdefault(file, place)
        return list(found.items())

    def table(self, key: str) -> Table:
        """Return what all files together have under a key, e.g. ``templates``."""
        parts: dict[str, Table] = {}
        values: dict[str, Any] = {}
        for root, _ in self._values:
            table = root.inside(key)
            for name, value in table.values.items():
                first = parts.setdefault(name, table)
                if first is table:
                    values[name] = value
                    continue
                place = first.place(name)
                message = f"first at {place.at}"
                allowed = "a name that no other file of the city defines"
                self._report.add(table.place(name), Words(f'"{name}"'), allowed, message)
        return Merged(self.root.document, (key,), values, parts)

    def tables(self, key: str) -> Sequence[Table]:
        """Return the tables of an array of tables, e.g. ``inventory``, of all files."""
        return [
            root.inside(key, number)
            for root, values in self._values
            for number in range(len(values[key]))
        ]

    def report_missing(self, key: str, allowed: str) -> None:
        """Report that no file has anything under a key, unless what it has was refused."""
        if all(isinstance(root.values.get(key, {}), dict) for root, _ in self._values):
            self._report.add(self.root.place(key), NOTHING, allowed)
