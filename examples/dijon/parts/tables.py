"""What a part hands back: the rows of its files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from parts.ground import Commune

ORIGIN = "generated"
PLACE_COLUMNS = ("lat", "lon", "origin")


@dataclass(frozen=True, slots=True)
class Table:
    """One CSV file: its name (``bollards.csv``), its columns, and its rows, written as they come.

    ``rows`` may be a generator: it is read once. Numbers are written by ``str``; format degrees
    yourself (``f"{lat:.6f}"``).
    """

    name: str
    columns: tuple[str, ...]
    rows: Iterable[Sequence[object]]

    def write(self, folder: Path) -> None:
        """Write the file whole, then put it in its place: a reader never sees half of it."""
        path = folder / self.name
        unfinished = path.with_suffix(".part")
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows(self.rows)
        unfinished.replace(path)


@dataclass(frozen=True, slots=True)
class Tables:
    """All that a part adds: its files, in the order to write them, and its devices by kind."""

    files: Sequence[Table]
    counts: Mapping[str, int] = field(default_factory=dict)


def commune_links(name: str, kind: str, communes: Iterable[Commune]) -> Table:
    """Return a table of links, one for each commune: ``dij-<kind>-<zone>``, in that zone.

    For parts on the simulated driver. Columns: ``id zone``. The link of a device is
    ``link_of(kind, zone)``.
    """
    rows = [(link_of(kind, commune.zone), commune.zone) for commune in communes]
    return Table(name, ("id", "zone"), rows)


def link_of(kind: str, zone: str) -> str:
    """Return the id of the link of a kind in a commune."""
    return f"dij-{kind}-{zone}"
