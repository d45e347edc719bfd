"""``jacquemart kinds``: the kinds of devices that are installed, and what one declares."""

from __future__ import annotations

import argparse
import sys
from typing import Any, cast

from jacquemart.cli import api, reference, say, table
from jacquemart.cli.colour import BOLD, DIM, Paint, paint_for
from jacquemart.cli.text import escape
from jacquemart.runtime.actor.describe import describe_kind
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.city.registry import Offer, find_kinds
from jacquemart.runtime.model.errors import ConfigError, UsageError


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "kinds",
        help="the kinds of devices, their points and commands",
        description="List the kinds that the installed packages offer, or show what one of them "
        "declares: its points, commands, rules and summary. No city need run.",
    )
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a kind, or module:Class of your own"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print a page, as docs/reference/kinds.md is"
    )
    api.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Describe what is asked for."""
    found = [describe(args.name)] if args.name else describe_all()
    if args.json:
        from jacquemart.cli import document

        document.show(found[0] if args.name else {"kinds": found})
    elif args.markdown:
        sys.stdout.write(reference.page(found))
    elif args.name:
        _show(found[0], paint_for(sys.stdout))
    else:
        rows: list[table.Row] = [_row(kind) for kind in found]
        titles = ["KIND", "POINTS", "COMMANDS", "WHAT IT IS"]
        for line in table.lines(rows, paint_for(sys.stdout), titles=titles, right=(1,)):
            print(line)
    return say.DONE


def describe(name: str) -> dict[str, Any]:
    """Return what one kind declares.

    Raises:
        UsageError: no such kind. ConfigError: it is broken.
    """
    registry = find_kinds()
    try:
        kind = Offer(registry, None).resolve(name)
    except KeyError:
        known = ", ".join(registry)
        raise UsageError(f"no kind {name!r}", advice=f"there are: {known}") from None
    if not (isinstance(kind, type) and issubclass(kind, DeviceActor)):
        raise ConfigError(f"kind {name!r} is no DeviceActor, so it declares nothing")
    return describe_kind(name, kind)


def describe_all() -> list[dict[str, Any]]:
    """Return what every kind declares that can be imported; others are told on stderr."""
    found = []
    for name in find_kinds():
        try:
            found.append(describe(name))
        except ConfigError as error:
            say.note(str(error))
    return found


def _row(kind: dict[str, Any]) -> table.Row:
    points = "any" if kind["open_points"] else str(len(kind["points"]))
    commands = ", ".join(command["command"] for command in kind["commands"])
    return [kind["kind"], points, commands, table.Styled(kind["about"], DIM)]


def _show(kind: dict[str, Any], paint: Paint) -> None:
    print(f"{paint(escape(kind['kind']), BOLD)}: {escape(kind['about'])}")
    for paragraph in kind["rules"].split("\n\n"):
        if paragraph:
            print(f"\n  {escape(' '.join(paragraph.split())).replace('``', '')}")
    print()
    rows: list[table.Row] = [
        [name, unit, values, table.Styled(facts, DIM), about]
        for name, unit, values, facts, about in map(reference.point_row, kind["points"])
    ]
    titles = ["POINT", "UNIT", "VALUES", "", "WHAT IT IS"]
    for line in table.lines(rows, paint, titles=titles):
        print(line)
    if kind["open_points"]:
        print("and any other point that a template names")
    if kind["commands"]:
        print()
        told: list[table.Row] = [list(reference.command_row(one)) for one in kind["commands"]]
        for line in table.lines(told, paint, titles=["COMMAND", "TAKES", "WHAT IT DOES"]):
            print(line)
    if kind["summary"]:
        lines = cast("list[dict[str, str]]", kind["summary"])
        told_lines = ", ".join(f"{one['label']} ({one['how']} of {one['point']})" for one in lines)
        print(f"\nin a zone's summary: {escape(told_lines)}")
