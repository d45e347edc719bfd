"""``jacquemart watch``: the state now, then every change, until it is ended."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from jacquemart.cli import api, events, say, values
from jacquemart.cli.colour import DIM, YELLOW, Paint, event_style, paint_for, quality_style
from jacquemart.cli.text import escape, width
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.reading import Reading

if TYPE_CHECKING:
    from jacquemart.runtime.client.updates import RollupUpdate

#: Names are filled up to this width, so that values stand below each other.
NAME_WIDTH = 28


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "watch",
        help="follow readings, rollups or events",
        description="Show the state now, then every change. After a gap in the stream, values "
        "are shown as STALE until they are whole again.",
    )
    parser.add_argument(
        "pattern",
        nargs="?",
        default="*",
        metavar="PATTERN",
        help="device or device/point; with --rollups kind or kind/point; with --events the "
        "event's subject (default: all)",
    )
    parser.add_argument("--zone", default="*", help="only of this zone, or zones of a pattern")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--rollups", action="store_true", help="the zones' aggregates")
    what.add_argument("--events", action="store_true", help="what happens")
    parser.add_argument(
        "--count", type=_count, metavar="N", help="end after N lines; exit code 1 if fewer came"
    )
    parser.add_argument("--seconds", type=api.seconds, metavar="S", help="end after S seconds")
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Follow the stream on a loop of its own."""
    import asyncio

    from jacquemart.cli.notes import Notes

    Notes.attach()
    shown = asyncio.run(_follow(args))
    return say.REFUSED if args.count is not None and shown < args.count else say.DONE


async def _follow(args: argparse.Namespace) -> int:
    import asyncio

    what = "rollups" if args.rollups else "events" if args.events else "readings"
    show = _shower(args)
    shown = 0
    try:
        async with asyncio.timeout(args.seconds) as limit, api.connect_async(args) as client:
            _require_zone(client.hello["zones"], args.zone)
            stream = client.subscribe(
                what, zone=args.zone, pattern=args.pattern if what == "readings" else "*"
            )
            async for update in stream:
                if isinstance(update, Reading) or _matches(update, args.pattern):
                    show(update)
                    shown += 1
                    if shown == args.count:
                        break
    except TimeoutError:
        if not limit.expired():
            raise
    return shown


def _require_zone(zones: list[list[str]], pattern: str) -> None:
    """Refuse a zone that is none: its stream would be silent for ever.

    Raises:
        UsageError: no zone's id matches.
    """
    if not any(fnmatchcase(zone, pattern) for zone, _ in zones):
        known = ", ".join(zone for zone, _ in zones)
        raise UsageError(f"no zone {pattern!r}", advice=f"there are: {known}")


def _matches(update: Event | RollupUpdate, pattern: str) -> bool:
    if isinstance(update, Event):
        return fnmatchcase(update.subject, pattern)
    name = f"{update.kind}/{update.point}" if "/" in pattern else update.kind
    return fnmatchcase(name, pattern)


def _shower(args: argparse.Namespace) -> Callable[[Any], None]:
    if args.json:
        from jacquemart.cli import document

        return lambda update: document.show(_named(update))
    paint = paint_for(sys.stdout)
    return lambda update: print(line(update, paint), flush=True)


def _named(update: Reading | RollupUpdate | Event) -> dict[str, Any]:
    from jacquemart.cli import document

    if isinstance(update, Reading):
        return document.reading(update)
    if isinstance(update, Event):
        return document.event(update)
    return {
        "zone": update.zone,
        "kind": update.kind,
        "point": update.point,
        **update.rollup._asdict(),
        "worst": values.quality(update.rollup.worst),
        "stale": update.stale,
    }


def line(update: Reading | RollupUpdate | Event, paint: Paint) -> str:
    """Return an update as a line."""
    if isinstance(update, Reading):
        when = values.time_of_day(update.source_ns) if update.source_ns else "never".ljust(12)
        return "  ".join(
            (
                paint(when, DIM),
                _filled(update.point),
                values.reading(update).rjust(10),
                paint(update.quality.text, quality_style(update.quality)),
            )
        )
    if isinstance(update, Event):
        text = escape(events.what(update))
        severity = paint(events.severity(update), event_style(update.severity))
        when = paint(values.local_time(update.time_ns), DIM)
        return f"{when}  {severity}  {text}  {escape(events.detail(update.detail))}".rstrip()
    rollup = update.rollup
    mean = rollup.sum / rollup.online if rollup.online else None
    worst = paint(values.quality(rollup.worst), quality_style(rollup.worst))
    return "  ".join(
        (
            _filled(f"{update.zone or 'city'} {update.kind}/{update.point}"),
            f"{rollup.online:,} of {rollup.count:,} online",
            f"mean {values.number(mean)}",
            f"min {values.number(rollup.minimum)}",
            f"max {values.number(rollup.maximum)}",
            paint("stale", YELLOW) if update.stale else worst,
        )
    )


def _filled(name: str) -> str:
    text = escape(name)
    return text + " " * (NAME_WIDTH - width(text))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines; allowed: 1 and above")
    return int(text)
