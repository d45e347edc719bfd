"""``jacquemart get``: what is known of some points now."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from jacquemart.cli import api, table, values
from jacquemart.cli.colour import DIM, paint_for, quality_style
from jacquemart.cli.say import DONE
from jacquemart.runtime.model.reading import Reading

#: Points of one question: their names at their longest fit in one request of a client.
AT_ONCE = 400


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "get",
        help="read points",
        description="Show value, quality and age of one point or several.",
    )
    parser.add_argument("points", nargs="+", metavar="POINT", help="device/point")
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask for all points."""
    points: list[str] = args.points
    readings: list[Reading] = []
    with api.connect(args) as client:
        for start in range(0, len(points), AT_ONCE):
            readings += client.get_many(points[start : start + AT_ONCE])
    if args.json:
        from jacquemart.cli import document

        document.show({"readings": [document.reading(found) for found in readings]})
        return DONE
    now_ns = time.time_ns()
    rows = [row(found, now_ns) for found in readings]
    for line in table.lines(rows, paint_for(sys.stdout), right=(1,)):
        print(line)
    return DONE


def row(found: Reading, now_ns: int) -> list[table.Cell]:
    """Return a reading as a row: point, value with unit, quality, age."""
    return [
        found.point,
        values.reading(found),
        table.Styled(found.quality.text, quality_style(found.quality)),
        table.Styled(values.age(found.source_ns, now_ns), DIM),
    ]
