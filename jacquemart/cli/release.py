"""``jacquemart release``: end a hold, a reservation or a lock-out."""

from __future__ import annotations

import argparse
from typing import Any

from jacquemart.cli import api, claim
from jacquemart.runtime.model.claim import LOCKOUT_SLOT


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "release",
        help="end a hold, a reservation or a lock-out",
        description="End a hold (device/point), or a reservation or lock-out (a device). The "
        "point falls back to the next hold, then to what was last set, then to its default. "
        "Whoever made it may end it, and whoever has a stronger priority than its slot.",
    )
    parser.add_argument("subject", metavar="SUBJECT", help="device/point, or a device")
    claim.add_priority(parser, "of who asks; also the slot to release, if no other is named")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--slot", type=int, choices=range(1, 17), metavar="N",
        help="the slot to release (default: that of the priority)",
    )  # fmt: skip
    which.add_argument(
        "--lockout", action="store_true", help="release the lock-out of a device, not a reservation"
    )
    claim.add_within(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send it and wait for its end."""
    slot = LOCKOUT_SLOT if args.lockout else args.slot
    with api.connect(args) as client:
        ended = client.release(
            args.subject, priority=args.priority, slot=slot, within_s=args.within
        )
        return claim.show(args, client, ended, "release")
