"""``jacquemart check``: all that is wrong with a city file, or what it describes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jacquemart.cli import api, say
from jacquemart.cli.text import escape

if TYPE_CHECKING:
    from jacquemart.runtime.city import CityErrors


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="check a city file",
        description="Check a city file and its inventories whole, without starting anything: "
        "every problem on a line, or a summary of the city, and for each inventory what became "
        "of its rows, with the reason for each one that was left out.",
    )
    parser.add_argument("file", metavar="FILE", help="the city file, e.g. city.toml")
    api.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load the city and throw it away."""
    from jacquemart.runtime.city import CityErrors, describe, summarize, survey_city

    try:
        survey = survey_city(args.file)
    except CityErrors as error:
        _show_problems(error, as_json=args.json)
        return say.REFUSED
    if args.json:
        from jacquemart.cli import document

        inventories = [account.summary() for account in survey.accounts]
        document.show({"ok": True, "city": summarize(survey.city), "inventories": inventories})
    else:
        # Line by line: the names in it are data.
        for line in describe(survey.city).splitlines():
            print(escape(line))
        for account in survey.accounts:
            for line in account.describe():
                print(escape(line))
    return say.DONE


def _show_problems(error: CityErrors, *, as_json: bool) -> None:
    if as_json:
        count = len(error.errors) + error.more
        from dataclasses import asdict

        from jacquemart.cli import document

        found = [asdict(problem) for problem in error.errors]
        document.show({"ok": False, "problems": found, "count": count, "more": error.more})
        return
    for line in problem_lines(error):
        print(line)


def problem_lines(error: CityErrors) -> Iterator[str]:
    """Yield each problem on a line, then how many there are."""
    count = len(error.errors) + error.more
    for problem in error.errors:
        yield escape(str(problem))
    if error.more:
        at = f": {escape(error.more_at)}" if error.more_at else ""
        yield f"and {error.more:,} more{at}"
    yield f"{count:,} problem{'' if count == 1 else 's'}"
