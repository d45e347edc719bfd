"""What the cards work on: a kind, and how a template and a device of it are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from jacquemart.runtime.actor import Argument, DeviceActor
from jacquemart.runtime.actor.declare import CommandSpec
from jacquemart.runtime.model.city import PointSpec, TemplateSpec
from jacquemart.runtime.testing.kinds.bench import KindBench
from jacquemart.runtime.testing.kinds.template import template_of


@dataclass(frozen=True)
class Sample:
    """One kind under test."""

    kind: type[DeviceActor]
    options: Mapping[str, Any] = field(default_factory=dict)
    points: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    members: Sequence[str] | Mapping[str, Sequence[str]] = ("1",)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def template(self) -> TemplateSpec:
        """Return the template made from the declaration."""
        return template_of(
            self.kind, members=self.members, points=self.points, options=self.options
        )

    @property
    def field_points(self) -> list[PointSpec]:
        """Return the points that have a place in the field."""
        return [point for point in self.template.points if "derived" not in point.address]

    @property
    def commands(self) -> list[CommandSpec]:
        """Return the commands, as the template completes them."""
        found = []
        for spec in self.kind.command_specs.values():
            takes = spec.takes.of_template(self.template) if spec.takes else None
            found.append(replace(spec, takes=takes))
        return found

    def bench(self) -> KindBench:
        """Return a new bench."""
        return KindBench(self.kind, self.template, parameters=self.parameters)


def sample_of(kind: type[DeviceActor], **given: Any) -> Sample:
    """Return a sample of a kind."""
    return Sample(kind, **given)


def good_values(takes: Argument | None) -> list[float | str | None]:
    """Return values that an argument allows: its ends, a middle, its words."""
    if takes is None:
        return [None]
    if takes.text:
        return ["x", "{}", "[1, null]", "[" * takes.text, "\0" * takes.text]
    low, high = takes.limits
    known = [end for end in (low, high) if end is not None]
    middle = sum(known) / len(known) if known else 0.0
    found: list[float | str | None] = [*known, float(round(middle)), *takes.words[:3]]
    return [*found, None] if takes.optional else found
