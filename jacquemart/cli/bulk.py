"""How the outcomes of a bulk command are shown: counts by status, then the exceptions."""

from __future__ import annotations

import sys

from jacquemart.cli import outcome, table, values
from jacquemart.cli.colour import paint_for
from jacquemart.runtime.model.outcome import BulkOutcome

#: Exceptions shown to a person who did not ask for all; a program gets all.
SHOWN = 20


def show(found: BulkOutcome, unit: str, *, every: bool, as_json: bool) -> None:
    """Print a bulk outcome."""
    exceptions = found.exceptions()
    if as_json:
        from jacquemart.cli import document

        document.show(
            {
                "id": found.id,
                "seconds": found.seconds,
                "devices": len(found.outcomes),
                "counts": found.counts(),
                "exceptions": [document.outcome(one) for one in exceptions],
            }
        )
        return
    counts = [f"{number:,} {name}" for name, number in sorted(found.counts().items())]
    print(f"{len(found.outcomes):,} devices in {found.seconds:.2f} s: {', '.join(counts) or '–'}")
    shown = exceptions if every else exceptions[:SHOWN]
    rows: list[table.Row] = [
        [
            one.device,
            table.Styled(one.status.name, outcome.style(one.status)),
            one.reason,
            values.quantity(one.value, unit) if one.value is not None else "",
            one.detail,
        ]
        for one in shown
    ]
    for line in table.lines(rows, paint_for(sys.stdout), right=(3,), indent="  "):
        print(line)
    if len(shown) < len(exceptions):
        print(f"  and {len(exceptions) - len(shown):,} more; --all shows them")
