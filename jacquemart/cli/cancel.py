"""``jacquemart cancel``: take a command back that was not sent yet."""

from __future__ import annotations

import argparse
from typing import Any

from jacquemart.cli import api, outcome, say
from jacquemart.runtime.client.cancelling import Cancellation


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "cancel",
        help="take a command back that was not sent yet",
        description="Take a command, or what was not sent yet of a bulk command, back by its "
        "identity (`set --json` and `command --json` show it). At what has left for the field it "
        "is too late: that goes on to its true end, which `outcome` shows.",
    )
    parser.add_argument("id", type=outcome.identity, metavar="ID", help="32 hexadecimal digits")
    parser.add_argument("--principal", help="who commanded (default: you)")
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, and show the answer; exit code 0 if nothing of it was sent."""
    with api.connect(args) as client:
        client.principal = args.principal or client.principal
        found = client.cancel(args.id)
    if args.json:
        from jacquemart.cli import document

        document.show(
            {
                "id": found.id,
                "cancelled": found.cancelled,
                "too_late": found.too_late,
                "asked": found.asked,
                "outcome": document.outcome(found.outcome) if found.outcome else None,
            }
        )
    elif found.outcome is not None:
        outcome.show(found.outcome, "", as_json=False)
    else:
        print(_said(found))
    return say.DONE if found.in_time else say.REFUSED


def _said(found: Cancellation) -> str:
    counts = (
        (found.cancelled, "cancelled"),
        (found.too_late, "too late: sent, or ended before"),
        (found.asked, "asked, and not answered yet: see `jacquemart outcome`"),
    )
    return "; ".join(f"{number:,} {what}" for number, what in counts if number) or "nothing to do"
