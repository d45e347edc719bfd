"""What became of the rows of an inventory: counted, and each rejected one explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from jacquemart.runtime.city.problems import CityProblem
from jacquemart.runtime.city.rejects import RowProblems


@dataclass(slots=True)
class Account:
    """The account of one inventory.

    Attributes:
        file: as it was opened.
        makes: links, devices or zones.
        format: csv, geojson, shapefile or parquet.
        problems: the rows that were left out, with reasons.
        crs: of its coordinates; "" if it has none.
        crs_from: "given", "found" or "assumed".
        encoding: of its texts.
        encoding_from: "given", "found" or "assumed".
        rows: rows in the file.
        accepted: rows that became something.
        moved: rows outside of all zones that went to the nearest.
        repaired: outlines that were invalid and were made valid.
        zones: accepted rows by zone.
    """

    file: str
    makes: str
    format: str
    problems: RowProblems
    crs: str = ""
    crs_from: str = ""
    encoding: str = ""
    encoding_from: str = ""
    rows: int = 0
    accepted: int = 0
    moved: int = 0
    repaired: int = 0
    zones: Mapping[str, int] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return the account with types of JSON only; the first hundred rejected rows whole."""
        return {
            "file": self.file,
            "makes": self.makes,
            "format": self.format,
            "crs": self.crs,
            "crs_from": self.crs_from,
            "encoding": self.encoding,
            "encoding_from": self.encoding_from,
            "rows": self.rows,
            "accepted": self.accepted,
            "moved_to_nearest_zone": self.moved,
            "repaired": self.repaired,
            "by_zone": dict(self.zones),
            "rejected": self.problems.rejected,
            "rejected_by_reason": dict(self.problems.reasons),
            "rejected_rows": [asdict(problem) for problem in self._explained()],
        }

    def describe(self) -> list[str]:
        """Return the account as lines for a person."""
        about = [self.format]
        if self.encoding:
            about.append(f"{self.encoding} ({self.encoding_from})")
        if self.crs:
            about.append(f"{self.crs} ({self.crs_from})")
        counts = f"{self.rows:,} rows, {self.accepted:,} {self.makes}"
        if self.moved:
            counts += f", {self.moved:,} moved to the nearest zone"
        if self.repaired:
            counts += f", {self.repaired:,} outlines repaired"
        lines = [f"{self.file}: {', '.join(about)}", f"  {counts}, {self.rejected:,} rejected"]
        if self.zones:
            by_zone = ", ".join(f"{zone} {count:,}" for zone, count in self.zones.items())
            lines.append(f"  by zone: {by_zone}")
        for reason, count in self.problems.reasons.most_common():
            lines.append(f"  rejected: {count:,} rows: {reason}")
        lines += [f"    {problem}" for problem in self._explained()]
        hidden = self.rejected - len(self.problems.kept)
        if hidden:
            lines.append(f"    and {hidden:,} more")
        return lines

    def _explained(self) -> list[CityProblem]:
        """Return the rejected rows that are kept, in the order of the file."""
        return sorted(self.problems.kept, key=lambda problem: problem.line or problem.row)

    @property
    def rejected(self) -> int:
        """Return how many rows were left out."""
        return self.problems.rejected
