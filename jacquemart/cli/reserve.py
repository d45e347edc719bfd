"""``jacquemart reserve``: let nobody else command one or several devices."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from jacquemart.cli import api, claim, say


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "reserve",
        help="let nobody else command devices",
        description="Reserve devices, all or none: nobody else commands them, except for life "
        "safety. SUPERSEDED: it is somebody else's until a grace is over, and yours then.",
    )
    parser.add_argument("devices", nargs="+", metavar="DEVICE", help="a device's id")
    parser.add_argument(
        "--grace", type=claim.duration, metavar="TIME",
        help="somebody with a stronger priority may take it over after that time "
        "(default: nobody may)",
    )  # fmt: skip
    claim.add_priority(parser, "how strong it is against others who reserve")
    claim.add_lease(parser)
    claim.add_within(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Reserve one, or all or none."""
    options = {
        "priority": args.priority, "lease_s": args.lease, "grace_s": args.grace, "why": args.why,
        "within_s": args.within,
    }  # fmt: skip
    with api.connect(args) as client:
        if len(args.devices) == 1:
            return claim.show(args, client, client.reserve(args.devices[0], **options), "reserve")
        ended = client.reserve_all(args.devices, **options)
        codes = [claim.show(args, client, one, "reserve") for one in ended]
    if codes[-1] != say.DONE:
        sys.stdout.flush()
        say.note(f"none of the {len(args.devices)} devices is reserved")
    return codes[-1]
