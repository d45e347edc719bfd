"""``jacquemart dead-letters``: commands that were given up; try them again, or throw them away."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from jacquemart.cli import api, outcome, say, table, values
from jacquemart.cli.colour import paint_for
from jacquemart.cli.text import escape
from jacquemart.runtime.client.letters import DeadLetter


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "dead-letters",
        help="commands that were given up, because nobody could handle them",
        description="List the commands whose handlers failed several times in a row, or whose "
        "processes ended with them. With --replay each is sent once more, as your command; with "
        "--drop they are thrown away.",
    )
    parser.add_argument(
        "pattern", nargs="?", default="*", metavar="PATTERN", help="of device ids (default: all)"
    )
    parser.add_argument("--stack", action="store_true", help="show where each failed, too")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--replay", action="store_true", help="send them again, oldest first")
    end.add_argument("--drop", action="store_true", help="throw them away")
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask all zones, and do what was asked for."""
    with api.connect(args) as client:
        found = client.dead_letters(args.pattern)
        if args.replay:
            ends = [client.replay(letter) for letter in found]
            for letter, end in zip(found, ends, strict=True):
                outcome.show(end, "", verb=letter.verb, as_json=args.json)
            return say.DONE if all(end.applied for end in ends) else say.REFUSED
        if args.drop:
            for letter in found:
                client.drop(letter)
    _show(found, args)
    return say.DONE


def _show(found: list[DeadLetter], args: argparse.Namespace) -> None:
    if args.json:
        from jacquemart.cli import document

        document.show({"dead_letters": [_plain(letter) for letter in found]})
        return
    if not found:
        print("there are no dead letters")
        return
    titles = ("when", "what", "value", "by", "failed", "why")
    rows = [
        [
            values.local_time(letter.wall_ns), _what(letter), _value(letter), letter.principal,
            f"{letter.attempts} times", letter.reason,
        ]
        for letter in found
    ]  # fmt: skip
    for line in table.lines(iter(rows), paint_for(sys.stdout), titles=titles, right=(2,)):
        print(line)
    for letter in found if args.stack else ():
        print(f"\n{escape(_what(letter))}:")
        for line in letter.stack.splitlines():
            print(escape(line))


def _what(letter: DeadLetter) -> str:
    if letter.verb == "set":
        return f"{letter.device}/{letter.point}"
    return f"{letter.device} {letter.verb}"


def _value(letter: DeadLetter) -> str:
    if letter.value is None:
        return ""
    return values.number(letter.value) if isinstance(letter.value, float) else str(letter.value)


def _plain(letter: DeadLetter) -> dict[str, Any]:
    return {name: getattr(letter, name) for name in DeadLetter.__dataclass_fields__}
