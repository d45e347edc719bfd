"""``jacquemart set``: command one point, or a point of all devices that match."""

from __future__ import annotations

import argparse
from contextlib import suppress
from typing import Any

from jacquemart.cli import api, bulk, outcome, say, values
from jacquemart.runtime.model.errors import JacquemartError, UsageError
from jacquemart.runtime.model.ids import split_point

_WILDCARDS = frozenset("*?[")


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "set",
        help="command a point, or many",
        description="Write a point and show what became of it, read back from the field. With "
        "wildcards in the device (lamp-*/setpoint), --zone or --kind, command all that match.",
    )
    parser.add_argument("point", metavar="POINT", help="device/point; the device may be a pattern")
    parser.add_argument(
        "value", type=values.parse, metavar="VALUE", help="a number, on or off, or a word"
    )
    parser.add_argument("--unit", default="", help="refuse if the point has another unit")
    parser.add_argument(
        "--within",
        type=api.seconds,
        default=10.0,
        metavar="S",
        help="send nothing to the field after so many seconds (default: 10)",
    )
    parser.add_argument(
        "--priority",
        type=int,
        choices=range(1, 17),
        default=8,
        metavar="P",
        help="1 (life safety) to 16 (default: 8)",
    )
    parser.add_argument("--zone", help="all that match in this zone, or in zones of a pattern")
    parser.add_argument("--kind", help="all that match of this kind, or of kinds of a pattern")
    parser.add_argument("--all", action="store_true", help="show every exception, not only 20")
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send one command, or one bulk command."""
    device, point = split_point(args.point)
    if _WILDCARDS.intersection(point):
        raise UsageError(
            f"{args.point!r} has a wildcard in the point",
            advice="a command writes one point of each device: write its name out",
        )
    many = _WILDCARDS.intersection(device) or args.zone is not None or args.kind is not None
    try:
        return _many(args, device, point) if many else _one(args)
    except KeyboardInterrupt:
        say.note("not waited for: what was sent already still takes effect")
        raise


def _one(args: argparse.Namespace) -> int:
    with api.connect(args) as client:
        ended = client.set(
            args.point, args.value, within_s=args.within, unit=args.unit, priority=args.priority
        )
        unit: str = args.unit
        words: tuple[str, ...] = ()
        if not args.json and not unit:
            with suppress(JacquemartError):  # only for show; the outcome is known
                found = client.get(args.point)
                unit, words = found.unit, found.words
    outcome.show(ended, unit, words, as_json=args.json)
    return say.DONE if ended.applied else say.REFUSED


def _many(args: argparse.Namespace, device: str, point: str) -> int:
    with api.connect(args) as client:
        ended = client.set_all(
            point,
            args.value,
            zone=args.zone or "*",
            kind=args.kind or "*",
            device=device,
            within_s=args.within,
            unit=args.unit,
            priority=args.priority,
        )
    bulk.show(ended, args.unit, every=args.all, as_json=args.json)
    if not ended.outcomes:
        say.note("no device matches; nothing was sent")
        return say.REFUSED
    return say.REFUSED if ended.exceptions() else say.DONE
