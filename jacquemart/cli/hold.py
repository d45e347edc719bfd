"""``jacquemart hold``: keep a point at a value, whoever else wants another one."""

from __future__ import annotations

import argparse
from typing import Any

from jacquemart.cli import api, claim, values


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "hold",
        help="keep a point at a value",
        description="Keep a point at a value until it is released or its time is over. Weaker "
        "commands of others are refused meanwhile, and told who holds it, why and until when. "
        "FAILED or INDETERMINATE: it stands all the same. SUPERSEDED: it waits for a stronger one.",
    )
    parser.add_argument("point", metavar="POINT", help="device/point")
    parser.add_argument(
        "value", type=values.parse, metavar="VALUE", help="a number, on or off, or a word"
    )
    parser.add_argument("--unit", default="", help="refuse if the point has another unit")
    claim.add_priority(parser, "its slot")
    claim.add_lease(parser)
    claim.add_within(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send it and wait for its end."""
    with api.connect(args) as client:
        ended = client.hold(
            args.point, args.value, priority=args.priority, lease_s=args.lease, why=args.why,
            unit=args.unit, within_s=args.within,
        )  # fmt: skip
        return claim.show(args, client, ended, "hold")
