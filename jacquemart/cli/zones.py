"""``jacquemart zones``: each zone's summary, and the city's."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from jacquemart.cli import api, table, values
from jacquemart.cli.colour import YELLOW, paint_for, quality_style
from jacquemart.cli.say import DONE

#: Columns of counts, aligned to the right.
COUNTS = (2, 3)
TITLES = ("ZONE", "KIND", "DEVICES", "ONLINE", "WORST", "SUMMARY")


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "zones",
        help="show each zone's summary",
        description="Show for each zone and kind of device how many there are, how many are "
        "online, and the kind's own figures; then the same for the whole city.",
    )
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask the centre once."""
    with api.connect(args) as client:
        found = client.zones()
    if args.json:
        from jacquemart.cli import document

        document.show(named(found))
        return DONE
    for line in table.lines(rows(found), paint_for(sys.stdout), titles=TITLES, right=COUNTS):
        print(line)
    return DONE


def named(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to ``zones`` for a program."""
    from jacquemart.cli import document

    return {
        "city": found["city"],
        "zones": [
            {
                "zone": zone["zone"],
                "name": zone["name"],
                "stale": zone["stale"],
                "kinds": document.summary(zone["kinds"]),
            }
            for zone in found["zones"]
        ],
        "total": document.summary(found["total"]["kinds"]),
    }


def rows(found: Mapping[str, Any]) -> list[table.Row]:
    """Return a row for each kind of each zone, and the total's at the end."""
    made: list[table.Row] = []
    for zone in found["zones"]:
        made.extend(_kinds(zone["zone"], zone["kinds"], stale=zone["stale"]))
    made.extend(_kinds(f"all of {found['city']}", found["total"]["kinds"], stale=False))
    return made


def figures(summary: list[list[Any]]) -> str:
    """Return a kind's own summary lines as one text."""
    return ", ".join(f"{label} {values.total(value, unit)}" for label, value, unit in summary)


def _kinds(zone: str, kinds: Mapping[str, Any], *, stale: bool) -> list[table.Row]:
    made: list[table.Row] = []
    for name, kind in kinds.items():
        worst = table.Styled(values.quality(kind["worst"]), quality_style(kind["worst"]))
        made.append(
            [
                zone if not made else "",
                name,
                f"{kind['count']:,}",
                table.Styled(f"{kind['online']:,}", _online_style(kind)),
                table.Styled("stale", YELLOW) if stale else worst,
                figures(kind["summary"]),
            ]
        )
    return made or [[zone, values.NOTHING, "0", "0", "", ""]]


def _online_style(kind: Mapping[str, Any]) -> str:
    return YELLOW if kind["online"] < kind["count"] else ""
