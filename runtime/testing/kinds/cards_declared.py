"""Cards about the declaration itself."""

from __future__ import annotations

import math

from jacquemart.runtime.model.ids import valid_word
from jacquemart.runtime.testing.kinds.sample import Sample

#: Long enough for every poll group to be read once, and for timers of a minute.
FIRST_POLLS_S = 900.0


def declares(sample: Sample) -> None:
    """It says what it is: a name, a sentence, its points and commands."""
    kind = sample.kind
    where = kind.__name__
    assert valid_word(kind.kind), f"{where}.kind is {kind.kind!r}, allowed: a word of a-z 0-9 _"
    assert kind.__doc__, f"{where} has no docstring: it is the rules' text in its reference"
    assert kind.points or kind.open_points, f"{where} declares no points, and is not open"
    declared = [point.name for point in kind.points]
    for name in kind.watched:
        known = name in declared or any(point.matches(name) for point in kind.points)
        assert known or kind.open_points, f"{where} watches {name}, which it does not declare"
    for line in kind.summary:
        known = any(point.matches(line.point) for point in kind.points)
        assert known or kind.open_points, f"{where} sums up {line.point}, which it does not declare"
    for spec in kind.command_specs.values():
        assert spec.about, (
            f'{where}: command {spec.name} says nothing: @command("…", "what it does")'
        )
        assert not spec.about.endswith("."), f"{where}: command {spec.name}: no stop at the end"
        like = spec.takes.like if spec.takes else ""
        assert not like or like in declared, f"{where}: command {spec.name} is like {like}"


def reaches_every_point(sample: Sample) -> None:
    """A template made from the declaration has every point, and each can be read and written."""
    names = [point.name for point in sample.template.points]
    for declared in sample.kind.points:
        found = [name for name in names if declared.matches(name)]
        assert found, f"{declared.name} is in no template that was made from the declaration"
    with sample.bench() as bench:
        bench.advance(FIRST_POLLS_S)
        for point in sample.field_points:
            if point.poll_ms and not point.withheld_unless:
                value = bench.value(point.name)
                assert not math.isnan(value), f"{point.name} was polled and never read"
        assert not bench.failures, f"{bench.failures[0]!r} while nothing but polls happened"
    for point in sample.field_points:
        if point.writable and point.pulse:
            assert point.feedback, f"{point.name} is a pulse: without feedback nothing proves it"
