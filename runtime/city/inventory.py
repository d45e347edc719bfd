"""One ``[[inventory]]``: which columns of which file mean what, with defaults for the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jacquemart.runtime.city.account import Account
from jacquemart.runtime.city.checks import REQUIRED, Key, parse_option, read_table, text
from jacquemart.runtime.city.features import Features
from jacquemart.runtime.city.files import BATCHED_LIMIT, Table, check_file
from jacquemart.runtime.city.problems import NOTHING, UNKNOWN_KEY, Place, Report, Words, shown
from jacquemart.runtime.city.rejects import RowProblems
from jacquemart.runtime.city.rows import Rows
from jacquemart.runtime.city.sheet import read_sheet
from jacquemart.runtime.model.errors import ConfigError

_COLUMN = text(200, 1)
#: What a file is by its ending; anything else is CSV.
_FORMATS = {
    ".geojson": "geojson",
    ".json": "geojson",
    ".shp": "shapefile",
    ".zip": "shapefile",
    ".parquet": "parquet",
    ".geoparquet": "parquet",
    ".pq": "parquet",
}


class Inventory:
    """One inventory; its values were read against ``schema.INVENTORY``.

    Attributes:
        table: where it stands.
        makes: what its rows become; None if that was refused.
        template: of what they become; "" if a column says it.
        defaults: values for what has no column.
        says: all other values of the table, by key.
        problems: what is wrong with its rows.
        account: what became of its rows, for people.
    """

    def __init__(self, table: Table, values: Mapping[str, Any], report: Report) -> None:
        """Keep what the table says."""
        self.table = table
        self.makes: str | None = values["makes"]
        self.template: str = values["template"]
        self.defaults: dict[str, Any] = values["defaults"]
        self.says = values
        self.problems = RowProblems(report, drop=values["bad_rows"] == "drop")
        file = values["file"] or ""
        ending = os.path.splitext(file)[1].casefold()
        self.format: str = values["format"] or _FORMATS.get(ending, "csv")
        self.account = Account(file, self.makes or "", self.format, self.problems)
        self._report = report
        self._columns: dict[str, str] = {}
        for name, column in (values["columns"] or {}).items():
            try:
                self._columns[name] = _COLUMN.accept(column)
            except ValueError:
                report.add(table.place("columns", name), column, "the name of a column")

    def gives(self, *names: str) -> bool:
        """Return whether any of these has a column or a default."""
        return any(name in self._columns or name in self.defaults for name in names)

    def column(self, name: str) -> str:
        """Return the column of something; "" if it has none."""
        return self._columns.get(name, "")

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
            for name in self.says[part] or ():
                if name in names:
                    place = self.table.place(part, name)
                    self._report.add(place, UNKNOWN_KEY, ", ".join(allowed), among=allowed)

    def read(self) -> Rows | None:
        """Read the file; None, with the problem reported, if it has no usable row."""
        if not self.says["file"]:
            return None
        file = self.table.document.beside(self.says["file"])
        named = self.table.place("file")
        rows: Rows | None
        if self.format == "csv":
            says = self.says
            rows = read_sheet(
                file, named, self._report, self.problems, says["encoding"], says["delimiter"]
            )
        else:
            rows = self._read_features(file, named)
        if rows is not None:
            self.account.file = os.path.normpath(file)
            self.account.encoding, self.account.encoding_from = rows.encoding, rows.encoding_from
            self.account.rows = len(rows) + self.problems.lost
            self._report_missing(rows)
        return rows

    def _read_features(self, file: str, named: Place) -> Features | None:
        if not check_file(file, named, self._report, BATCHED_LIMIT):
            return None
        features = Features(
            file,
            keep_shapes=self.makes == "zones",
            inside=self.says["shapes"] == "point_inside",
        )
        wanted = list(dict.fromkeys([*self._columns.values(), *self.id_columns]))
        encoding = self.says["encoding"]
        try:
            if self.format == "parquet":
                from jacquemart.runtime.city.parquet import read_parquet

                usable = read_parquet(features, named, self._report, wanted)
            else:
                from jacquemart.runtime.city import vector

                source = (features, named, self._report, wanted, encoding)
                usable = (
                    vector.read_geojson(*source)
                    if self.format == "geojson"
                    else vector.read_shapefile(*source, self.says["layer"])
                )
        except ConfigError as error:
            found = Words(f"{self.format}, which cannot be read here")
            self._report.add(named, found, "a library for it", str(error))
            return None
        if usable and not len(features):
            self._report.add(Place(file), Words("a file without rows"), "at least one row")
            return None
        return features if usable else None

    @property
    def id_columns(self) -> list[str]:
        """Return the columns of which ids are made; empty if there is a column of ids."""
        source = self.says["id_from"]
        return source if isinstance(source, list) else []

    def _report_missing(self, rows: Rows) -> None:
        asked = [(("columns", name), column) for name, column in self._columns.items()]
        asked += [(("id_from", str(at)), name) for at, name in enumerate(self.id_columns)]
        for (part, name), column in asked:
            if column not in rows:
                hint = _other_delimiter(rows.header) if self.format == "csv" else ""
                header = ", ".join(filter(None, rows.header)) or "none"
                place = self.table.place(part, name if part == "columns" else int(name))
                file = f'"{shown(Words(rows.file))}"'  # whole: the folder is taken out of it later
                allowed = Words(f"a column of {file}: {shown(Words(header))}")
                self._report.add(place, column, allowed, hint, among=rows.header)

    def values(
        self, rows: Rows, keys: Sequence[Key], only: set[int] | None = None
    ) -> dict[str, list[Any]]:
        """Return a checked column for each key; None where a needed value is wrong or missing.

        ``only``: the rows whose problems matter; None: all.
        """
        problems = self.problems if only is None else self.problems.of(only)
        given = [
            replace(key, default=None if key.default is REQUIRED else key.default) for key in keys
        ]
        defaults = read_table(self.table.inside("defaults"), given, self._report, rest={})
        columns: dict[str, list[Any]] = {}
        for key in keys:
            column = self._columns.get(key.name)
            default = defaults[key.name] if key.name in self.defaults else key.default
            if column in rows:
                stated = replace(key, default=default)
                columns[key.name] = rows.values(str(column), stated, problems)
                continue
            if key.name in (self.says["columns"] or ()):
                columns[key.name] = [key.fallback] * len(rows)  # a wrong column, told already
                continue
            if default is REQUIRED:
                place = self.table.place("columns", key.name)
                found = Words(f"no column for {key.name}")
                hint = "id_from makes ids of columns or of positions" if key.name == "id" else ""
                self._report.add(place, found, f"a column with {key.check.allowed}", hint)
            columns[key.name] = [None if default is REQUIRED else default] * len(rows)
        return columns

    def options(self, rows: Rows, name: str, base: Mapping[str, Any]) -> list[Any]:
        """Return a column of driver options; None where a row does not give it.

        An option that is text in ``base`` stays text, whatever it looks like.
        """
        default = self.defaults.get(name)
        column = self._columns.get(name)
        if column is None or column not in rows:
            return [default] * len(rows)
        stays_text = isinstance(base.get(name, default), str)

        def option(cell: str) -> Any:
            bare = cell.strip()
            if not bare:
                return default
            return bare if stays_text else parse_option(bare)

        return rows.map(column, option)

    def place_of(
        self, rows: Rows, row: int, template: Table | None = None
    ) -> Callable[[str], Place]:
        """Return where the keys of one row stand: in the row, the defaults, or the template."""

        def place(key: str) -> Place:
            column = self._columns.get(key, "")
            if column in rows:
                return rows.place(row, key, column)
            if key in self.defaults:
                return self.table.place("defaults", key)
            if template is not None and key not in ("", "id"):
                return template.place(key)
            return rows.place(row, key, "")

        return place


def _other_delimiter(header: Sequence[str]) -> str:
    if len(header) > 1:
        return ""
    found = [sign for sign in (";", "\t", ",", "|") if sign in header[0]]
    return f"is the delimiter {shown(found[0])}?" if found else ""
