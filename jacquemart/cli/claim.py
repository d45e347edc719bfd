"""What the commands for claims have in common: their options, and how their end is shown."""

from __future__ import annotations

import argparse
from contextlib import suppress
from typing import TYPE_CHECKING

from jacquemart.cli import api, outcome, say
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.outcome import Outcome

if TYPE_CHECKING:
    from jacquemart.runtime.client import Client

#: Seconds of the units that a lease may have.
_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_YEAR_S = 366 * 86_400.0


def duration(text: str) -> float:
    """Read ``90``, ``90s``, ``15m``, ``8h`` or ``2d``; argparse turns the error into a message."""
    unit = text[-1:]
    try:
        value = float(text[:-1] if unit in _UNITS else text) * _UNITS.get(unit, 1.0)
    except ValueError:
        value = 0.0
    if not 0 < value <= _YEAR_S:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; allowed: e.g. 90s, 15m, 8h, 2d")
    return value


def add_priority(parser: argparse.ArgumentParser, about: str) -> None:
    """Add ``--priority``."""
    parser.add_argument(
        "--priority", type=int, choices=range(1, 17), default=8, metavar="P",
        help=f"{about}: 1 (life safety) to 16 (default: 8, a manual operator)",
    )  # fmt: skip


def add_lease(parser: argparse.ArgumentParser) -> None:
    """Add ``--for`` and ``--why``."""
    parser.add_argument(
        "--for", dest="lease", type=duration, metavar="TIME",
        help="how long it stands, e.g. 90s, 15m, 8h, 2d (default: until it is released)",
    )  # fmt: skip
    parser.add_argument(
        "--why", default="", metavar="TEXT", help="told to everybody who is refused because of it"
    )


def add_within(parser: argparse.ArgumentParser) -> None:
    """Add ``--within``, and what every command has that talks to a city."""
    parser.add_argument(
        "--within", type=api.seconds, default=10.0, metavar="S",
        help="begin nothing after so many seconds (default: 10)",
    )  # fmt: skip
    api.add_arguments(parser)


def show(args: argparse.Namespace, client: Client, ended: Outcome, verb: str) -> int:
    """Show the end of a claim; return the exit code."""
    unit: str = getattr(args, "unit", "")
    words: tuple[str, ...] = ()
    if ended.point and ended.value is not None and not args.json:
        with suppress(JacquemartError):  # only for show; the outcome is known
            found = client.get(f"{ended.device}/{ended.point}")
            unit, words = unit or found.unit, found.words
    outcome.show(ended, unit, words, verb=verb, as_json=args.json)
    return say.DONE if ended.applied else say.REFUSED
