"""``jacquemart lockout``: let nothing move a device, because somebody works there."""

from __future__ import annotations

import argparse
from typing import Any

from jacquemart.cli import api, claim


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "lockout",
        help="let nothing move a device: somebody works there",
        description="Lock a device out: nothing moves it but life safety (priorities 1 and 2), "
        "also not what you send yourself. End it with `jacquemart release DEVICE --lockout`. It "
        "replaces no lock at the device itself.",
    )
    parser.add_argument("device", metavar="DEVICE", help="a device's id")
    parser.add_argument("--why", required=True, metavar="TEXT", help="who works there and what for")
    parser.add_argument(
        "--for", dest="lease", type=claim.duration, metavar="TIME",
        help="how long it stands, e.g. 8h (default: until it is released)",
    )  # fmt: skip
    claim.add_within(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send it and wait for its end."""
    with api.connect(args) as client:
        ended = client.lockout(args.device, why=args.why, lease_s=args.lease, within_s=args.within)
        return claim.show(args, client, ended, "lockout")
