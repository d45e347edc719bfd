"""A plot of bars as SVG, written by hand: it needs nothing that is not there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, ROW, TOP, BOTTOM = 760, 230, 90, 24, 44, 34
OURS, OTHERS, MARK, INK, FAINT = "#2f6f9f", "#a9b4bd", "#b3402e", "#222222", "#dddddd"


class Bar(NamedTuple):
    """One value, with its name."""

    name: str
    value: float
    ours: bool = True
    target: float | None = None


def bars(title: str, unit: str, rows: Sequence[Bar]) -> str:
    """Return a plot of bars on a logarithmic axis, each with its value, and its target as a line.

    Values must be above 0; the axis begins at the power of ten below the least of all.
    """
    numbers = [one.value for one in rows] + [one.target for one in rows if one.target]
    low = 10.0 ** math.floor(math.log10(min(numbers)))
    high = max(numbers) * 1.15
    span = WIDTH - LEFT - RIGHT
    height = TOP + ROW * len(rows) + BOTTOM

    def at(value: float) -> float:
        return round(LEFT + span * math.log(value / low) / math.log(high / low), 1)

    bottom = TOP + ROW * len(rows)
    found = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="10" y="22" font-size="14">{escape(title)}</text>',
    ]
    for tick in ticks(low, high):
        x = at(tick)
        found.append(f'<line x1="{x}" y1="{TOP - 6}" x2="{x}" y2="{bottom}" stroke="{FAINT}"/>')
        found.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{tick:,g}</text>')
    for number, one in enumerate(rows):
        y = TOP + ROW * number
        colour = OURS if one.ours else OTHERS
        wide = max(1.0, round(at(one.value) - LEFT, 1))
        found.append(
            f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(one.name)}</text>'
        )
        found.append(f'<rect x="{LEFT}" y="{y + 3}" width="{wide}" height="16" fill="{colour}"/>')
        found.append(f'<text x="{LEFT + wide + 6:.1f}" y="{y + 15}">{one.value:,g}</text>')
        if one.target is not None:
            x = at(one.target)
            found.append(
                f'<line x1="{x}" y1="{y}" x2="{x}" y2="{y + 22}" stroke="{MARK}" stroke-width="2"/>'
            )
    found.append(
        f'<text x="{WIDTH - 10}" y="{bottom + 16}" text-anchor="end">{escape(unit)}</text>'
    )
    return "\n".join([*found, "</svg>", ""])


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers from ``low`` to ``high``: powers of ten, twos and fives of few."""
    decades = range(round(math.log10(low)), math.floor(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 2 else (1,)
    found = [float(f"{step}e{decade}") for decade in decades for step in steps]
    return [tick for tick in found if low <= tick <= high]
