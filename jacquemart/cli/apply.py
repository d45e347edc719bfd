"""``jacquemart apply``: let the running city become what a changed city file says."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from jacquemart.cli import change_text, plan, say
from jacquemart.cli.text import escape
from jacquemart.runtime.model.errors import UsageError


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "apply",
        help="change the running city",
        description="Show the plan, ask, and let the running city become what the file says. "
        "Devices that do not change are not touched: no reconnection, no gap.",
    )
    plan.add_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show the plan, ask, apply it, tell what became of it."""
    from jacquemart.runtime.city import CityErrors

    if not args.yes and (args.json or not sys.stdin.isatty()):
        raise UsageError("nobody can be asked here", advice="add --yes to apply the plan unasked")
    operator = plan.operator_of(args.city)
    try:
        shown = operator.plan(args.file)
        result: dict[str, Any] = {}
        if not args.json:
            plan.show(shown, args)
        if not shown["empty"] and not shown["restart"]:
            if not args.yes and not _agreed(str(shown["city"])):
                say.note("nothing was done")
                return say.REFUSED
            result = operator.apply(args.file, shown["plan"], _Progress(quiet=args.json).tell)
    except CityErrors as error:
        return plan.show_problems(error, as_json=args.json)
    if args.json:
        from jacquemart.cli import document

        document.show({"plan": shown, "result": result or None})
    elif result:
        print(change_text.result_line(result))
    return say.REFUSED if shown["restart"] else say.DONE


def _agreed(city: str) -> bool:
    sys.stdout.write(f"Apply this to {escape(city)}? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class _Progress:
    """Says on stderr what is waited for, once a change."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._said = ""

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take how far it is."""
        waiting = ", ".join(event.get("waiting") or ())
        if self._quiet or not waiting:
            return
        text = f"{'taking it back: ' if event.get('back') else ''}waiting for {waiting}"
        if text != self._said:
            self._said = text
            say.note(text)
