"""``python -m jacquemart.drivers.conformance module:PeerClass``: try a driver.

Exit status: 0 no card failed; 1 at least one did, or none could be played; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import sys
from collections.abc import Sequence

from jacquemart.drivers.conformance.peer import Peer
from jacquemart.drivers.conformance.report import card_table
from jacquemart.drivers.conformance.run import deck, prove
from jacquemart.runtime.model.errors import JacquemartError, UsageError


def load_peer(path: str) -> type[Peer]:
    """Return the peer class that ``module:Class`` names.

    Raises:
        UsageError: it cannot be imported, or is no peer; the caller's fault.
    """
    module, _, name = path.partition(":")
    if not module or not name:
        raise UsageError(f"{path!r} names no class", advice="write it as module:PeerClass")
    try:
        found: object = getattr(importlib.import_module(module), name)
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise UsageError(f"{path!r} cannot be imported: {cause}") from error
    if not (inspect.isclass(found) and issubclass(found, Peer) and not inspect.isabstract(found)):
        advice = "a peer is a subclass of jacquemart.drivers.conformance.Peer with start and stop"
        raise UsageError(f"{path!r} is not a peer", advice=advice)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m jacquemart.drivers.conformance",
        description="Try a driver against its peer, card by card.",
    )
    parser.add_argument("peer", nargs="?", help="the peer, as module:PeerClass")
    parser.add_argument("--card", action="append", default=[], help="play only this card (again)")
    parser.add_argument("--json", action="store_true", help="report as JSON")
    parser.add_argument("--list", action="store_true", help="show all cards, and play none")
    options = parser.parse_args(arguments)
    try:
        if options.list:
            sys.stdout.write(card_table(deck(options.card)) + "\n")
            return 0
        if options.peer is None:
            parser.error("which peer? (or --list)")
        sys.path.insert(0, os.getcwd())
        report = prove(load_peer(options.peer), options.card)
    except JacquemartError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write((report.json() if options.json else report.text()) + "\n")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
