"""The parser of the command line, put together from one module for each command."""

from __future__ import annotations

import argparse
from importlib import import_module

from jacquemart import __version__

#: Commands in the order of the help; each is a module of this package with ``add`` and ``run``,
#: with ``_`` where the command has ``-``.
COMMANDS = (
    "run",
    "check",
    "plan",
    "apply",
    "ls",
    "get",
    "set",
    "command",
    "outcome",
    "cancel",
    "hold",
    "release",
    "reserve",
    "lockout",
    "holds",
    "unpark",
    "dead-letters",
    "watch",
    "zones",
    "top",
    "why",
    "kinds",
    "events",
    "journal",
    "rsmp-site",
    "traffic",
    "restart",
    "stop",
)

_EXIT_CODES = """\
exit codes: 0 done; 1 the city or the file says no, or an outcome is not APPLIED;
2 wrong usage; 3 no city answers; 130 ended by Ctrl-C"""


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps lines as they are, and has room for the longest command."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)
        # Indented once more than argparse reckons with, the longest would get a line of its own.
        self._action_max_length = max(map(len, COMMANDS)) + 4


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
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="version", version=f"jacquemart {__version__}")
    if command == "--version":
        return parser
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in (command,) if command in COMMANDS else COMMANDS:
        import_module(f"jacquemart.cli.{name.replace('-', '_')}").add(commands)
    return parser
