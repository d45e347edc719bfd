"""``jacquemart restart --rolling``: fresh processes for a running city, cell after cell."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from jacquemart.cli import api, say
from jacquemart.cli.text import escape
from jacquemart.runtime.model.errors import GatewayUnreachable, UsageError

if TYPE_CHECKING:
    from jacquemart.runtime.cluster.runstate import RunState


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "restart",
        help="give a running city fresh processes",
        description="Hand every cell of a running city to a fresh process, one after the other. "
        "Each ends what is in hand and lets go of its links before its successor, which is warm "
        "by then, adopts them; the city goes on meanwhile. With --python the city passes to the "
        "version that is installed beside that interpreter; the same with the old path is the way "
        "back, until --commit.",
    )
    parser.add_argument("city", nargs="?", metavar="CITY", help="its id (default: the only one)")
    parser.add_argument(
        "--rolling", action="store_true", required=True, help="cell after cell; there is no other"
    )
    parser.add_argument(
        "--python", default="", metavar="PATH",
        help="the interpreter of another version, which shall run the city from now on",
    )  # fmt: skip
    parser.add_argument(
        "--commit", action="store_true",
        help="let journals have the newest format; versions that do not know it cannot come back",
    )  # fmt: skip
    api.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Have the warden do it, and show how long each cell was away."""
    from jacquemart.runtime.cluster import runstate
    from jacquemart.runtime.cluster.control_client import Operator

    state = _meant(args.city, runstate.running())

    def tell(progress: dict[str, Any]) -> None:
        if not args.json and progress.get("stage") == "warden":
            print(f"version {progress['from']} to {progress['to']}: the warden", file=sys.stderr)
        if not args.json and "cell" in progress:
            print(f"{progress['cell']} ({progress['left']} left)", file=sys.stderr)

    python = os.path.abspath(args.python) if args.python else ""
    result = Operator(state.control, state.city).restart(tell, python=python, commit=args.commit)
    if args.json:
        from jacquemart.cli import document

        document.show(result)
    else:
        for name, seconds in result["away_s"].items():
            print(f"{escape(name):<24} away for {seconds * 1e3:.0f} ms")
        cells, version = len(result["cells"]), escape(result["version"])
        seconds = result["seconds"]
        print(f"{escape(state.city)}: {cells} cells in {seconds:.1f} s, version {version}")
    return say.DONE


def _meant(city: str | None, running: list[RunState]) -> RunState:
    """Return the city that is meant.

    Raises:
        GatewayUnreachable: it does not run here. UsageError: several do, none was named.
    """
    known = ", ".join(state.city for state in running)
    chosen = [state for state in running if city in (None, state.city)]
    if not chosen or not chosen[0].control:
        raise GatewayUnreachable(
            f"no city {city!r} of this user is ready on this host" if city else "no city is ready",
            advice=f"running: {known}" if known else "none runs",
        )
    if len(chosen) > 1:
        raise UsageError("several cities run here", advice=f"name one: {known}")
    return chosen[0]
