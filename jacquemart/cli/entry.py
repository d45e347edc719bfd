"""From arguments to an exit code: the one place that catches what a command raises."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from jacquemart.cli import say
from jacquemart.cli.parser import build
from jacquemart.runtime.model.errors import JacquemartError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see docs/guides/command-line.md."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a terminal that is not UTF-8 shows escapes, not a traceback
            reconfigure(errors="backslashreplace")
    try:
        words = list(sys.argv[1:] if arguments is None else arguments)
        args = build(words[0] if words else "").parse_args(words)
    except SystemExit as end:  # argparse has said what is wrong, or shown help or version
        return end.code if isinstance(end.code, int) else say.USAGE
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except JacquemartError as error:
        return say.error(error, as_json=args.json)
    except UnicodeEncodeError:
        wrong = UsageError("an argument is not UTF-8 text", advice="nothing was asked or sent")
        return say.error(wrong, as_json=args.json)
    except KeyboardInterrupt:
        return say.INTERRUPTED
    except OSError as error:
        # Python flushes stdout once more at exit; that must not fail a second time.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return say.READER_GONE
        what = JacquemartError(error.strerror or str(error), where=str(error.filename or "output"))
        return say.error(what, as_json=args.json)
    return code
