"""Exit codes, and how the command line says that something went wrong: one line, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from jacquemart.cli.text import escape
from jacquemart.runtime.model.errors import (
    GatewayUnreachable,
    JacquemartError,
    UnknownDevice,
    UnknownPoint,
    UsageError,
)

DONE = 0
#: The city said no, an outcome is not APPLIED, a file is wrong.
REFUSED = 1
#: The command line itself is wrong; nothing was asked or sent.
USAGE = 2
#: No city answers.
UNREACHABLE = 3
#: Ended by Ctrl-C: 128 + SIGINT.
INTERRUPTED = 130
#: The reader of our output is gone: 128 + SIGPIPE.
READER_GONE = 141


def exit_code(error: JacquemartError) -> int:
    """Return the exit code for an error."""
    if isinstance(error, GatewayUnreachable):
        return UNREACHABLE
    if isinstance(error, UsageError) and not isinstance(error, UnknownDevice | UnknownPoint):
        return USAGE
    return REFUSED


def error(found: JacquemartError, *, as_json: bool = False) -> int:
    """Say an error on stderr, for a person or a program; return the exit code."""
    code = exit_code(found)
    if as_json:
        import json

        fields = {
            "code": found.code,
            "message": found.message,
            "where": found.where,
            "advice": found.advice,
            "retryable": found.retryable,
        }
        _write(json.dumps({"error": fields, "exit": code}))
    else:
        _write(f"jacquemart: error: {escape(str(found))}")
    return code


def note(text: str) -> None:
    """Say something beside the result, which stays alone on stdout."""
    _write(f"jacquemart: {escape(text)}")


def lines(found: Iterable[str]) -> None:
    """Say an error of many lines, escaped already, on stderr."""
    for line in found:
        _write(line)


def _write(line: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
