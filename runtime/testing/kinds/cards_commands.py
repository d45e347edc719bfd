"""Cards about the commands of a kind."""

from __future__ import annotations

import math
from typing import Any

from jacquemart.runtime.actor import Argument
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing.kinds.bench import KindBench
from jacquemart.runtime.testing.kinds.cards_refused import must_be_refused
from jacquemart.runtime.testing.kinds.cards_rules import sound_so_far
from jacquemart.runtime.testing.kinds.field import Answers
from jacquemart.runtime.testing.kinds.sample import Sample, good_values

WITHIN_S = 10.0
#: A command has its end at most so long after its deadline (docs/protocol.md).
AFTER_DEADLINE_S = 4.5


def checks_arguments(sample: Sample) -> None:
    """A command with a wrong value is refused before its handler runs."""
    for spec in sample.commands:
        for value, unit, reason in wrong_arguments(spec.takes):
            with sample.bench() as bench:
                ticket = bench.command(spec.name, value, unit=unit)
                must_be_refused(ticket, reason, f"{spec.name} {value!r} {unit}".rstrip())
                assert not bench.writes, f"{spec.name} {value!r} was refused, and wrote"
                assert not bench.failures, f"{spec.name} {value!r}: {bench.failures[0]!r}"


def wrong_arguments(takes: Argument | None) -> list[tuple[Any, str, str]]:
    """Return values that a command must refuse, with the unit sent and the reason expected."""
    if takes is None:
        return [(1.0, "", Reason.BAD_VALUE), ("word", "", Reason.BAD_VALUE)]
    if takes.text:
        return [
            (1.0, "", Reason.BAD_VALUE), (None, "", Reason.BAD_VALUE), ("", "", Reason.BAD_VALUE),
            ("x" * (takes.text + 1), "", Reason.BAD_VALUE),
            ("x", "no such unit", Reason.WRONG_UNIT),
        ]  # fmt: skip
    low, high = takes.limits
    inside = low if low is not None else (high if high is not None else 0.0)
    wrong: list[tuple[Any, str, str]] = [
        (math.nan, "", Reason.BAD_VALUE),
        ("no such word", "", Reason.BAD_VALUE),
        (inside, "no such unit", Reason.WRONG_UNIT),
    ]
    if not takes.optional:
        wrong.append((None, "", Reason.BAD_VALUE))
    if low is not None:
        wrong.append((low - 1.0, "", Reason.OUT_OF_RANGE))
    if high is not None:
        wrong.append((high + 1.0, "", Reason.OUT_OF_RANGE))
    return wrong


def commands_end(sample: Sample) -> None:
    """Every command has exactly one end, in time, whatever the field does with its writes."""
    for spec in sample.commands:
        for value in good_values(spec.takes):
            for field in (*Answers, "link down", "not there"):
                with sample.bench() as bench:
                    bench.advance(5.0)
                    if field == "link down":
                        bench.link(False)
                    elif field == "not there":
                        bench.field.there = False
                    else:
                        bench.answers(Answers(field))
                    ticket = bench.command(spec.name, value, within_s=WITHIN_S)
                    bench.advance(WITHIN_S + AFTER_DEADLINE_S + 1.0)
                    what = f"{spec.name} {value!r} with a field that is {field!s}"
                    assert ticket.outcome is not None, f"{what} has no end"
                    sound_so_far(bench)


def hears_any_end_of_others(sample: Sample) -> None:
    """Whatever becomes of what it commands other devices, nothing is raised, and commands end."""
    if not _tells_others(sample, Status.APPLIED, "is done"):
        return  # it commands nobody
    for status in Status:
        _tells_others(sample, status, f"ends {status.name}")
    _tells_others(sample, None, "ends late")


def _tells_others(sample: Sample, answer: Status | None, what: str) -> int:
    """Have it do all that it does while others answer so; return how often it commanded one."""
    told = 0
    for spec in sample.commands:
        for value in good_values(spec.takes):
            with sample.bench() as bench:
                bench.others.answer = answer
                bench.advance(5.0)
                ticket = bench.command(spec.name, value, within_s=WITHIN_S)
                bench.advance(WITHIN_S + AFTER_DEADLINE_S + 1.0)
                named = f"{spec.name} {value!r}, while what it commands others {what},"
                assert ticket.outcome is not None, f"{named} has no end"
                told += _soundly(bench, named)
    with sample.bench() as bench:
        bench.others.answer = answer
        for point in sample.field_points:
            for reading in (point.low or 0.0, 1.0 if point.high is None else point.high):
                bench.reading(point.name, reading)
                bench.advance(1.0)
        bench.stop()
        bench.advance(61.0)
        told += _soundly(bench, f"a reading, while what it commands others {what},")
    return told


def _soundly(bench: KindBench, named: str) -> int:
    """Assert that nothing was raised; return how often others were commanded."""
    try:
        sound_so_far(bench)
    except AssertionError as error:
        raise AssertionError(f"{named} found a fault: {error}") from error
    return len(bench.others.commands)
