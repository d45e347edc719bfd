"""``jacquemart unpark``: let a device work again that was parked after too many failures."""

from __future__ import annotations

import argparse
from typing import Any

from jacquemart.cli import api, outcome, say


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "unpark",
        help="let a parked device work again",
        description="Let a device work again that was parked because its code had failed too "
        "often, and its link, if that was parked too. `jacquemart why DEVICE` says why it was.",
    )
    parser.add_argument("device", metavar="DEVICE", help="the device's id")
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send it and wait for its end."""
    with api.connect(args) as client:
        ended = client.unpark(args.device)
    outcome.show(ended, "", verb="unpark", as_json=args.json)
    return say.DONE if ended.applied else say.REFUSED
