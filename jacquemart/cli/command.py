"""``jacquemart command``: send one of the commands that a device's kind has."""

from __future__ import annotations

import argparse
from typing import Any

from jacquemart.cli import api, outcome, say, values


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "command",
        help="send a command of a device's kind",
        description="Send a command (raise, stop, preset square) and show what became of it. "
        "`jacquemart kinds NAME` shows the commands of a kind, and what they take.",
    )
    parser.add_argument("device", metavar="DEVICE", help="the device's id")
    parser.add_argument("verb", metavar="NAME", help="the command")
    parser.add_argument(
        "value", nargs="?", type=values.parse, metavar="VALUE",
        help="a number, on or off, or a word, if it takes one",
    )  # fmt: skip
    parser.add_argument("--unit", default="", help="refuse if the command takes another unit")
    parser.add_argument(
        "--within", type=api.seconds, default=10.0, metavar="S",
        help="send nothing to the field after so many seconds (default: 10)",
    )  # fmt: skip
    parser.add_argument(
        "--priority", type=int, choices=range(1, 17), default=8, metavar="P",
        help="1 (life safety) to 16 (default: 8)",
    )  # fmt: skip
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send it and wait for its end."""
    try:
        with api.connect(args) as client:
            ended = client.command(
                args.device, args.verb, args.value, within_s=args.within, unit=args.unit,
                priority=args.priority,
            )  # fmt: skip
    except KeyboardInterrupt:
        say.note("not waited for: what was sent already still takes effect")
        raise
    outcome.show(ended, args.unit, verb=args.verb, as_json=args.json)
    return say.DONE if ended.applied else say.REFUSED
