"""The parser of the command line, put together from one module for each command."""

from __future__ import annotations

import argparse
from importlib import import_module

from jacquemart import __version__

#: Commands in the order of the help; each is a module of this package with ``add`` and ``run``.
COMMANDS = (
    "run",
    "check",
    "plan",
    "apply",
    "ls",
    "get",
    "set",
    "command",
    "watch",
    "zones",
    "top",
    "why",
    "kinds",
    "events",
    "stop",
)

_EXIT_CODES = """\
exit codes: 0 done; 1 the city or the file says no, or an outcome is not APPLIED;
2 wrong usage; 3 no city answers; 130 ended by Ctrl-C"""


def build(command: str = "") -> argparse.ArgumentParser:
    """Return the parser; parsed arguments carry the command's ``run``.

    Args:
        command: the only command that will be parsed, so that no other is imported; any text
            that is no command means all of them.
    """
    parser = argparse.ArgumentParser(
        prog="jacquemart",
        description="Run a city, look at it, and command it.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"jacquemart {__version__}")
    if command == "--version":
        return parser
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in (command,) if command in COMMANDS else COMMANDS:
        import_module(f"jacquemart.cli.{name}").add(commands)
    return parser
