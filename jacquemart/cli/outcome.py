"""``jacquemart outcome``: what became of a command; and how an outcome is shown everywhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jacquemart.cli import api, say, values
from jacquemart.cli.colour import DIM, GREEN, RED, YELLOW, paint_for
from jacquemart.cli.text import escape
from jacquemart.runtime.model.outcome import Outcome, Reason, Stages, Status
from jacquemart.runtime.model.reading import word_of

if TYPE_CHECKING:
    from jacquemart.runtime.client.stages import CommandState

_WORDS = {
    "unknown": "not known: never accepted, refused, or volatile",
    "accepted": "accepted, and not ended yet",
    "too_old": "too old: nobody remembers whether it was executed",
}


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "outcome",
        help="ask later what became of a command",
        description="Show how far a command has come, by its identity (`set --json` and "
        "`command --json` show it), also after a restart of the city.",
    )
    parser.add_argument("device", metavar="DEVICE", help="the device, or device/point")
    parser.add_argument("id", type=identity, metavar="ID", help="32 hexadecimal digits")
    parser.add_argument("--principal", help="who commanded (default: you)")
    parser.add_argument(
        "--wait", type=api.seconds, default=0.0, metavar="S",
        help="wait so many seconds for its end, 30 at most",
    )  # fmt: skip
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, and show the answer; exit code 0 if it was applied."""
    with api.connect(args) as client:
        client.principal = args.principal or client.principal
        found = client.outcome_of(args.device, args.id, wait_s=min(args.wait, 30.0))
    _show_state(found, as_json=args.json)
    ended = found.outcome
    resolved = found.resolved is not None and found.resolved[0] is Status.APPLIED
    return say.DONE if (ended is not None and ended.applied) or resolved else say.REFUSED


def identity(text: str) -> bytes:
    """Read a command's identity; argparse turns the error into a message."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 16:
        raise argparse.ArgumentTypeError(f"{text!r} is no identity; allowed: 32 hex digits")
    return found


def _show_state(found: CommandState, *, as_json: bool) -> None:
    if as_json:
        from jacquemart.cli import document

        document.show(
            {
                "id": found.id,
                "device": found.device,
                "stage": found.stage,
                "outcome": document.outcome(found.outcome) if found.outcome else None,
                "resolved": {"status": found.resolved[0], "value": found.resolved[1]}
                if found.resolved
                else None,
            }
        )
        return
    if found.outcome is None:
        print(f"{escape(found.device)}  {_WORDS.get(found.stage, found.stage)}")
        return
    show(found.outcome, "", as_json=False)
    if found.resolved is not None:
        status, value = found.resolved
        shows = f", the field shows {value:g}" if value is not None else ""
        print(f"  read back later: {status.name}{shows}")


def style(status: Status) -> str:
    """Return the style of a status."""
    if status is Status.APPLIED:
        return GREEN
    return RED if status is Status.FAILED else YELLOW


def show(
    found: Outcome, unit: str, words: Sequence[str] = (), *, verb: str = "", as_json: bool
) -> None:
    """Print one outcome; of an enumeration with the word, of a command with its verb."""
    if as_json:
        from jacquemart.cli import document

        document.show(document.outcome(found))
        return
    paint = paint_for(sys.stdout)
    name = f"{found.device}/{found.point}" if found.point else f"{found.device} {verb}".rstrip()
    parts = [escape(name), paint(found.status.name, style(found.status))]
    if found.value is not None:
        parts.append(word_of(found.value, words) or values.quantity(found.value, unit))
    if found.reason != Reason.OK:
        parts.append(escape(found.reason))
    if found.detail:
        parts.append(escape(found.detail))
    print("  ".join(parts))
    times = stages(found.stages)
    if times:
        print("  " + paint(times, DIM))


def stages(found: Stages) -> str:
    """Return when a command passed its stages, counted from when the city received it."""
    if not found.received:
        return ""
    named = (
        ("dispatched", found.dispatched),
        ("acknowledged", found.acknowledged),
        ("finished", found.finished),
    )
    return ", ".join(
        f"{name} {values.after(found.received, at_ns)}" for name, at_ns in named if at_ns
    )
