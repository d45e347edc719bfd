"""``jacquemart events``: what happened lately, oldest first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from jacquemart.cli import api, say, table, values
from jacquemart.cli.colour import DIM, event_style, paint_for
from jacquemart.runtime.model.event import Event

#: The centre keeps so many in sight.
MOST = 500
_SEVERITIES = ("info", "warning", "fault")


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "events",
        help="show the newest events",
        description="Show the newest events of the city, the newest last. "
        "`jacquemart watch --events` goes on showing them.",
    )
    parser.add_argument(
        "--number",
        "-n",
        type=_number,
        default=20,
        metavar="N",
        help=f"how many, 1 to {MOST} (default: 20)",
    )
    parser.add_argument("--zone", default="*", help="only of this zone, or zones of a pattern")
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask the centre once."""
    with api.connect(args) as client:
        # A zone's newest may lie far back among those of the others.
        found = client.query("events", number=args.number if args.zone == "*" else MOST)
    newest = [Event.from_list(fields) for fields in found]
    wanted = [event for event in newest if fnmatchcase(event.zone, args.zone)][: args.number]
    wanted.reverse()
    if args.json:
        from jacquemart.cli import document

        for event in wanted:
            document.show(document.event(event))
        return say.DONE
    for line in table.lines([row(event) for event in wanted], paint_for(sys.stdout)):
        print(line)
    if not wanted:
        say.note("no event")
    return say.DONE


def row(event: Event) -> list[table.Cell]:
    """Return an event as a row: time, severity, zone, subject, name, detail."""
    return [
        table.Styled(values.local_time(event.time_ns), DIM),
        table.Styled(severity(event), event_style(event.severity)),
        event.zone,
        event.subject,
        event.name,
        detail(event.detail),
    ]


def what(event: Event) -> str:
    """Return what happened to whom, and where if that is another thing."""
    zone = event.zone if event.zone != event.subject else ""
    return " ".join(part for part in (zone, event.subject, event.name) if part)


def severity(event: Event) -> str:
    """Return an event's severity as a word."""
    return _SEVERITIES[min(max(event.severity, 0), 2)]


def detail(found: Mapping[str, Any]) -> str:
    """Return an event's detail as ``key value, key value``."""
    texts = ((key, _value(value)) for key, value in found.items())
    return ", ".join(f"{key} {text}" for key, text in texts if text)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return values.quantity(value, "")
    return str(value)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of events; allowed: 1 to {MOST}")
    return int(text)
