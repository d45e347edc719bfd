"""Cards about commands that must not reach the field."""

from __future__ import annotations

import math
from typing import Any

from jacquemart.runtime.actor import Ticket
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing.kinds.sample import Sample


def refuses_what_may_not_be_written(sample: Sample) -> None:
    """Out of range, of another unit, no number, not writable, unknown: refused, each by reason."""
    with sample.bench() as bench:
        for point in sample.template.points:
            for value, unit, reason in wrong_values(point):
                before = len(bench.writes)
                ticket = bench.set(point.name, value, unit)
                what = f"set {point.name} {value!r} {unit}".rstrip()
                must_be_refused(ticket, reason, what)
                sent = [write for write in bench.writes[before:] if write[0] == point.name]
                assert not sent, f"{what} was refused, and sent all the same"
        must_be_refused(bench.set("no_such_point", 1.0), Reason.UNKNOWN_POINT, "set no_such_point")
        must_be_refused(bench.command("no_such_verb"), Reason.UNKNOWN_COMMAND, "no_such_verb")
        assert not bench.failures, f"{bench.failures[0]!r} while commands were refused"


def wrong_values(point: PointSpec) -> list[tuple[Any, str, str]]:
    """Return values that a point must refuse, with the unit sent and the reason expected."""
    if not point.writable:
        inside = point.low if point.low is not None else 0.0
        return [(inside, "", Reason.NOT_WRITABLE)]
    wrong: list[tuple[Any, str, str]] = [
        (math.nan, "", Reason.BAD_VALUE),
        (math.inf, "", Reason.BAD_VALUE),
        ("no such word", "", Reason.BAD_VALUE),
        (None, "", Reason.BAD_VALUE),
        (point.low or 0.0, "no such unit", Reason.WRONG_UNIT),
    ]
    if point.low is not None:
        wrong.append((point.low - 1.0, "", Reason.OUT_OF_RANGE))
    if point.high is not None:
        wrong.append((point.high + 1.0, "", Reason.OUT_OF_RANGE))
    if point.whole and point.low is not None and point.high is not None and point.low < point.high:
        wrong.append((point.low + 0.5, "", Reason.BAD_VALUE))
    return wrong


def must_be_refused(ticket: Ticket, reason: str, what: str) -> None:
    """Assert that a command has ended REJECTED for this reason."""
    outcome = ticket.outcome
    assert outcome is not None, f"{what} was not refused at once"
    found = (outcome.status, outcome.reason)
    assert found == (Status.REJECTED, reason), (
        f"{what} ended {outcome.status.name} {outcome.reason} ({outcome.detail}), "
        f"not REJECTED {reason}"
    )
