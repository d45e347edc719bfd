"""One ``[[inventory]]``: which columns of which file mean what, with defaults for the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jacquemart.runtime.city.checks import REQUIRED, Key, parse_option, read_table, text
from jacquemart.runtime.city.files import Table
from jacquemart.runtime.city.problems import NOTHING, UNKNOWN_KEY, Place, Report, Words, shown
from jacquemart.runtime.city.sheet import Sheet, read_sheet

_COLUMN = text(200, 1)


class Inventory:
    """One inventory; its values were read against ``schema.inventory_keys``."""

    def __init__(self, table: Table, values: Mapping[str, Any], report: Report) -> None:
        """Keep what the table says."""
        self.table = table
        self.makes: str | None = values["makes"]
        self.template: str = values["template"]
        self.defaults: dict[str, Any] = values["defaults"]
        self._values = values
        self._report = report
        self._columns: dict[str, str] = {}
        for name, column in (values["columns"] or {}).items():
            try:
                self._columns[name] = _COLUMN.accept(column)
            except ValueError:
                report.add(table.place("columns", name), column, "the name of a column")

    def knows_template(self, what: str, known: Collection[str]) -> bool:
        """Return whether the template is one of these; report it if not."""
        if self.template in known or self.makes is None:
            return self.makes is not None
        allowed = f"a {what}: {', '.join(known) or 'there is none'}"
        found = self.template or NOTHING
        self._report.add(self.table.place("template"), found, allowed, among=known)
        return False

    def targets(self) -> list[str]:
        """Return what the inventory gives, by column or default."""
        return list(dict.fromkeys([*self._columns, *self.defaults]))

    def refuse(self, names: Sequence[str], allowed: Sequence[str]) -> None:
        """Report columns and defaults of these names, which mean nothing here."""
        for part in ("columns", "defaults"):
            for name in self._values[part] or ():
                if name in names:
                    place = self.table.place(part, name)
                    self._report.add(place, UNKNOWN_KEY, ", ".join(allowed), among=allowed)

    def read(self) -> Sheet | None:
        """Read the file; None, with the problem reported, if it has no usable row."""
        values = self._values
        if not values["file"]:
            return None
        file = self.table.document.beside(values["file"])
        named = self.table.place("file")
        sheet = read_sheet(file, named, self._report, values["encoding"], values["delimiter"])
        if sheet is not None:
            self._report_missing(sheet)
        return sheet

    def _report_missing(self, sheet: Sheet) -> None:
        for name, column in self._columns.items():
            if column not in sheet:
                hint = _other_delimiter(sheet.header)
                header = ", ".join(filter(None, sheet.header)) or "none"
                place = self.table.place("columns", name)
                allowed = Words(f"a column of {shown(sheet.file)}: {shown(Words(header))}")
                self._report.add(place, column, allowed, hint, among=sheet.header)

    def values(self, sheet: Sheet, keys: Sequence[Key]) -> dict[str, list[Any]]:
        """Return a checked column for each key; None where a needed value is wrong or missing."""
        given = [
            replace(key, default=None if key.default is REQUIRED else key.default) for key in keys
        ]
        defaults = read_table(self.table.inside("defaults"), given, self._report, rest={})
        columns: dict[str, list[Any]] = {}
        for key in keys:
            column = self._columns.get(key.name)
            default = defaults[key.name] if key.name in self.defaults else key.default
            if column in sheet:
                stated = replace(key, default=default)
                columns[key.name] = sheet.values(str(column), stated, self._report)
                continue
            if key.name in (self._values["columns"] or ()):
                columns[key.name] = [key.fallback] * len(sheet)  # a wrong column, told already
                continue
            if default is REQUIRED:
                place = self.table.place("columns", key.name)
                found = Words(f"no column for {key.name}")
                self._report.add(place, found, f"a column with {key.check.allowed}")
            columns[key.name] = [None if default is REQUIRED else default] * len(sheet)
        return columns

    def options(self, sheet: Sheet, name: str, base: Mapping[str, Any]) -> list[Any]:
        """Return a column of driver options; None where a row does not give it.

        An option that is text in ``base`` stays text, whatever it looks like.
        """
        default = self.defaults.get(name)
        column = self._columns.get(name)
        if column is None or column not in sheet:
            return [default] * len(sheet)
        stays_text = isinstance(base.get(name, default), str)

        def option(cell: str) -> Any:
            bare = cell.strip()
            if not bare:
                return default
            return bare if stays_text else parse_option(bare)

        return sheet.map(column, option)

    def place_of(
        self, sheet: Sheet, row: int, template: Table | None = None
    ) -> Callable[[str], Place]:
        """Return where the keys of one row stand: in the row, the defaults, or the template."""

        def place(key: str) -> Place:
            column = self._columns.get(key, "")
            if column in sheet:
                return sheet.place(row, key, column)
            if key in self.defaults:
                return self.table.place("defaults", key)
            if template is not None and key not in ("", "id"):
                return template.place(key)
            return sheet.place(row, key, "")

        return place


def _other_delimiter(header: Sequence[str]) -> str:
    if len(header) > 1:
        return ""
    found = [sign for sign in (";", "\t", ",", "|") if sign in header[0]]
    return f"is the delimiter {shown(found[0])}?" if found else ""
