"""``jacquemart plan``: what a changed city file would do to the running city."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from jacquemart.cli import api, change_text, check, say
from jacquemart.runtime.model.errors import GatewayUnreachable, UsageError

if TYPE_CHECKING:
    from jacquemart.runtime.city import CityErrors
    from jacquemart.runtime.cluster.control_client import Operator


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "plan",
        help="show what a changed city file would do",
        description="Compare a city file with the city that runs: what would be added, changed, "
        "removed and moved, and what would be blind meanwhile. Changes nothing.",
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``plan`` and ``apply`` have in common."""
    parser.add_argument("file", metavar="FILE", help="the changed city file, e.g. city.toml")
    parser.add_argument(
        "--city", metavar="ID", help="the running city (default: the only one of this user here)"
    )
    parser.add_argument("--all", action="store_true", help="show every line, not the first ten")
    api.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Ask for the plan and show it."""
    from jacquemart.runtime.city import CityErrors

    try:
        plan = operator_of(args.city).plan(args.file)
    except CityErrors as error:
        return show_problems(error, as_json=args.json)
    show(plan, args)
    return say.REFUSED if plan["restart"] else say.DONE


def show(plan: dict[str, Any], args: argparse.Namespace) -> None:
    """Show a plan, for a person or a program."""
    if args.json:
        from jacquemart.cli import document

        document.show(plan)
        return
    for line in change_text.plan_lines(plan, every=args.all):
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def show_problems(error: CityErrors, *, as_json: bool) -> int:
    """Show what is wrong with a city file, as ``check`` does; return the exit code."""
    if as_json:
        from dataclasses import asdict

        from jacquemart.cli import document

        found = [asdict(problem) for problem in error.errors]
        count = len(found) + error.more
        document.show({"ok": False, "problems": found, "count": count, "more": error.more})
    else:
        for line in check.problem_lines(error):
            print(line)
    return say.REFUSED


def operator_of(city: str | None) -> Operator:
    """Return the way to the warden of a running city of this user.

    Raises:
        GatewayUnreachable: no such city runs here. UsageError: several do, none was named.
    """
    from jacquemart.runtime.cluster import runstate
    from jacquemart.runtime.cluster.control_client import Operator

    running = [state for state in runstate.running() if state.control]
    known = ", ".join(state.city for state in running)
    chosen = running if city is None else [state for state in running if state.city == city]
    if not chosen:
        raise GatewayUnreachable(
            f"no city {city!r} of this user runs on this host"
            if city is not None
            else "no city of this user runs on this host",
            advice=f"running: {known}" if known else "start it with `jacquemart run`",
        )
    if len(chosen) > 1:
        raise UsageError("several cities run here", advice=f"name one with --city: {known}")
    return Operator(chosen[0].control, chosen[0].city)
