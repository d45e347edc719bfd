"""``jacquemart holds``: who holds, reserves and has locked out what, why and until when."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any

from jacquemart.cli import api, table, values
from jacquemart.cli.colour import RED, paint_for
from jacquemart.cli.say import DONE
from jacquemart.runtime.model.claim import LOCKOUT, Claim


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "holds",
        help="who holds, reserves and has locked out what",
        description="List the holds, reservations and lock-outs that stand, by the zones' "
        "journals: who made them, why, and until when.",
    )
    parser.add_argument(
        "pattern", nargs="?", default="*", metavar="PATTERN", help="of device ids (default: all)"
    )
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask all zones."""
    with api.connect(args) as client:
        found = client.claims(args.pattern)
    found.sort(key=lambda claim: (claim.device, claim.point, claim.slot))
    if args.json:
        from jacquemart.cli import document

        document.show({"claims": [claim.as_plain() for claim in found]})
        return DONE
    if not found:
        print("nobody claims anything")
        return DONE
    titles = ("what", "slot", "", "value", "by", "until", "why")
    for line in table.lines(_rows(found), paint_for(sys.stdout), titles=titles, right=(1, 3)):
        print(line)
    return DONE


def _rows(found: list[Claim]) -> Iterator[table.Row]:
    for claim in found:
        what = f"{claim.device}/{claim.point}" if claim.point else claim.device
        verb = table.Styled(claim.verb, RED if claim.verb == LOCKOUT else "")
        value = values.number(claim.value) if isinstance(claim.value, (int, float)) else ""
        yield [what, str(claim.slot), verb, value, claim.owner, until(claim), claim.why]


def until(claim: Claim) -> str:
    """Return until when a claim stands, by the clock of who reads it."""
    if not claim.until_wall_ns:
        return "released"
    left = (claim.until_wall_ns - time.time_ns()) / 1e9
    return f"{values.local_time(claim.until_wall_ns)}, {values.span(max(left, 0.0))} left"
