"""What a template or link template declares of its parameters, and where it uses them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from jacquemart.runtime.city import schema
from jacquemart.runtime.city.checks import Check, Key, read_table, text, whole
from jacquemart.runtime.city.files import Table
from jacquemart.runtime.city.problems import Place, Report
from jacquemart.runtime.city.templates import named_tables
from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.model.expressions import PARAMETER
from jacquemart.runtime.model.parameters import expressions

#: Far above any address, and few enough digits for a cell to be read as one number.
_LARGEST = 10**12

ParameterKeys = tuple[Key, ...]
"""A key for each parameter, as columns and defaults are read against."""

_NAME = "1 to 32 of a-z 0-9 _, a letter first"


def read_parameters(table: Table, report: Report, taken: Collection[str]) -> ParameterKeys:
    """Return the parameters that the table of a template declares.

    Args:
        table: the template.
        report: takes the problems.
        taken: names that mean something else in an inventory.
    """
    keys = []
    for name, about in named_tables(table.inside("parameters"), report):
        place = table.place("parameters", name)
        if not PARAMETER.fullmatch(f"{{{name}}}"):
            report.add(place, name, _NAME)
            continue
        if name in taken:
            report.add(place, name, "a name that means nothing else in an inventory")
            continue
        before = report.count
        values = read_table(about, schema.PARAMETER, report)
        check = _check(values, about, report)
        key = Key(name, check)
        if values["default"] is not None and report.count == before:
            try:
                key = replace(key, default=check.accept(values["default"]))
            except ValueError:
                report.add(about.place("default"), values["default"], check.allowed)
        keys.append(key)
    return tuple(keys)


def _check(values: Mapping[str, Any], table: Table, report: Report) -> Check:
    if values["type"] == "text":
        if values["range"] is not None:
            report.add(table.place("range"), list(values["range"]), "no range for a text")
        return text(200, 1)
    low, high = values["range"] or (-_LARGEST, _LARGEST)
    if not (float(low).is_integer() and float(high).is_integer()):
        report.add(table.place("range"), [low, high], "two whole numbers")
    return whole(int(low), int(high))


def declare_all(
    parent: Table,
    templates: Mapping[str, TemplateSpec],
    report: Report,
    sound: set[str],
    taken: Collection[str],
) -> dict[str, ParameterKeys]:
    """Return what each device template declares, and report what its addresses get wrong.

    Args:
        parent: the table of all templates.
        templates: what they are.
        report: takes the problems.
        sound: the templates without a problem; those with one are taken out.
        taken: names that mean something else in an inventory.
    """
    declared: dict[str, ParameterKeys] = {}
    for name, template in templates.items():
        table = parent.inside(name)
        if not isinstance(table.values.get("parameters", 0), dict):
            continue
        before = report.count
        declared[name] = read_parameters(table, report, taken)
        for point in template.points:
            place = table.place("points", point.name, "address")
            check_use(point.address, declared[name], place, report)
        if report.count > before:
            sound.discard(name)
    return declared


def check_use(value: Any, declared: ParameterKeys, place: Place, report: Report) -> None:
    """Report parameters that are used and not declared, and texts that cannot be computed."""
    names = [key.name for key in declared]
    texts = {key.name for key in declared if key.check.parse is None}
    for found in expressions(value):
        for name in found.names:
            if name not in names:
                allowed = f"parameters of the template: {', '.join(names) or 'it has none'}"
                report.add(place, f"{{{name}}}", allowed, among=[f"{{{name}}}" for name in names])
        if found.fault and not texts.intersection(found.names):
            report.add(place, found.text, "whole numbers, {parameters}, + - * ( )", found.fault)


def shared(rows: Iterable[tuple[Any, ...]], names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return for each row its parameters by name; equal rows share one mapping."""
    made: dict[tuple[Any, ...], dict[str, Any]] = {}
    found = []
    for row in rows:
        parameters = made.get(row)
        if parameters is None:
            parameters = made[row] = dict(zip(names, row, strict=True))
        found.append(parameters)
    return found
