"""Tables of text: aligned, escaped, with styles that never disturb the alignment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from jacquemart.cli.colour import BOLD, Paint
from jacquemart.cli.text import escape, width

#: Between two columns.
GAP = "  "


class Styled(NamedTuple):
    """A cell with a style."""

    text: str
    style: str


Cell = str | Styled
Row = Sequence[Cell]


def lines(
    rows: Iterable[Row],
    paint: Paint,
    *,
    titles: Sequence[str] = (),
    right: Sequence[int] = (),
    indent: str = "",
) -> Iterator[str]:
    """Yield the lines of a table.

    Args:
        rows: cells of data, not escaped yet; all rows as long as ``titles``, if there are any.
        paint: applies styles.
        titles: the heading; none if empty.
        right: columns that are aligned to the right.
        indent: stands before each line.
    """
    cells = [[_cell(cell) for cell in row] for row in rows]
    if titles:
        cells.insert(0, [Styled(title, BOLD) for title in titles])
    columns = max((len(row) for row in cells), default=0)
    widths = [
        max((width(row[at].text) for row in cells if at < len(row)), default=0)
        for at in range(columns)
    ]
    for row in cells:
        # Nothing after the last cell that says something: no trailing spaces in a pipe.
        last = max((at for at, cell in enumerate(row) if cell.text), default=-1)
        parts = []
        for at, (text, style) in enumerate(row[: last + 1]):
            fill = " " * (widths[at] - width(text))
            painted = paint(text, style)
            if at in right:
                parts.append(fill + painted)
            else:
                parts.append(painted if at == last else painted + fill)
        yield indent + GAP.join(parts)


def _cell(cell: Cell) -> Styled:
    if isinstance(cell, Styled):
        return Styled(escape(cell.text), cell.style)
    return Styled(escape(cell), "")
