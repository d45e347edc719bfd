"""Read the inventory: which cabinets stand where, and which lamps they feed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from field.errors import FieldError


@dataclass(frozen=True, slots=True)
class LampRow:
    """One lamp of the inventory."""

    id: str
    number: int
    """Its place in the register map of its cabinet, from 0."""
    rated_w: float


@dataclass(frozen=True, slots=True)
class CabinetRow:
    """One cabinet of the inventory, with its lamps in the order of their numbers."""

    id: str
    host: str
    port: int
    lamps: tuple[LampRow, ...]


def read_inventory(folder: Path) -> list[CabinetRow]:
    """Return the cabinets of ``cabinets.csv`` with their lamps of ``lights.csv``.

    Raises:
        FieldError: a file, a column or a row is missing or wrong; says which.
    """
    behind: dict[str, list[LampRow]] = {}
    path = folder / "lights.csv"
    for line, row in rows_of(path, ("id", "cabinet", "number", "rated_w")):
        try:
            lamp = LampRow(row["id"], int(row["number"]), float(row["rated_w"]))
        except ValueError as error:
            raise FieldError(f"{path}:{line}: {error}") from error
        behind.setdefault(row["cabinet"], []).append(lamp)
    cabinets = []
    path = folder / "cabinets.csv"
    for line, row in rows_of(path, ("id", "host", "port")):
        lamps = sorted(behind.pop(row["id"], ()), key=lambda lamp: lamp.number)
        if [lamp.number for lamp in lamps] != list(range(len(lamps))):
            raise FieldError(f"{path}:{line}: lamps of {row['id']} are not numbered 0, 1, 2, …")
        try:
            cabinets.append(CabinetRow(row["id"], row["host"], int(row["port"]), tuple(lamps)))
        except ValueError as error:
            raise FieldError(f"{path}:{line}: {error}") from error
    if behind:
        raise FieldError(f"{path}: no cabinet {min(behind)}, but lights.csv has lamps behind it")
    if not cabinets:
        raise FieldError(f"{path}: no cabinets in it")
    return cabinets


def rows_of(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a table, each with its line.

    Raises:
        FieldError: file or column is missing, a row is too short, or it is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise FieldError(f"{path}: column {missing[0]} is missing")
            for row in reader:
                if any(row[name] is None for name in needed):
                    raise FieldError(f"{path}:{reader.line_num}: the row is too short")
                yield reader.line_num, row
    except OSError as error:
        raise FieldError(f"{path}: {error.strerror}; run generate.py first") from error
    except UnicodeDecodeError as error:
        raise FieldError(f"{path}: not UTF-8 text") from error
