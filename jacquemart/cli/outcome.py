"""How the outcome of one command is shown: status, what was read back, and where time went."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from jacquemart.cli import values
from jacquemart.cli.colour import DIM, GREEN, RED, YELLOW, paint_for
from jacquemart.cli.text import escape
from jacquemart.runtime.model.outcome import Outcome, Reason, Stages, Status
from jacquemart.runtime.model.reading import word_of


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
